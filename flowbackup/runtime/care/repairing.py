"""Repair: every copy brought back to what it was meant to hold, from the others, frame by frame.

Each frame that is missing somewhere is read once, from its best copy, checked, and written to every
medium that lacks it; nothing else moves.  A killed repair leaves valid media, and the next one
finds what it had made durable.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.missing import MissingTotal, Wanted
from flowbackup.errors import (
    EXIT_COPIES_MISSING,
    EXIT_INTERRUPTED,
    EXIT_LOCKED,
    DamageError,
    DeviceError,
    DeviceLockedError,
    FlowbackupError,
    NotFoundError,
    UsageError,
)
from flowbackup.frame.seal import seal
from flowbackup.media.open import open_device
from flowbackup.media.port import StoredFrame, WritableDevice
from flowbackup.model.device import MediumInfo
from flowbackup.model.frame import Codec, FrameKind
from flowbackup.model.ids import NO_ID, FrameId, id_text
from flowbackup.model.record import SessionRecord
from flowbackup.model.report import DeviceReport, Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem, Progress
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.care.group_memory import GroupMemory
from flowbackup.runtime.care.repair_doors import RepairDoors
from flowbackup.runtime.care.repair_media import RepairMedium, media_to_repair
from flowbackup.runtime.care.repair_reach import Far, RepairReach
from flowbackup.runtime.care.repair_target import RepairTarget
from flowbackup.runtime.reading.copies import CopyReader, copy_reader
from flowbackup.runtime.reading.hits import hits_text
from flowbackup.runtime.reading.known_media import KnownMedia, OpenDevice
from flowbackup.runtime.reading.local_session import LocalSession
from flowbackup.runtime.versions import tool_versions
from flowbackup.units import MIB, counted, format_size

GROUP_BYTES = 64 * MIB
"""So much is copied under one commit: memory stays at that and one frame, a sync is worth it."""
GROUP_FRAMES = 256
FRAMES_NAMED_MAX = 100
"""So many frames without a good copy are named with their paths; the rest is a number."""
PROGRESS_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class RepairTask:
    """devices: names or locations, none for all.  objects: only versions of these.  full: each
    device is to hold every one of them, also if it was never meant to.  dry_run: say what would
    move, and write to no medium.  wait_seconds_max: how long it may wait for its devices, all of
    them; then those that are free are repaired.  frames: None for what the versions need; else only
    these are brought to each device, by its id."""

    devices: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    full: bool = False
    dry_run: bool = False
    wait_seconds_max: float = 0.0
    frames: Mapping[bytes, frozenset[FrameId]] | None = None


def run_repair(
    catalog: Catalog, task: RepairTask, monitor: Monitor, opening: OpenDevice = open_device,
    far: Far | None = None, cancel: Cancel | None = None,
) -> SessionReport:  # fmt: skip
    """far: opens media of other nodes, which are out of reach without it.  cancel: ends it behind
    the frames that are being copied, which the next repair does not copy again.  Raises
    NotFoundError for a device or object that is not known, UsageError; everything else is told in
    the report.  Facts that are found out about media are recorded also in a dry run."""
    if task.full and not task.devices:
        raise UsageError("--full needs a DEVICE", remedy="name the device that is to hold all")
    versions = _versions(catalog, task.objects) if task.objects else None
    reach = RepairReach(opening, far)
    media = media_to_repair(catalog, task.devices, reach)
    names = ", ".join(m.info.device for m in media)
    session = LocalSession(catalog, "repair", names, monitor, cancel=cancel)
    try:
        lost = {medium for m in media for medium in m.stands_for}
        known = KnownMedia(catalog, opening, reach.reads_far)
        with copy_reader(catalog, session, known, lost) as frames:
            repair = _Repair(catalog, task, media, versions, session, frames, reach)
            try:
                report = repair.run()
            finally:
                repair.close()
    except BaseException:
        session.finish(Outcome.FAILED)
        raise
    return session.end(report)


def _versions(catalog: Catalog, queries: Sequence[str]) -> tuple[bytes, ...]:
    """The object ids of all versions of an object that is named, or of the one that is meant."""
    found: dict[bytes, None] = {}
    for query in queries:
        named = [o for o in catalog.objects() if query in (o.name, f"{o.client}/{o.name}")]
        versions = [v for o in named for v in catalog.versions(o)] or [catalog.resolve(query)]
        found |= dict.fromkeys(version.object_id for version in versions)
    return tuple(found)


class _Repair:
    """One repair under way.  `run`, then `close`."""

    def __init__(
        self, catalog: Catalog, task: RepairTask, media: Sequence[RepairMedium],
        versions: tuple[bytes, ...] | None, session: LocalSession, frames: CopyReader,
        reach: RepairReach,
    ) -> None:  # fmt: skip
        self._catalog = catalog
        self._task = task
        self._media = media
        self._session = session
        self._frames = frames
        self._reach = reach
        self._doors = RepairDoors(session.session, reach, session, session.cancel)
        self._wanted = [
            Wanted(
                m.info.medium,
                m.info.device,
                m.stands_for,
                task.full,
                versions,
                m.lost,
                None if task.frames is None else task.frames.get(m.info.device_id, frozenset()),
            )
            for m in media
        ]
        self._states = {m.info.medium: "unreachable" for m in media if m.fault}
        self._locked: dict[bytes, DeviceLockedError] = {}
        self._targets: dict[bytes, RepairTarget] = {}
        self._memory = GroupMemory()
        self._hopeless: set[FrameId] = set()
        self._lost = 0
        self._has_sealed = False
        self._told = 0.0

    def run(self) -> SessionReport:
        """Locks, looks, moves, seals."""
        if not self._task.dry_run:
            there = [medium.info for medium in self._media if not medium.fault]
            self._doors.take_all(there, self._task.wait_seconds_max)
        for medium in self._media:
            self._open(medium, self._look)
        before = self._catalog.find_missing(self._wanted)
        for medium in self._media:
            self._tell_missing(medium, before[medium.info.medium])
        if self._task.dry_run:
            return self._report(before, before)
        self._let_go_of_complete(before)
        bytes_total = sum(total.payload_bytes for total in before.values())
        while self._move(bytes_total) and not self._session.cancel.is_told:
            self._take_up(self._catalog.find_missing(self._wanted))
        left = self._catalog.find_missing(self._wanted)
        self._seal(self._report(before, left))
        return self._report(before, left)

    def close(self) -> None:
        """Gives every device back."""
        self._doors.close()
        for target in self._targets.values():
            target.close()

    # Looking

    def _open(self, medium: RepairMedium, look: Callable[[RepairMedium], None]) -> None:
        """Locks it, if it is there, and looks at it."""
        info = medium.info
        if info.medium in self._states or info.medium in self._locked:
            return
        try:
            if self._task.dry_run:
                self._reach.device(info).info()
            else:
                device = self._doors.take(info)
                keep = partial(self._keep_new, device, info)
                self._targets[info.medium] = RepairTarget(info, device, keep)
            look(medium)
        except DeviceLockedError as error:
            self._locked[info.medium] = error
        except DeviceError as error:
            self._states[info.medium] = "failed"
            self._session.problem(Problem("device_failed", str(error), device=info.device))
            if info.medium in self._targets:
                self._targets.pop(info.medium).close()

    def _look(self, medium: RepairMedium) -> None:
        for info in medium.present:
            self._session.cancel.refuse("anything was repaired")
            self._look_at(info)
            self._mend(info)

    def _look_at(self, info: MediumInfo) -> None:
        lost = self._reach.look(self._catalog, info)
        if lost:
            text = f"segments are gone from {info.location}, with {counted(lost, 'frame')}"
            self._session.problem(Problem("damaged", text, device=info.device))

    def _mend(self, info: MediumInfo) -> None:
        for fault in self._reach.faults(info):
            self._session.problem(Problem("damaged", fault, device=info.device))
        if not self._task.dry_run:
            mended = self._reach.mend(info)
            if mended:
                self._session.message(f"{info.device}: {', '.join(mended)} written anew")

    def _tell_missing(self, medium: RepairMedium, total: MissingTotal) -> None:
        """Somebody may be writing to a medium that lacks nothing, or it may be away."""
        info = medium.info
        if not total.frames:
            return
        size = format_size(total.payload_bytes)
        self._session.message(f"{info.device} lacks {counted(total.frames, 'frame')}, {size}")
        if info.medium in self._locked:
            self._states[info.medium] = "locked"
            text = str(self._locked[info.medium])
            self._session.problem(Problem("locked", text, device=info.device))
        elif medium.fault:
            self._session.problem(Problem("unreachable", medium.fault, device=info.device))

    def _let_go_of_complete(self, missing: dict[bytes, MissingTotal]) -> None:
        for medium in [m for m in self._targets if not missing[m].frames]:
            self._targets.pop(medium).close()

    def _take_up(self, missing: dict[bytes, MissingTotal]) -> None:
        """A copy that was found damaged while it was read lacks something, too."""
        for medium in self._media:
            if missing[medium.info.medium].frames and medium.info.medium not in self._targets:
                self._open(medium, lambda _: None)

    # Moving

    def _move(self, bytes_total: int) -> int:
        """One pass over everything that is missing; how many frames have become durable."""
        before = self._moved()
        for missing in self._catalog.missing_frames():
            if self._session.cancel.is_told:
                break
            takers = [self._targets[m] for m in missing.media if m in self._targets]
            takers = [target for target in takers if target.failure is None]
            if not takers or missing.frame in self._hopeless:
                continue
            try:
                header, payload = self._frames.read(missing.frame)
                self._has_sealed |= bool(header.codec & Codec.SEALED)
            except (DeviceError, NotFoundError) as error:
                self._give_up(missing.frame, error)
                continue
            memory = self._memory.copy(payload)
            for target in takers:
                target.append(self._session.session, header, memory)
            if self._memory.bytes_used >= GROUP_BYTES or self._memory.frames >= GROUP_FRAMES:
                self._commit()
            self._progress(bytes_total)
        self._commit()
        return self._moved() - before

    def _moved(self) -> int:
        return sum(target.frames for target in self._targets.values())

    def _commit(self) -> None:
        for target in self._targets.values():
            target.commit()
        self._memory.clear()
        for target in self._targets.values():
            self._tell_failure(target)

    def _keep(self, stored: Sequence[StoredFrame]) -> None:
        self._catalog.add_durable([(frame.header, frame.place) for frame in stored])

    def _keep_new(
        self, device: WritableDevice, info: MediumInfo, stored: Sequence[StoredFrame]
    ) -> None:  # fmt: skip
        """Of a set the newest medium may have been begun just now."""
        known = {medium.medium for medium in self._catalog.media()}
        if any(frame.place.medium not in known for frame in stored):
            for new in device.media():
                self._catalog.add_medium(replace(new, node=info.node, node_labels=info.node_labels))
        self._keep(stored)

    def _tell_failure(self, target: RepairTarget) -> None:
        medium = target.info.medium
        if target.failure is not None and self._states.get(medium) != "failed":
            self._states[medium] = "failed"
            problem = Problem("device_failed", str(target.failure), device=target.info.device)
            self._session.problem(problem)

    def _give_up(self, frame: FrameId, error: FlowbackupError) -> None:
        self._hopeless.add(frame)
        is_lost = isinstance(error, (DamageError, NotFoundError))
        self._lost += is_lost
        if len(self._hopeless) <= FRAMES_NAMED_MAX:
            text = f"{error}; {hits_text(self._catalog.hits_of_frame(frame))}"
            self._session.problem(Problem("lost" if is_lost else "unreachable", text))

    def _progress(self, bytes_total: int) -> None:
        now = time.monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            self._session.progress(
                Progress("repair", 0, self._frames.bytes_read, None, bytes_total)
            )

    # Ending

    def _seal(self, so_far: SessionReport) -> None:
        """The session's record on every medium that was written, as a backup leaves it."""
        session = self._session
        record = SessionRecord.of_report(
            so_far, started_ns=session.beginning.started_ns, finished_ns=time.time_ns(),
            host=socket.gethostname(), graph="", versions=tool_versions(),
        )  # fmt: skip
        data = (record.without_names() if self._has_sealed else record).to_json()
        memory = self._memory.copy(data)
        frame = FrameId(session.session, 0, 0)
        header = seal(memory, [], frame, FrameKind.CATALOG, NO_ID, len(data))
        for target in self._targets.values():
            target.finish(session.session, header, memory)
            self._tell_failure(target)

    def _report(
        self, before: dict[bytes, MissingTotal], left: dict[bytes, MissingTotal]
    ) -> SessionReport:
        more = len(self._hopeless) - FRAMES_NAMED_MAX
        outcome, exit_code = self._outcome(left)
        devices = tuple(
            self._device(m, before[m.info.medium], left[m.info.medium]) for m in self._media
        )
        report = self._session.report(outcome)
        if more > 0:
            text = f"{more} more frames have no good copy within reach"
            report = replace(report, problems=(*report.problems, Problem("unreachable", text)))
        return replace(
            report, exit_code=report.exit_code if exit_code is None else exit_code,
            bytes_read=self._frames.bytes_read,
            bytes_new=sum(target.payload_bytes for target in self._targets.values()),
            devices=devices,
        )  # fmt: skip

    def _outcome(self, left: dict[bytes, MissingTotal]) -> tuple[Outcome, int | None]:
        """A frame that is lost weighs more than one that can be had another day."""
        if self._session.cancel.is_told:
            return Outcome.INCOMPLETE, EXIT_INTERRUPTED
        if self._lost:
            return Outcome.FAILED, None
        lacking = {medium for medium, total in left.items() if total.required}
        if any(self._states.get(medium) == "locked" for medium in lacking):
            return Outcome.INCOMPLETE, EXIT_LOCKED
        if lacking or "failed" in self._states.values():
            return Outcome.INCOMPLETE, EXIT_COPIES_MISSING
        return Outcome.SUCCESS, None

    def _device(
        self, medium: RepairMedium, before: MissingTotal, left: MissingTotal
    ) -> DeviceReport:
        """frames: those that moved, or in a dry run would."""
        info = medium.info
        target = self._targets.get(info.medium)
        state = self._states.get(info.medium, "incomplete" if left.frames else "complete")
        if self._task.dry_run:
            frames, bytes_written, syncs = before.frames, 0, 0
        elif target is None:
            frames = bytes_written = syncs = 0
        else:
            statistics = target.statistics()
            frames, bytes_written, syncs = target.frames, statistics.bytes_written, statistics.syncs
        return DeviceReport(
            name=info.device, agent="", role="repair", level=0, node=info.node, state=state,
            bytes_written=bytes_written, frames=frames, syncs=syncs, medium=id_text(info.medium),
        )  # fmt: skip
