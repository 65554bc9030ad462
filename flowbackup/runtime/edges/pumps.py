"""Pumps carry what a buffer's machine decided to where it belongs, in order, in few calls.

Both batch by themselves: what gathers while a call is on its way goes with the next one.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine
from dataclasses import replace

from flowbackup.errors import FlowbackupError
from flowbackup.flow.actions import Forward
from flowbackup.flow.pace import Moment, Pace
from flowbackup.model.ids import FrameId
from flowbackup.model.rate import RateSchedule
from flowbackup.runtime.edges.transport import SendingTransport
from flowbackup.runtime.edges.wiring import EdgeSettings, Handle, Job, Offer, Reply, Written
from flowbackup.runtime.engines.faults import as_ours

WRITE_CALLS_MAX = 2
"""One call at work and one waiting behind it: the writer never waits for the buffer, and what
gathers meanwhile makes the next batch."""
JOBS_PER_CALL = 8
"""Bounds how long one write call may take, so that a commit is reported before the next batch."""

RATE_LOOK_SECONDS = 5.0
"""How often the hour is looked at while a frame waits for its turn."""

Failed = Callable[[str, FlowbackupError], None]


def present_moment() -> Moment:
    local = time.localtime()
    return Moment(time.monotonic(), local.tm_wday, local.tm_hour * 60 + local.tm_min)


class DevicePump:
    """From a buffer to its media agent."""

    def __init__(
        self, name: str, agent: Handle, durable: Callable[[list[FrameId]], None],
        failed: Failed,
    ) -> None:  # fmt: skip
        self._name = name
        self._agent = agent
        self._durable = durable
        self._failed = failed
        self._jobs: deque[Job] = deque()
        self._calls = 0
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def put(self, job: Job) -> None:
        self._jobs.append(job)
        self._call_if_free()

    def stop(self) -> None:
        """Nothing more goes to the device."""
        self._stopped = True
        self._jobs.clear()

    def _call_if_free(self) -> None:
        if self._calls >= WRITE_CALLS_MAX or not self._jobs or self._stopped:
            return
        jobs = [self._jobs.popleft() for _ in range(min(JOBS_PER_CALL, len(self._jobs)))]
        self._calls += 1
        call: Awaitable[Written] = self._agent.write.remote(self._number, jobs)
        self._number += 1
        _keep(self._tasks, self._finish(call), self._fail)

    async def _finish(self, reference: Awaitable[Written]) -> None:
        written = await reference
        self._calls -= 1
        if written.failure is None:
            self._call_if_free()
        if written.durable:
            self._durable(list(written.durable))
        if written.failure is not None:
            self._fail(written.failure)

    def _fail(self, error: BaseException) -> None:
        """Whatever went wrong, nobody waits for this device any longer."""
        if not self._stopped:
            self.stop()
            self._failed(self._name, as_ours(error, f"media agent {self._name}"))


class EdgePump:
    """From a buffer (or client) to the buffer behind a coupling."""

    def __init__(
        self, settings: EdgeSettings, target: Handle, transport: SendingTransport,
        replied: Callable[[str, Reply], None], failed: Failed,
        clock: Callable[[], Moment] = present_moment, epoch: int = 0,
        there: Collection[FrameId] = (),
    ) -> None:  # fmt: skip
        """epoch: of the sender; the first self of everybody is 0, and replacements count up.
        there: what the receiver holds from an earlier self of the sender.  That takes credit
        already, and goes before all else: a stream's frames that are there are its first."""
        self.settings = settings
        self.epoch = epoch
        self._there = set(there)
        self._pace = Pace(settings.rate)
        self._clock = clock
        self._target = target
        self._transport = transport
        self._replied = replied
        self._failed = failed
        self._first: deque[Forward] = deque()
        self._waiting: deque[Forward] = deque()
        self._frames_out = 0
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._kick: asyncio.Task[None] | None = None
        self._stopped = False
        self.bytes_moved = 0

    def put(self, forward: Forward) -> None:
        """Queues a frame.  All that is queued in one turn of the loop goes in one call."""
        is_there = forward.frame.header.frame_id in self._there
        (self._first if is_there else self._waiting).append(forward)
        if self._kick is None and not self._stopped:
            self._kick = _keep(self._tasks, self._send(), self._fail)

    def limit(self, rate: RateSchedule) -> None:
        """How fast it may be from the next frame on, also of one that waits for its turn now."""
        self.settings = replace(self.settings, rate=rate)
        self._pace = Pace(rate)

    def stop(self) -> None:
        self._stopped = True
        self._first.clear()
        self._waiting.clear()

    async def _send(self) -> None:
        """One sender at a time per edge, so frames leave in order."""
        while not self._stopped and (batch := await self._next_batch()):
            self._frames_out += len(batch)
            offers = [await self._offer(forward) for forward in batch]
            self.bytes_moved += sum(offer.frame.header.payload_bytes for offer in offers)
            call = self._target.offer.remote(self.settings.name, self.epoch, self._number, offers)
            self._number += 1
            _keep(self._tasks, self._finish(call, batch), self._fail)
        self._kick = None

    async def _next_batch(self) -> list[Forward]:
        """What may go now; nothing when there is nothing, or no credit."""
        if self._first:
            batch = list(self._first)
            self._first.clear()
            self._there.difference_update(f.frame.header.frame_id for f in batch)
            return batch
        room = self.settings.frames_max - self._frames_out - len(self._there)
        if room > 0 and self._waiting and self._pace.is_limited:
            room = 1
            await self._wait_for_turn()
        return [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]

    async def _wait_for_turn(self) -> None:
        """Until the rate of this coupling lets the next frame go; the hour may change meanwhile."""
        while self._waiting and (wait := self._pace.wait_seconds(self._clock())):
            await asyncio.sleep(min(wait, RATE_LOOK_SECONDS))
        if self._waiting:
            self._pace.sent(self._waiting[0].frame.header.payload_bytes, self._clock())

    async def _offer(self, forward: Forward) -> Offer:
        frame = forward.frame
        if not self._transport.copies:
            return Offer(forward.floor, frame, ())
        refs = await asyncio.to_thread(self._transport.dispatch, frame)
        return Offer(forward.floor, frame, refs)

    async def _finish(self, reference: Awaitable[Reply], batch: list[Forward]) -> None:
        reply = await reference
        if self._stopped:
            return
        self._frames_out -= len(batch)
        self._replied(self.settings.name, reply)
        self._offer_again(batch, reply)
        has_work = self._waiting or self._first
        if has_work and self._kick is None and not self._stopped:
            self._kick = _keep(self._tasks, self._send(), self._fail)

    def _fail(self, error: BaseException) -> None:
        """Whatever went wrong, nobody waits for this edge any longer."""
        if not self._stopped:
            self.stop()
            self._failed(self.settings.name, as_ours(error, f"buffer {self.settings.target}"))

    def _offer_again(self, batch: list[Forward], reply: Reply) -> None:
        """An answer that asks for something comes before the rest of its offer is released; who
        wants to hear of that offers it once more, as a double.  What was asked for, and all behind
        it, the machine sends again."""
        asks = dict(reply.asks)
        for forward in batch:
            stream, sequence = forward.frame.route
            asked = asks.get(stream, sequence + 1)
            if forward.frame.header.frame_id not in reply.released and sequence < asked:
                self.put(forward)


def _keep(
    tasks: set[asyncio.Task[None]], work: Coroutine[object, object, None],
    failed: Callable[[BaseException], None],
) -> asyncio.Task[None]:  # fmt: skip
    """Starts a task, keeps it from being collected before it ends, and tells how it failed: one
    that ended unheard would leave somebody waiting for ever."""

    def ended(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            failed(error)

    task = asyncio.ensure_future(work)
    tasks.add(task)
    task.add_done_callback(ended)
    return task
