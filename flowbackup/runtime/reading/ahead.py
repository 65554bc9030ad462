"""Frames read ahead of a restore, from all media that hold some of them at once.

Every medium has threads of its own, so that a slow one keeps none of the others waiting.  How far
ahead is read says `flow.read_ahead`, from which of equal media `flow.sharing`.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from flowbackup.errors import FlowbackupError, InterruptedSessionError
from flowbackup.flow.read_ahead import ReadAhead
from flowbackup.flow.sharing import Sharing
from flowbackup.frame.seal import Content
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry
from flowbackup.model.ids import FrameId
from flowbackup.runtime.reading.gleaning import Gleaning
from flowbackup.runtime.reading.upcoming import Upcoming

FRAMES_KEPT = 4
"""Behind who asks, at most.  Entries come in the order in which they were written, so a restore
seldom looks back: what it does not need as far as it can see is not kept, however few that are."""
_PLACE_BESIDE = 2
"""Of the frame that was asked for before the last one."""
FRAMES_REMEMBERED = 256
"""Behind: whoever asks for one of these again comes back."""
LOOK_SECONDS = 0.1
"""How often who waits for a frame looks whether he was interrupted."""
READS_AT_A_TIME = 2
"""Of one medium: while one frame is opened the device reads the next."""


class Reading(NamedTuple):
    """What it takes to have a frame.  media: the equal ones that can read it, in the order of their
    turn.  read: gives its content, from one of them first; in any thread."""

    media: tuple[bytes, ...]
    size_bytes: int
    read: Callable[[bytes], Content]


class _Job(NamedTuple):
    content: Future[Content]
    medium: bytes
    size_bytes: int


class FramesAhead:
    """A FrameSource with Foresight.  May be used by several threads at once."""

    def __init__(
        self, prepare: Callable[[FrameId], Reading], clock: Callable[[], float] = time.monotonic,
        is_cut: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """prepare: looks for the copies of a frame and reads nothing.  Raises what reading it
        would.  is_cut: nobody waits for a frame any more."""
        self._prepare = prepare
        self._clock = clock
        self._is_cut = is_cut
        self._lock = threading.Lock()
        self._gleaning = Gleaning()
        self._upcoming = Upcoming((), self._gleaning)
        self._last: FrameId | None = None
        self._left: OrderedDict[FrameId, None] = OrderedDict()
        self._is_scattered = False
        self._foresees = False
        self._window = ReadAhead()
        self._sharing = Sharing()
        self._jobs: OrderedDict[FrameId, _Job] = OrderedDict()
        self._threads: dict[bytes, ThreadPoolExecutor] = {}
        self.wait_seconds = 0.0
        """For which frames were waited for."""
        self.read_seconds: defaultdict[bytes, float] = defaultdict(float)
        """Of each medium, the time that reading and opening its frames took, one by one."""

    def following(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries; what they need is read ahead from now on, and nothing else."""
        with self._lock:
            self._gleaning = Gleaning()
            self._upcoming = upcoming = Upcoming(entries, self._gleaning)
            self._is_scattered = False
            self._foresees = True
            self._drop(self._window.passed(1 << 62))
        return upcoming.entries()

    def restored(self, count: int) -> None:
        """See Foresight."""
        self._upcoming.restored(count)

    def kept(self, ref: ChunkRef) -> Content | None:
        """See Foresight."""
        return self._gleaning.kept(ref)

    @property
    def kept_bytes(self) -> int:
        """Of small chunks, aside of frames."""
        return self._gleaning.bytes

    def payload(self, frame: FrameId) -> Content:
        """See FrameSource.  Raises InterruptedSessionError."""
        with self._lock:
            self._leave(frame)
            self._window.asked(frame)
            job = self._jobs.get(frame) or self._begin(frame)
            self._jobs.move_to_end(frame)
            self._drop(self._window.passed(self._upcoming.place))
            # First, so that there is room for what is read now.
            self._forget()
            self._read_ahead()
        begun = time.perf_counter()
        while not job.content.done() and not self._is_cut():
            wait([job.content], LOOK_SECONDS)
        self.wait_seconds += time.perf_counter() - begun
        if self._is_cut():
            raise InterruptedSessionError("interrupted while a frame was waited for")
        return job.content.result(0)

    def close(self) -> None:
        """Safe to repeat.  What is being read is waited for, but not by who was interrupted."""
        for threads in self._threads.values():
            threads.shutdown(wait=not self._is_cut(), cancel_futures=True)
        self._jobs.clear()

    # Under the lock

    def _leave(self, frame: FrameId) -> None:
        """For the one before it.  Who comes back to a frame will come back to others: from then on
        is looked far for what will be wanted."""
        last, self._last = self._last, frame
        if last is None or last == frame:
            return
        self._is_scattered |= frame in self._left
        if self._is_scattered:
            self._upcoming.look_far()
        self._left[last] = None
        self._left.move_to_end(last)
        if len(self._left) > FRAMES_REMEMBERED:
            self._left.popitem(last=False)

    def _read_ahead(self) -> None:
        while self._window.has_room(is_learning=self._sharing.is_learning):
            needed = self._upcoming.next_frame()
            if needed is None:
                return
            if needed.frame not in self._jobs:
                self._begin(needed.frame, needed.place)

    def _begin(self, frame: FrameId, place: int | None = None) -> _Job:
        """place: where it will be asked for; None if that is now."""
        try:
            reading = self._prepare(frame)
        except FlowbackupError as error:
            # Raised when somebody asks for it.
            job = _Job(Future(), b"", 0)
            job.content.set_exception(error)
            self._jobs[frame] = job
            return job
        medium = self._sharing.pick(reading.media, reading.size_bytes)
        self._sharing.begun(medium, reading.size_bytes, self._clock())
        content = self._threads_of(medium).submit(self._read, reading, medium)
        job = self._jobs[frame] = _Job(content, medium, reading.size_bytes)
        if place is not None:
            self._window.begun(frame, place, reading.media, reading.size_bytes)
        return job

    def _threads_of(self, medium: bytes) -> ThreadPoolExecutor:
        if medium not in self._threads:
            name = f"read-{len(self._threads)}"
            self._threads[medium] = ThreadPoolExecutor(READS_AT_A_TIME, thread_name_prefix=name)
        return self._threads[medium]

    def _drop(self, frames: Iterable[FrameId]) -> None:
        for frame in frames:
            job = self._jobs.pop(frame)
            if job.content.cancel():
                self._sharing.dropped(job.medium, job.size_bytes)

    def _forget(self) -> None:
        """Of the frames that were asked for, all but the last one and those that are needed again;
        where nothing is foreseen, all but the last few."""
        *asked, _ = [frame for frame in self._jobs if frame not in self._window]
        for place, frame in enumerate(reversed(asked), _PLACE_BESIDE):
            if place > FRAMES_KEPT or (self._foresees and not self._is_needed(frame, place)):
                self._glean(frame, self._jobs.pop(frame).content)

    def _is_needed(self, frame: FrameId, place: int) -> bool:
        """Of frames from which only small files are to come, one stays: that of the first day, from
        which a restore looks aside.  What is wanted of the others takes less memory than they."""
        if place == _PLACE_BESIDE:
            return self._upcoming.needs(frame)
        return self._upcoming.needs_whole(frame)

    def _glean(self, frame: FrameId, content: Future[Content]) -> None:
        """Of a frame that goes is kept what will be wanted of it, and what is not is read again in
        time.  Not before: most wants of the frame that is restored from come while it is there."""
        is_there = content.done() and not content.exception()
        opened = content.result(0) if is_there else None
        missing = self._gleaning.leave(frame, opened, self._upcoming.place)
        if missing is not None:
            self._upcoming.need_again(frame, missing)

    # In the threads

    def _read(self, reading: Reading, medium: bytes) -> Content:
        begun = time.perf_counter()
        try:
            return reading.read(medium)
        finally:
            with self._lock:
                self.read_seconds[medium] += time.perf_counter() - begun
                self._sharing.done(medium, reading.size_bytes, self._clock())
