"""The restore agents of a stage at work: who reads which frame, and who reads it when one fails.

Frames go in batches.  Where a group wants objects to lie together a batch is a version, which all
restore agents have brought to the same agent before the next one begins.
"""

from __future__ import annotations

import errno
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DamageError, DeviceError
from flowbackup.flow.choice import MediumState, choose
from flowbackup.flow.patience import Patience
from flowbackup.model.frame_copy import FrameCopy
from flowbackup.model.ids import FrameId
from flowbackup.monitor import Problem
from flowbackup.plan.decided import Plan
from flowbackup.plan.groups import COPY, RESTORE
from flowbackup.runtime.cancel import Word
from flowbackup.runtime.copying.work import CopyWork, FrameWork, VersionWork
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.watch import STALL_SECONDS_MAX, Watch
from flowbackup.runtime.edges.wiring import Readings, ReadTask
from flowbackup.runtime.engines.answers import fetched, wait_for_any
from flowbackup.runtime.engines.port import CallError, Reference
from flowbackup.runtime.reading.hits import hits_text

BATCH_FRAMES = 1024
"""At its end every device waits for the others: with frames of 16 MiB that is once in 16 GiB."""
ROUND_SECONDS = 0.5
FRAMES_NAMED_MAX = 100
"""So many frames without a good copy are named with their paths; the rest is a number."""
TOGETHER = "object"


class Batch(NamedTuple):
    """Frames that are read at a time.  named: group -> the agent that gets all of them."""

    frames: tuple[FrameWork, ...]
    named: Mapping[str, str]


