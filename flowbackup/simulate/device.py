"""A modelled device: takes frames and commits in their order, in calls as the pump makes them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from random import Random

from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.simulate.clock import Clock
from flowbackup.simulate.scenario import DeviceModel
from flowbackup.simulate.server import Server, seconds_of

JOBS_PER_CALL = 8
WRITE_CALLS_MAX = 2
"""As those of runtime/edges/pumps.py: what became durable is told at the end of a call, and one
waits behind that at work."""

Told = Callable[[list[FrameId]], None]


class ModelDevice:
    """One device and its writer.  `durable_bytes` counts by stream; frames of a stream become
    durable in their order, so that tells which."""

    def __init__(
        self, target: DeviceTarget, model: DeviceModel, clock: Clock, random: Random, disk: Server,
        call_seconds: float, check_digest: Callable[[int], float],
    ) -> None:  # fmt: skip
        """disk: its own, or one that it shares.  check_digest: takes a core for so many bytes;
        returns when that is done."""
        self.target = target
        self.model = model
        self.rate = model.rate
        self.alive = True
        self.busy_seconds = 0.0
        self.written_bytes = 0
        self.durable_bytes: Counter[int] = Counter()
        self.syncs = 0
        self._clock = clock
        self._random = random
        self._disk = disk
        self._call_seconds = call_seconds
        self._check_digest = check_digest
        self._jobs: deque[FrameDescriptor | None] = deque()
        self._calls = 0
        self._free_at = 0.0
        self._is_full = False
        self._volatile: list[FrameDescriptor] = []
        self._told: Told | None = None
        self._filled: Callable[[], None] | None = None

    def serve(self, told: Told, filled: Callable[[], None]) -> None:
        """told: hears which frames became durable.  filled: that no more fit."""
        self._told, self._filled = told, filled

    def put(self, job: FrameDescriptor | None) -> None:
        """A frame to write, or None for a commit."""
        if self.alive:
            self._jobs.append(job)
            self._call_if_free()

    def fail(self) -> None:
        """What was not committed is lost, as everything else of it may be."""
        self.alive = False
        self._jobs.clear()
        self._volatile.clear()

    @property
    def room_bytes(self) -> int | None:
        """What it still takes, None for any number."""
        size = self.model.size_bytes
        return max(0, size - self.written_bytes) if size else None

    def read(self, size_bytes: int) -> float:
        """Reads so much; returns when that is done."""
        return self._use(size_bytes)

    def _call_if_free(self) -> None:
        if self._calls < WRITE_CALLS_MAX and self._jobs:
            jobs = [self._jobs.popleft() for _ in range(min(JOBS_PER_CALL, len(self._jobs)))]
            self._calls += 1
            self._clock.after(self._call_seconds, lambda: self._work(jobs))

    def _work(self, jobs: list[FrameDescriptor | None]) -> None:
        """All of a call, behind the one before it; behind one that found it full nothing more."""
        durable: list[FrameDescriptor] = []
        end = max(self._clock.now, self._free_at)
        was_full = self._is_full
        for job in () if self._is_full else jobs:
            if job is None:
                durable += self._volatile
                end = self._commit(end)
                continue
            room, size_bytes = self.room_bytes, job.header.payload_bytes
            if room is not None and size_bytes > room:
                durable += self._volatile
                end, self._is_full = self._commit(end), True
                break
            end = max(self._use(size_bytes, end), self._check_digest(size_bytes))
            self.written_bytes += size_bytes
            self._volatile.append(job)
        self._free_at = end
        is_full = self._is_full and not was_full
        self._clock.at(end, lambda: self._called(durable, is_full=is_full))

    def _called(self, durable: list[FrameDescriptor], *, is_full: bool) -> None:
        self._calls -= 1
        if not self.alive:
            return
        if not is_full:
            self._call_if_free()
        for frame in durable:
            self.durable_bytes[frame.route.stream] += frame.header.payload_bytes
        if durable and self._told:
            self._told([frame.header.frame_id for frame in durable])
        if is_full and self._filled:
            self.fail()
            self._filled()

    def _commit(self, begun: float) -> float:
        self._volatile = []
        self.syncs += 1
        self.busy_seconds += self.model.sync_seconds
        return self._disk.book(begun, self.model.sync_seconds)

    def _use(self, size_bytes: int, begun: float | None = None) -> float:
        seconds = seconds_of(size_bytes, self.rate)
        if self.model.jitter:
            seconds *= 1 + self.model.jitter * self._random.uniform(-1, 1)
        seconds += self.model.latency_seconds
        self.busy_seconds += seconds
        return self._disk.book(self._clock.now if begun is None else begun, seconds)
