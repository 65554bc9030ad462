"""A session that frees what no version needs any more.

It is recorded like any other.  While it runs, nobody writes or reads by its catalog: a backup might
refer to a frame that is about to go.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import count
from typing import TypeVar

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.claim import exclusive_claim
from flowbackup.errors import (
    EXIT_COPIES_MISSING,
    EXIT_INTERRUPTED,
    EXIT_LOCKED,
    DeviceLockedError,
    FlowbackupError,
    NotFoundError,
    UsageError,
)
from flowbackup.media.pruning import SegmentPruner
from flowbackup.model.device import MediumInfo
from flowbackup.model.ids import FrameId, id_text
from flowbackup.model.location import TAPE, kind_at
from flowbackup.model.record import SessionRecord
from flowbackup.model.report import DeviceReport, FreedReport, Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.freeing.session import one_at_a_time
from flowbackup.runtime.pruning.medium import PruneMedium
from flowbackup.runtime.pruning.pruner import RECORD_STREAM, Pruner, PruneSetting, sealed_record
from flowbackup.runtime.pruning.turn import PruneTurn
from flowbackup.runtime.reading.known_media import elsewhere, target_of
from flowbackup.runtime.reading.local_session import ENGINE, LocalSession
from flowbackup.runtime.reading.named_media import media_named, newest_of_places
from flowbackup.runtime.versions import tool_versions
from flowbackup.units import counted

KIND = "prune"
Done = TypeVar("Done")
VERSIONS_NAMED_MAX = 8
OpenPruner = Callable[[MediumInfo], Pruner]
"""For one medium.  Raises FlowbackupError for one that is out of reach."""


@dataclass(frozen=True, slots=True)
class PruneTask:
    """devices: names or locations, none for all that the catalog knows.  max_unused: that part of
    each medium may stay that no version needs; None for any, and then only whole segments go.
    copies: so many durable ones every version must have, or nothing goes at all.
    wait_seconds_max: how long to wait for others that use the catalog."""

    devices: tuple[str, ...] = ()
    max_unused: Fraction | None = Fraction(1, 20)
    copies: int = 1
    dry_run: bool = False
    wait_seconds_max: float = 0.0


def near_pruner(info: MediumInfo) -> Pruner:
    """Prunes in this process."""
    if not info.is_near:
        raise elsewhere(info.device, info.node)
    return SegmentPruner(target_of(info))


class PruneSession:
    """Prunes once."""

    def __init__(
        self, catalog: Catalog, task: PruneTask, monitor: Monitor, *,
        opening: OpenPruner = near_pruner, cancel: Cancel | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:  # fmt: skip
        """cancel: ends it behind the segment that is being freed."""
        self._catalog = catalog
        self._task = task
        self._monitor = monitor
        self._opening = opening
        self._cancel = cancel or Cancel()
        self._clock = clock
        self._states: dict[str, str] = {}
        self._turns: list[PruneTurn] = []
        self._is_short_of_copies = False

    def run(self, engine: str = ENGINE) -> SessionReport:
        """What becomes of each medium is told in the report.  Raises NotFoundError for a device
        that is not known, and where media hold sessions or versions that the catalog does not know,
        DeviceLockedError while somebody else uses the catalog."""
        infos = _media_to_prune(self._catalog, self._task.devices)
        names = ", ".join(dict.fromkeys(info.device for info in infos))
        with ExitStack() as stack:
            if not self._task.dry_run:
                claim = exclusive_claim(
                    self._catalog, "flowbackup prune", self._task.wait_seconds_max
                )
                stack.enter_context(claim)
                stack.callback(one_at_a_time(self._catalog).close)
            session = LocalSession(
                self._catalog, KIND, names, self._monitor, engine,
                cancel=self._cancel, is_recorded=not self._task.dry_run,
            )  # fmt: skip
            try:
                self._prune(infos, session, stack)
            except BaseException:
                session.finish(Outcome.FAILED)
                raise
            return session.end(self._report(session))

    def _prune(
        self, infos: Sequence[MediumInfo], session: LocalSession, stack: ExitStack
    ) -> None:  # fmt: skip
        now_ns = self._clock()
        sequences = count(1)
        setting = PruneSetting(
            session.session, now_ns, self._task.dry_run, self._task.max_unused,
            lambda: next(sequences), session.problem, lambda: self._cancel.is_told,
        )  # fmt: skip
        # All are looked at before the first segment goes: what a medium has lost may be what a
        # version needs of another one.
        looked: list[PruneMedium] = []
        for info in infos:
            medium = self._guarded(info, session, partial(self._looked, info, setting, stack))
            looked += [medium] if medium is not None else []
        self._refuse_strangers()
        self._catalog.forgetting.adopt_orphans(now_ns, dry_run=self._task.dry_run)
        if self._tell_short_of_copies(session):
            return
        self._catalog.forgetting.pruning.prepare()
        turns = [PruneTurn(self._catalog, medium, setting) for medium in looked]
        for turn in turns:
            turn.plan(looked)
        self._take_all(turns, session)
        self._write_record(session)

    def _take_all(self, turns: Sequence[PruneTurn], session: LocalSession) -> None:
        """First what each medium has room for: only then it is known what is left for others."""
        for turn in turns:
            if not self._cancel.is_told:
                self._turns.append(turn)
                self._guarded(turn.medium.info, session, turn.take)
        for work in (PruneTurn.take_rest, PruneTurn.tell_again):
            for turn in self._turns:
                if not turn.medium.has_failed:
                    self._guarded(turn.medium.info, session, partial(work, turn))

    def _refuse_strangers(self) -> None:
        """What versions of other catalogs need nobody can tell here."""
        for info in self._catalog.media():
            strange = self._catalog.forgetting.pruning.strange_sessions(info.medium)
            if strange:
                raise NotFoundError(
                    f"{info.location} has frames of {counted(strange, 'session')} that this "
                    "catalog does not know: nobody can tell here what their versions need",
                    remedy=f"`flowbackup rebuild {info.location}` takes them over; a device that "
                    "is to be pruned is used with one catalog",
                )

    def _looked(self, info: MediumInfo, setting: PruneSetting, stack: ExitStack) -> PruneMedium:
        pruner = self._opening(info)
        stack.callback(pruner.close)
        pruner.info()
        if not self._task.dry_run:
            pruner.lock(f"prune {id_text(setting.session)}", in_turn=True)
        medium = PruneMedium(self._catalog, info, pruner, setting)
        medium.look()
        return medium

    def _guarded(
        self, info: MediumInfo, session: LocalSession, work: Callable[[], Done]
    ) -> Done | None:  # fmt: skip
        """A medium that fails costs no other one."""
        try:
            return work()
        except DeviceLockedError as error:
            self._states[info.device] = "locked"
            session.problem(Problem("locked", str(error), device=info.device))
        except FlowbackupError as error:
            self._states[info.device] = "failed"
            session.problem(Problem("device_failed", str(error), device=info.device))
        return None

    def _tell_short_of_copies(self, session: LocalSession) -> bool:
        """What is kept must be safe before anything else goes: what is forgotten may be the last
        thing that somebody has."""
        short = self._catalog.below_copies(self._task.copies)
        for row in short[:VERSIONS_NAMED_MAX]:
            text = f"{row.version} has {row.copies} of {self._task.copies} durable copies"
            remedy = "nothing is freed before `flowbackup repair` has completed it"
            session.problem(Problem("copies_missing", f"{text}; {remedy}"))
        if len(short) > VERSIONS_NAMED_MAX:
            more = f"{len(short) - VERSIONS_NAMED_MAX} more versions have too few copies"
            session.problem(Problem("copies_missing", more))
        self._is_short_of_copies = bool(short)
        return self._is_short_of_copies

    def _write_record(self, session: LocalSession) -> None:
        """On every medium that was written to, the same."""
        written = [turn.medium for turn in self._turns if turn.medium.has_written]
        if not written:
            return
        record = SessionRecord.of_report(
            self._report(session), started_ns=session.beginning.started_ns,
            finished_ns=time.time_ns(), host=socket.gethostname(), graph="",
            versions=tool_versions(),
        )  # fmt: skip
        frame = FrameId(session.session, RECORD_STREAM, 0)
        if any(medium.has_sealed for medium in written):
            record = record.without_names()
        header, payload = sealed_record(frame, record.to_json())
        for medium in written:
            if not medium.has_failed:
                self._guarded(medium.info, session, partial(medium.end, header, payload))

    # How it ended

    def _outcome(self) -> Outcome:
        if "failed" in self._states.values():
            return Outcome.FAILED
        incomplete = self._states or self._is_short_of_copies or self._cancel.is_told
        return Outcome.INCOMPLETE if incomplete else Outcome.SUCCESS

    def _report(self, session: LocalSession) -> SessionReport:
        outcome = self._outcome()
        report = session.report(outcome)
        exit_code = report.exit_code
        freed = tuple(turn.report() for turn in self._turns)
        if outcome is Outcome.INCOMPLETE:
            exit_code = EXIT_LOCKED
            if self._is_short_of_copies:
                exit_code = EXIT_COPIES_MISSING
            if self._cancel.is_told:
                exit_code = EXIT_INTERRUPTED
        return replace(
            report, exit_code=exit_code, freed=freed,
            bytes_new=sum(item.moved_bytes for item in freed),
            devices=tuple(map(self._device, self._turns, freed)),
        )  # fmt: skip

    def _device(self, turn: PruneTurn, freed: FreedReport) -> DeviceReport:
        info = turn.medium.info
        state = "freed" if freed.segments else "kept"
        return DeviceReport(
            name=info.device, agent="", role=KIND, level=0, node=info.node,
            state=self._states.get(info.device, state), bytes_written=turn.medium.bytes_written,
            frames=freed.frames, medium=freed.medium, required=False,
        )  # fmt: skip


def _media_to_prune(catalog: Catalog, names: Sequence[str]) -> list[MediumInfo]:
    """The media of these devices, by name or place, by default all that can be pruned; of those
    that were seen in one place the newest.  Raises NotFoundError, and UsageError for a tape."""
    newest = newest_of_places(catalog.media())
    if not names:
        return [info for info in newest if kind_at(info.location) != TAPE]
    found = media_named(newest, names)
    for info in found:
        if kind_at(info.location) == TAPE:
            raise UsageError(
                f'device "{info.device}" is a tape, and is freed as a whole',
                remedy="when nothing on it is needed any more, erase it and make another medium "
                "of it",
            )
    return found
