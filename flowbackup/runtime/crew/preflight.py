"""What can be refused without starting anything: devices of this machine that cannot be meant."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from functools import partial

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DeviceError, DeviceLockedError, FlowbackupError, SourceError
from flowbackup.media.bounded import within
from flowbackup.media.labels.label import read_label
from flowbackup.media.labels.set_label import is_set
from flowbackup.media.open import is_blank, make_first_medium, open_device
from flowbackup.media.places.kinds import FILES
from flowbackup.media.segments.reader import MediumReader
from flowbackup.media.sets.media_set import find_set
from flowbackup.model.device import DEFAULT_BLOCK_BYTES, DeviceTarget, MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.model.location import TAPE, is_directory, kind_at
from flowbackup.monitor import Monitor
from flowbackup.plan.decided import Plan, StreamPlan
from flowbackup.plan.groups import RESTORE
from flowbackup.runtime.actors.presence import absence_of
from flowbackup.units import counted, format_size


def near_nodes(plan: Plan) -> tuple[str, ...]:
    """The nodes of the plan that are this machine."""
    return tuple(node.name for node in plan.nodes if not node.labels)


@dataclass(frozen=True, slots=True)
class Labelling:
    """Which devices may get their first label now: directories that do not exist yet and blank
    places of other kinds (create), empty directories and blank tapes (init)."""

    create: bool
    init: bool

    def covers(self, location: str) -> bool:
        if kind_at(location) == TAPE:
            return self.init
        is_new = not is_directory(location) or not os.path.lexists(location)
        return self.create if is_new else self.init


NO_LABELS = Labelling(create=False, init=False)
"""For what is only read."""


def check_before_start(plan: Plan, catalog: Catalog, labels: Labelling, monitor: Monitor) -> None:
    """Looks at the objects and devices of this machine; the agents look again, and at those of
    other nodes, when they open.  Raises the first fault, with the others and their remedies in
    its message, a line each."""
    parts = (plan, *plan.stages)
    near = set(near_nodes(plan))
    faults: list[FlowbackupError] = []
    for plan_object in plan.objects:
        if plan_object.node in near and (absence := absence_of(plan_object)):
            faults.append(SourceError(absence, remedy=_remedy(plan_object.stream)))
    streams = [o.stream for o in plan.objects if o.stream is not None]
    if any(stream.is_standard_input for stream in streams) and os.isatty(0):
        faults.append(
            SourceError(
                "standard input is a terminal",
                remedy="give it what is to be saved, as in `pg_dump site | flowbackup ...`",
            )
        )
    everybody = [agent for part in parts for agent in part.agents]
    # Those that are written first: a device that is only read gets no label.
    agents = [(a.node, a.device, labels) for a in everybody if a.role != RESTORE]
    agents += [(a.node, a.device, NO_LABELS) for a in everybody if a.role == RESTORE]
    spares = [(s.node, s.device, labels) for p in parts for g in p.groups for s in g.spares]
    for node, target, allowed in dict.fromkeys((*agents, *spares)):
        if node in near:
            try:
                within(
                    target.name, target.location,
                    partial(_check_device, target, catalog, allowed, monitor),
                )  # fmt: skip
            except DeviceLockedError:
                # A tape that is in use: who may wait for it waits at its door, or hears there who
                # has it, and its agent looks then.
                continue
            except DeviceError as error:
                faults.append(error)
    if faults:
        raise _joined(faults)


def check_device(
    plan: Plan, target: DeviceTarget, catalog: Catalog, labels: Labelling, monitor: Monitor
) -> None:  # fmt: skip
    """As `check_before_start`, for one device of a plan that runs already.  Raises DeviceError."""
    nodes = {agent.node for agent in plan.agents if agent.device == target}
    if nodes <= set(near_nodes(plan)):
        look = partial(_check_device, target, catalog, labels, monitor)
        within(target.name, target.location, look)


def _remedy(stream: StreamPlan | None) -> str:
    """For an object that is not there."""
    if stream is not None and stream.is_table:
        return "give it with `object(..., table=...)` of flowbackup.Graph"
    return f"correct its {'path' if stream is None else 'source' if stream.source else 'command'}"


def _joined(faults: list[FlowbackupError]) -> FlowbackupError:
    """The first of them, which then says what is wrong with all and what to do about each."""
    first = faults[0]
    if len(faults) > 1:
        first.message, first.remedy = "\n".join(str(fault) for fault in faults), ""
    return first


def _check_device(
    target: DeviceTarget, catalog: Catalog, labels: Labelling, monitor: Monitor
) -> None:  # fmt: skip
    if is_blank(target):
        known = catalog.medium_of_location(target.location)
        # Another tape in a drive is nothing special.
        if known is not None and target.kind != TAPE:
            raise DeviceError(
                f"{target.location} is empty, but held medium {id_text(known.medium)}",
                remedy=f'mount or connect device "{target.name}" there',
                device=target.name,
            )
        if labels.covers(target.location):
            make_first_medium(
                target.location, name=target.name, block_bytes=target.block_bytes,
                media_bytes=target.media_bytes,
            )  # fmt: skip
            monitor.message(f"new medium on {target.location}")
    device = open_device(target)
    try:
        media = device.media()
    finally:
        device.close()
    if target.kind in FILES and is_set(target.location):
        for fault in find_set(target.location, target.name).faults:
            monitor.message(fault)
    for info in media[:1]:
        _tell_of_blocks(target, info, monitor)
    for info in media:
        if info.location and kind_at(info.location) in FILES:
            _tell_of_unknown(info, catalog, monitor)


def _tell_of_blocks(target: DeviceTarget, info: MediumInfo, monitor: Monitor) -> None:
    """The label of a medium decides for good."""
    if info.location and target.block_bytes not in (info.block_bytes, DEFAULT_BLOCK_BYTES):
        monitor.message(
            f'device "{target.name}": its medium was made with blocks of '
            f"{format_size(info.block_bytes)}; the block_size of the graph, "
            f"{format_size(target.block_bytes)}, is for new media"
        )


def _tell_of_unknown(info: MediumInfo, catalog: Catalog, monitor: Monitor) -> None:
    """A medium that is ahead of its catalog loses nothing, but its versions are not listed, and
    their numbers are given again until a rebuild counts all of them."""
    files = MediumReader(info.location, read_label(info.location).label).segment_files()
    # What a killed session left unsealed may never have been heard of.
    known = set(catalog.segments(info.medium))
    unknown = {(file.segment, file.epoch) for file in files if file.sealed} - known
    if unknown:
        command = f"flowbackup rebuild {shlex.quote(info.location)}"
        monitor.message(
            f"{info.location} has {counted(len(unknown), 'segment')} that the catalog does not "
            f"know: it is older than the medium, or another one was used; `{command}` takes them "
            "over"
        )
