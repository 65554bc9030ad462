"""A mirror more, for a plan that runs: written into the graph, checked and placed as if it had
stood there from the start."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import PurePath

from flowbackup.errors import GraphError, UsageError
from flowbackup.model.device import HERE
from flowbackup.model.location import S3, TAPE, is_directory, kind_at
from flowbackup.model.tape_place import TapePlace, tape_place
from flowbackup.plan.context import absolute_path
from flowbackup.plan.decided import AgentPlan, Plan
from flowbackup.plan.groups import BACKUP, COPY, MIRROR
from flowbackup.plan.machine import Machine
from flowbackup.plan.making import make_plan
from flowbackup.spec.builder import unique_name
from flowbackup.spec.devices import DeviceSpec
from flowbackup.spec.document import GraphDocument, parse_graph
from flowbackup.spec.dump import edit_graph
from flowbackup.spec.endpoint import Endpoint
from flowbackup.spec.finding import MADE_PATH
from flowbackup.spec.models import GraphSpec, MirrorGroupSpec
from flowbackup.spec.names import safe_name

GROUP_NAME = "attached"


@dataclass(frozen=True, slots=True)
class Attachment:
    """document: the graph with the mirror.  plan: of it; it tells of the graph as it began, which
    is what the media of the session have heard of.  agent: the new one in it."""

    document: GraphDocument
    plan: Plan
    agent: str


def document_of_plan(plan: Plan) -> GraphDocument:
    """What the plan was made of."""
    return parse_graph(plan.graph_text, plan.path or MADE_PATH)


def attach_mirror(document: GraphDocument, plan: Plan, place: str, source: str) -> Attachment:
    """place: a device that the graph declares, an absolute directory of this machine, a bucket or a
    tape drive.  source: the agent that feeds it, by its name, device or group; "" for the only one
    that begins a chain.  The mirror is optional: what was begun without it is complete without it.
    Raises UsageError, and GraphError naming what forbids it."""
    spec = document.spec
    feeder = _feeder(plan, source)
    devices = dict(spec.devices)
    device = _declared(document, place)
    if not device:
        if is_directory(place) and not os.path.isabs(place):
            raise UsageError(
                f'the graph declares no device "{place}"',
                remedy=f"name a directory, or one of: {', '.join(devices)}",
            )
        name = _tape_of(place).drive if kind_at(place) == TAPE else place
        device = unique_name(safe_name(PurePath(name).name) or "device", devices)
        devices[device] = _spec_of(place)
    group = unique_name(GROUP_NAME, _groups(spec))
    mirror = MirrorGroupSpec(
        mirrors=Endpoint(feeder.group, feeder.device.name), devices=(device,),
        buffers=max(feeder.slots, -(-2 * spec.sync_size // spec.frame_size)),
        on_failure="optional",
    )  # fmt: skip
    mirrors = {**spec.mirror_groups, group: mirror}
    edited = edit_graph(
        document, spec.model_copy(update={"devices": devices, "mirror_groups": mirrors})
    )
    return Attachment(edited, _plan(edited, plan), f"{group}.{device}")


def _spec_of(place: str) -> DeviceSpec:
    if is_directory(place):
        return DeviceSpec(path=place)
    if kind_at(place) == TAPE:
        tape = _tape_of(place)
        return DeviceSpec(kind="tape", path=tape.drive, changer=tape.changer or None)
    return DeviceSpec(kind="s3", url=place) if kind_at(place) == S3 else DeviceSpec(url=place)


def _tape_of(place: str) -> TapePlace:
    """The drive, whichever tape is in it.  Raises UsageError for one tape of a set: a session goes
    on to the next where one is full."""
    try:
        found = tape_place(place)
    except ValueError as error:
        text, _, remedy = str(error).partition("|")
        raise UsageError(f"{place} {text}", remedy=remedy) from error
    if found.number:
        raise UsageError(
            f"{place} is one tape of a set",
            remedy=f"name the drive: {replace(found, number=0).location()}",
        )
    return found


def _plan(document: GraphDocument, running: Plan) -> Plan:
    """Memory is not compared: what runs has taken its part already, and a slab more is asked for
    where it is made."""
    try:
        made = make_plan(document, machine=Machine())
    except GraphError as error:
        error.message = "the graph would not be valid with this mirror"
        raise
    if [a for a in made.agents if a in running.agents] != list(running.agents):
        raise GraphError("the graph was changed beyond its new mirror")
    return replace(made, graph_text=running.graph_text)


def _feeder(plan: Plan, query: str) -> AgentPlan:
    writers = [agent for agent in plan.agents if agent.role in (BACKUP, MIRROR, COPY)]
    heads = [agent for agent in writers if agent.level == 0]
    named = [a for a in writers if query in (a.name, a.device.name, a.group)] if query else heads
    if len(named) == 1:
        return named[0]
    names = ", ".join(agent.name for agent in writers)
    if query and not named:
        raise UsageError(f'no agent of the session is called "{query}"', remedy=f"one of: {names}")
    why = f'"{query}" names several agents' if query else "several agents could feed the mirror"
    raise UsageError(why, remedy=f"name one with --from: {names}")


def _declared(document: GraphDocument, place: str) -> str:
    """The device of that name, or at that directory of this machine; "" for none."""
    devices = document.spec.devices
    if place in devices:
        return place
    if kind_at(place) == TAPE:
        return _declared_tape(document, _tape_of(place))
    if not is_directory(place):
        buckets = ((n, d.bucket_location()) for n, d in devices.items() if d.kind == S3)
        return next((name for name, location in buckets if location == place), "")
    if not os.path.isabs(place):
        return ""
    here = (n for n, d in devices.items() if d.path and d.node == HERE)
    places = {n: absolute_path(document, str(devices[n].path)) for n in here}
    wanted = os.path.realpath(place)
    return next((n for n, path in places.items() if os.path.realpath(path) == wanted), "")


def _declared_tape(document: GraphDocument, tape: TapePlace) -> str:
    """The device of this machine that has that drive: two with one drive wait for each other."""
    here = (n for n, d in document.spec.devices.items() if d.kind == TAPE and d.node == HERE)
    drives = {n: absolute_path(document, str(document.spec.devices[n].path)) for n in here}
    return next((name for name, drive in drives.items() if drive == tape.drive), "")


def _groups(spec: GraphSpec) -> dict[str, object]:
    return {
        **spec.backup_groups, **spec.mirror_groups, **spec.restore_groups, **spec.copy_groups
    }  # fmt: skip
