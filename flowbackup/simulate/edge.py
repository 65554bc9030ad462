"""A modelled coupling: what a sender puts in arrives at its receiver, under credit and pace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from flowbackup.flow.actions import Forward
from flowbackup.flow.outbox import Outbox
from flowbackup.flow.pace import CATCH_UP_SECONDS, Moment, Pace
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.model.rate import MINUTES_PER_DAY
from flowbackup.plan.decided import EdgePlan
from flowbackup.simulate.clock import Clock
from flowbackup.simulate.server import Server, seconds_of

Released = Callable[[FrameId, str], None]
"""Hears of a frame that is safe, and who was the last that this waited for: a device or an edge."""


class Receiver(Protocol):
    """Who stands at the end of an edge."""

    def offered(self, edge: str, floor: int, frame: FrameDescriptor) -> None: ...


class _Call:
    """One offer of several frames: it is answered when all of them are safe."""

    __slots__ = ("arrived_at", "frames", "is_paced", "open", "sender", "sent_at")

    def __init__(
        self, sender: str, frames: Iterable[FrameId], sent_at: float, *, is_paced: bool
    ) -> None:
        """is_paced: it had to wait for its turn."""
        self.sender = sender
        self.frames = tuple(frames)
        self.open = set(self.frames)
        self.sent_at = self.arrived_at = sent_at
        self.is_paced = is_paced

    def is_held_up(self, now: float) -> bool:
        """Did the way take longer than what came behind it?"""
        return self.is_paced or self.arrived_at - self.sent_at > now - self.arrived_at


class Way(NamedTuple):
    """From one node to another: what all that goes there shares, each with its rate, and how long
    the way is."""

    shared: tuple[tuple[Server, float], ...]
    latency_seconds: float

    def book(self, now: float, size_bytes: int) -> float:
        """When so much is there: whatever is narrowest decides."""
        limits = [(server, rate) for server, rate in self.shared if rate]
        ends = [server.book(now, seconds_of(size_bytes, rate)) for server, rate in limits]
        return max(ends, default=now) + self.latency_seconds


class ModelEdge:
    """As the pump of runtime/edges/pumps.py: batches by itself, one call after the other."""

    def __init__(
        self, plan: EdgePlan, streams: tuple[int, ...], frames_max: int, clock: Clock,
        way: Way | None, call_seconds: float, week: tuple[int, int] = (0, 0),
    ) -> None:  # fmt: skip
        """way: None on one node.  week: day and minute at which the session begins."""
        self.plan = plan
        self.source = plan.source
        """Who stands at its beginning now: an heir of the one in the plan, perhaps."""
        self.streams = streams
        self.bytes_moved = 0
        self.alive = True
        self._frames_max = frames_max
        self._clock = clock
        self._way = way
        self._call_seconds = call_seconds
        self._begun = week[0] * MINUTES_PER_DAY + week[1]
        self._pace = Pace(plan.rate)
        self._waiting: deque[Forward] = deque()
        self._out = 0
        self._is_sending = self._was_paced = False
        self._calls: dict[FrameId, _Call] = {}
        self._target: Receiver | None = None
        self._released: Released | None = None

    def couple(self, target: Receiver, released: Released) -> None:
        self._target, self._released = target, released

    def adopted(self, source: str, released: Released) -> None:
        """Another sender goes on: it offers again what it knows to be unreleased."""
        self.source, self._released = source, released
        self._waiting.clear()
        self._calls.clear()
        self._out = 0

    def outbox(self) -> Outbox:
        return Outbox(self.plan.name, self.streams)

    def put(self, forward: Forward) -> None:
        if self.alive:
            self._waiting.append(forward)
            self._kick()

    def release(self, frame: FrameId, last: str) -> None:
        """The target says that the frame is safe."""
        call = self._calls.pop(frame, None)
        if call is None:
            return
        call.open.discard(frame)
        if not call.open:
            blamed = self.plan.name if call.is_held_up(self._clock.now) else last
            seconds = self._call_seconds + self._latency
            self._clock.after(seconds, lambda: self._answered(call, blamed))

    def stop(self) -> None:
        self.alive = False
        self._waiting.clear()
        self._calls.clear()

    @property
    def _latency(self) -> float:
        return self._way.latency_seconds if self._way else 0.0

    def _kick(self) -> None:
        if not self._is_sending:
            self._is_sending = True
            self._clock.after(0, self._send)

    def _send(self) -> None:
        self._is_sending = False
        is_paced, self._was_paced = self._was_paced, False
        room = self._frames_max - self._out
        if room <= 0 or not self._waiting or not self.alive:
            return
        if self._pace.is_limited:
            wait = self._pace.wait_seconds(self._moment())
            if wait > 0:
                self._is_sending = self._was_paced = True
                self._clock.after(wait, self._send)
                return
            self._pace.sent(self._waiting[0].frame.header.payload_bytes, self._moment())
            room = 1
        batch = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
        frames = (forward.frame.header.frame_id for forward in batch)
        call = _Call(self.source, frames, self._clock.now, is_paced=is_paced)
        self._out += len(batch)
        self._calls.update(dict.fromkeys(call.frames, call))
        for forward in batch:
            self._cross(forward, call)
        if self._waiting:
            self._kick()

    def _cross(self, forward: Forward, call: _Call) -> None:
        size_bytes = forward.frame.header.payload_bytes
        there = self._clock.now
        if self._way is not None:
            there = self._way.book(there, size_bytes)
        call.arrived_at = there + self._call_seconds
        self._clock.at(call.arrived_at, lambda: self._arrive(forward))

    def _arrive(self, forward: Forward) -> None:
        if self.alive and self._target is not None:
            self.bytes_moved += forward.frame.header.payload_bytes
            self._target.offered(self.plan.name, forward.floor, forward.frame)

    def _answered(self, call: _Call, last: str) -> None:
        # What was on its way to a sender that was lost is not for the one that adopted the edge.
        if not self.alive or self._released is None or call.sender != self.source:
            return
        self._out = max(0, self._out - len(call.frames))
        for frame in call.frames:
            self._released(frame, last)
        if self._waiting:
            self._kick()

    def _moment(self) -> Moment:
        minutes = self._begun + int(self._clock.seconds // 60)
        day = minutes // MINUTES_PER_DAY % 7
        # A pace may make up for a time before the beginning, as on a machine that runs for long.
        return Moment(self._clock.now + CATCH_UP_SECONDS, day, minutes % MINUTES_PER_DAY)