class CopyRuns:
    """All reading of one stage."""

    def __init__(
        self, catalog: Catalog, stage: Plan, crew: Crew, watch: Watch, work: CopyWork,
        look: Callable[[], None],
    ) -> None:  # fmt: skip
        """look: called twice a second while there is something to wait for."""
        self._catalog = catalog
        self._stage = stage
        self._crew = crew
        self._watch = watch
        self._work = work
        self._look = look
        self._readers = {
            info.medium: a.name
            for a in stage.agents
            if a.role == RESTORE
            for info in crew.media[a.name]
        }
        self._media = {
            info.medium: MediumState(info.device, info.location)
            for name in self._readers.values()
            for info in crew.media[name]
        }
        self._edges = {(e.source, e.spread): e for e in stage.edges}
        self._given: Counter[str] = Counter()
        self._failures: dict[FrameId, list[tuple[FrameCopy, DeviceError]]] = {}
        self._copies: dict[FrameId, FrameCopy] = {}
        self._turn = 0
        self._hopeless = 0
        self._now_ns = time.time_ns()
        self._patience = Patience(STALL_SECONDS_MAX)
        self._word = Word.NONE
        self.frames_read: Counter[str] = Counter()

    def run(self) -> None:
        """Until everything is copied that can be, or it was cancelled."""
        for batch in self._batches():
            todo: list[FrameWork] = list(batch.frames)
            while todo and not self._word:
                todo = self._read(todo, batch.named)
        if self._hopeless > FRAMES_NAMED_MAX:
            more = self._hopeless - FRAMES_NAMED_MAX
            text = f"{more} more frames have no good copy within reach"
            self._watch.problems.append(Problem("unreachable", text))

    def hear(self) -> None:
        """Hands the user's word on, if there is a new one."""
        if not self._has_news():
            return
        self._word = self._crew.cancel.word
        for name, reader in self._crew.clients.items():
            if name not in self._crew.clients_lost:
                reader.cancel.remote(drain=self._word is Word.DRAIN)

    def _has_news(self) -> bool:
        return self._crew.cancel.word > self._word

    def _batches(self) -> Iterator[Batch]:
        groups = {item.group for item in self._stage.selections}
        together = {name for name in groups if self._stage.group(name).assign == TOGETHER}
        if together:
            for work in self._work.versions:
                yield Batch(tuple(work.moves), self._named(work, together))
            return
        frames = [move for work in self._work.versions for move in work.moves]
        for first in range(0, len(frames), BATCH_FRAMES):
            yield Batch(tuple(frames[first : first + BATCH_FRAMES]), {})

    def _named(self, work: VersionWork, together: Iterable[str]) -> Mapping[str, str]:
        """The agent that has been given least, of each group that wants objects together."""
        named: dict[str, str] = {}
        size_bytes = sum(move.header.payload_bytes for move in work.moves)
        for group in together:
            working = [
                a.name for a in self._stage.agents
                if a.group == group and a.role == COPY and not self._crew.stations[a.name].failure
            ]  # fmt: skip
            if working:
                named[group] = min(working, key=lambda name: self._given[name])
                self._given[named[group]] += size_bytes
        return named

    # One pass

    def _read(self, frames: Sequence[FrameWork], named: Mapping[str, str]) -> list[FrameWork]:
        """Reads each frame once, and returns those that another restore agent shall read."""
        shares: dict[str, list[ReadTask]] = {}
        for frame in frames:
            for reader, task in self._tasks(frame, named):
                shares.setdefault(reader, []).append(task)
        running: dict[Reference, str] = {
            self._crew.clients[name].read.remote(tasks): name for name, tasks in shares.items()
        }
        again: list[FrameWork] = []
        while running and self._word is not Word.CUT:
            ready = wait_for_any(
                self._crew.engine, list(running), ROUND_SECONDS, self._has_news
            )  # fmt: skip
            self._look()
            for reference in ready:
                name = running.pop(reference)
                again += self._heard(name, reference, shares[name])
            self._end_stalled(running.values())
        return again

    def _tasks(
        self, work: FrameWork, named: Mapping[str, str]
    ) -> Iterator[tuple[str, ReadTask]]:  # fmt: skip
        """Who reads it, and for which groups: one, unless no single one is coupled with all."""
        frame = work.header.frame_id
        self._turn += 1
        tried = {copy.place for copy, _ in self._failures.get(frame, ())}
        copies = [
            copy for copy in self._catalog.copies_of_frame(frame)
            if copy.place not in tried and self._reader_of(copy) is not None
        ]  # fmt: skip
        left = set(work.groups)
        for copy in choose(self._turn, copies, self._media, self._now_ns).order:
            reader = self._readers[copy.place.medium]
            groups = tuple(g for g in work.groups if g in left and (reader, g) in self._edges)
            if groups:
                left.difference_update(groups)
                self._copies[frame] = copy
                ways = tuple((g, f"{reader} -> {named[g]}") for g in groups if g in named)
                yield reader, ReadTask(work.header, copy.place, groups, ways)
        if left:
            self._give_up(frame)

    def _reader_of(self, copy: FrameCopy) -> str | None:
        """The restore agent that is there to read it."""
        name = self._readers.get(copy.place.medium)
        return None if name in self._crew.clients_lost else name

    def _heard(self, name: str, reference: Reference, tasks: Sequence[ReadTask]) -> list[FrameWork]:
        try:
            readings: Readings = fetched(reference)
        except CallError as error:
            self._watch.lose_client(name, error)
            # What it had sent may become durable yet: to have it twice on a medium is harmless.
            return [work for task in tasks for work in self._still_missing(task)]
        failed = dict(readings.failures)
        unread = set(readings.unread)
        self.frames_read[name] += len(tasks) - len(failed) - len(unread)
        again: list[FrameWork] = []
        for task in tasks:
            frame = task.header.frame_id
            if frame in failed:
                self._failed(frame, failed[frame])
                again.append(FrameWork(task.header, task.groups))
            elif frame not in unread and frame in self._failures:
                self._healed(frame)
        return again

    def _still_missing(self, task: ReadTask) -> Iterator[FrameWork]:
        frame = task.header.frame_id
        groups = tuple(g for g in task.groups if frame in self._work.missing[g])
        if groups:
            yield FrameWork(task.header, groups)

    def _end_stalled(self, running: Iterable[str]) -> None:
        """Nothing was read and nothing became durable for long: who should have read is given up;
        agents that do not write are given up by `Watch`."""
        done = self._watch.bytes_read, sum(map(len, self._work.missing.values()))
        names = list(running)
        if self._patience.is_over("reading", owes=bool(names), done=done, now=time.monotonic()):
            for name in names:
                text = (
                    f"{self._crew.who(name)}: nothing has been read for {STALL_SECONDS_MAX:.0f} s"
                )
                self._watch.problems.append(Problem("client_lost", text))
                self._crew.lose_client(name)

    # What goes wrong with a frame

    def _failed(self, frame: FrameId, error: DeviceError) -> None:
        copy = self._copies[frame]
        self._failures.setdefault(frame, []).append((copy, error))
        if isinstance(error, DamageError) or error.errno == errno.ENOENT:
            self._catalog.mark_damaged(copy.place)

    def _healed(self, frame: FrameId) -> None:
        used = self._media[self._copies[frame].place.medium].device
        for _, error in self._failures.pop(frame):
            text = f'frame {frame}: {error.message}; the copy on device "{used}" was used instead'
            self._watch.problems.append(Problem("healed", text, device=error.device or None))

    def _elsewhere(self, frame: FrameId) -> str:
        """Why nobody could be asked for it."""
        titles = dict.fromkeys(info.title for info, _ in self._catalog.places(frame))
        known = f" (it lies on {', '.join(titles)})" if titles else ""
        return f"no device of the restore group holds it within reach{known}"

    def _give_up(self, frame: FrameId) -> None:
        self._hopeless += 1
        if self._hopeless > FRAMES_NAMED_MAX:
            return
        failures = [error for _, error in self._failures.get(frame, ())]
        texts = "; ".join(error.message for error in failures)
        reason = texts or self._elsewhere(frame)
        is_lost = failures and all(isinstance(error, DamageError) for error in failures)
        hits = hits_text(self._catalog.hits_of_frame(frame))
        kind = "lost" if is_lost else "unreachable"
        self._watch.problems.append(Problem(kind, f"frame {frame}: {reason}; {hits}"))
