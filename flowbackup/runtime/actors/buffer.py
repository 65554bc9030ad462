"""The Buffer actor: slots, credits, order and forwarding of one agent.  Never touches a device.

A thin shell: every event goes to the BufferMachine, every action of it to a pump or a waiting
caller.  A caller's `offer` is answered when all of its frames are released: credit, acknowledgement
and the sign that this process is alive, in one call that waits anyway.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from flowbackup.errors import DeviceError, FlowbackupError, PeerLostError, ProtocolError
from flowbackup.flow.actions import Action, Ask, Break, Commit, Forward, Refuse, Release, Write
from flowbackup.flow.buffer import BufferMachine, BufferStatistics
from flowbackup.flow.commit import GroupCommit
from flowbackup.flow.outbox import Begins, Outbox
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.plan.decided import Transport
from flowbackup.runtime.cluster.nodes import NodeFacts, this_node
from flowbackup.runtime.edges.pumps import DevicePump, EdgePump
from flowbackup.runtime.edges.slab import Slab, create_slab, open_slab, remove_stale_slabs
from flowbackup.runtime.edges.transport import Transports
from flowbackup.runtime.edges.turns import AsyncTurns
from flowbackup.runtime.edges.wiring import (
    BufferSettings,
    EdgeSettings,
    Failure,
    Handle,
    Job,
    Offer,
    Reply,
)

TICKS_PER_SYNC = 4
"""How often within `sync_seconds` the clock is looked at: a sync is late by a quarter at most."""


class _Waiter:
    """One offer that has not been answered yet."""

    def __init__(self, frames: Iterable[FrameId]) -> None:
        self.frames = tuple(frames)
        self.open = set(self.frames)
        self.asks: list[tuple[int, int]] = []
        self.answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def release(self, frame: FrameId) -> None:
        self.open.discard(frame)
        if not self.open:
            self.finish()

    def finish(self) -> None:
        if not self.answer.done():
            released = tuple(frame for frame in self.frames if frame not in self.open)
            self.answer.set_result(Reply(released, tuple(self.asks)))

    def fail(self, error: FlowbackupError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class BufferAnswer(NamedTuple):
    """The machine's counts, bytes moved per outgoing edge, and what has failed so far.
    device_epoch: of its present media agent."""

    statistics: BufferStatistics
    moved: tuple[tuple[str, int], ...]
    failures: tuple[Failure, ...]
    device_epoch: int


class Buffer:
    """One buffer of a session.  `open`, `wire`, then offers; `close` in the end."""

    def __init__(self, settings: BufferSettings) -> None:
        self._settings = settings
        self._slab: Slab | None = None
        self._machine: BufferMachine | None = None
        self._device: DevicePump | None = None
        self._edges: dict[str, EdgePump] = {}
        self._transports = Transports(dict(settings.arrivals))
        self._waiters: dict[FrameId, list[_Waiter]] = {}
        self._turns: dict[tuple[str, int], AsyncTurns] = {}
        self._free_slots: asyncio.Queue[int] = asyncio.Queue()
        self._own_slots: dict[FrameId, int] = {}
        self._clock: asyncio.Task[None] | None = None
        self._failures: list[Failure] = []

    async def open(self) -> NodeFacts:
        """Reserves this buffer's memory.  Raises MemoryBudgetError."""
        slab = self._settings.slab
        if self._settings.makes_slab:
            remove_stale_slabs()
            path = Path(slab.path)
            self._slab = create_slab(path, slab.slots, slab.slot_bytes, slab.owner)
            for number in self._settings.receiving_slots:
                self._free_slots.put_nowait(number)
        return this_node()

    async def passport(self) -> bytes:
        """The certificate by which those who send to this buffer know it."""
        return self._transports.passport().certificate

    async def wire(self, agent: Handle, edges: Sequence[tuple[EdgeSettings, Handle]]) -> None:
        """Couples this buffer with its device's agent and with its successors."""
        settings = self._settings
        outboxes = [Outbox(edge.name, edge.streams) for edge, _ in edges]
        self._machine = BufferMachine(
            slots=settings.slots,
            bytes_max=settings.slots * settings.slab.slot_bytes,
            commit=GroupCommit(settings.sync_bytes, settings.sync_seconds),
            successors=outboxes,
        )
        self._device = self._pump(agent)
        for edge, target in edges:
            await self._couple(edge, target)
        self._clock = asyncio.ensure_future(self._tick())
        self._clock.add_done_callback(self._clock_stopped)

    async def offer(self, edge: str, epoch: int, call: int, offers: Sequence[Offer]) -> Reply:
        """Takes frames from a predecessor; answers when they are safe in this subtree.  call: the
        predecessor's number of this call, from 0.
        Raises ProtocolError for what the rules forbid, PeerLostError when this agent is broken."""
        waiter = _Waiter(offer.frame.header.frame_id for offer in offers)
        for frame_id in waiter.frames:
            self._waiters.setdefault(frame_id, []).append(waiter)
        try:
            turns = self._turns.setdefault((edge, epoch), AsyncTurns())
            async with turns.take(call):
                for offer in offers:
                    frame = await self._collect(edge, offer)
                    now = time.monotonic()
                    actions = self._live().offered(edge, epoch, offer.floor, frame, now)
                    self._perform(actions, waiter)
                    if not self._live().holds(frame.header.frame_id):
                        self._free_slot(frame.header.frame_id)
            return await waiter.answer
        finally:
            for frame_id in waiter.frames:
                self._forget_waiter(frame_id, waiter)

    async def replace_device(self, agent: Handle, epoch: int, durable: Sequence[FrameId]) -> None:
        """Another media agent goes on, under a higher epoch, on the same device or another one.
        durable: what the old one had made durable; everything else that is held goes to the new
        one."""
        if self._device is not None:
            self._device.stop()
        self._failures = [failure for failure in self._failures if failure.edge]
        self._device = self._pump(agent, epoch)
        self._perform(self._live().device_restarted(epoch, durable, time.monotonic()))

    async def give_up_device(self) -> None:
        """No device goes on in the place of the present one: this agent relays only."""
        if self._device is not None:
            self._device.stop()
        self._perform(self._live().device_failed())

    async def attach(self, edge: EdgeSettings, target: Handle, begins: Begins) -> Begins:
        """A new successor, from the next frames on; see BufferMachine.successor_attached."""
        # First, because it takes a while: what the machine sends from now on needs its pump.
        await self._couple(edge, target)
        outbox = Outbox(edge.name, edge.streams)
        return self._live().successor_attached(outbox, begins)

    async def detach(self, edge: str) -> None:
        """Nobody waits for this successor any more.  Its media agent must have stopped writing:
        the slots that it held are used again now."""
        self._edges[edge].stop()
        self._perform(self._live().successor_detached(edge))

    async def statistics(self) -> BufferAnswer:
        """How it stands now."""
        return BufferAnswer(
            self._live().statistics(time.monotonic()),
            tuple((name, pump.bytes_moved) for name, pump in self._edges.items()),
            tuple(self._failures),
            self._live().device_epoch,
        )

    async def close(self) -> None:
        """Lets go of memory; removes the slab if it is this buffer's."""
        if self._clock is not None:
            self._clock.cancel()
        self._transports.close()
        if self._slab is not None:
            self._slab.remove()
            self._slab.close()
            self._slab = None

    def _pump(self, agent: Handle, epoch: int = 0) -> DevicePump:
        """To a media agent, whose word counts as long as no other has taken its place."""

        def durable(frames: list[FrameId]) -> None:
            self._perform(self._live().committed(frames, epoch))

        return DevicePump(self._settings.agent, agent, durable, self._device_failed)

    def _live(self) -> BufferMachine:
        if self._machine is None:
            raise ProtocolError(f"buffer {self._settings.agent} is not wired yet")
        return self._machine

    async def _couple(self, edge: EdgeSettings, target: Handle) -> None:
        transport = await self._transports.sending(edge, target, self._sending_slab(edge))
        self._edges[edge.name] = EdgePump(
            edge, target, transport, self._replied, self._successor_failed
        )

    def _sending_slab(self, edge: EdgeSettings) -> Slab | None:
        """Memory to send from, for edges that move bytes."""
        if self._slab is None and edge.transport is not Transport.SHARED_MEMORY:
            self._slab = open_slab(Path(self._settings.slab.path))
        return self._slab

    async def _collect(self, edge: str, offer: Offer) -> FrameDescriptor:
        """The frame in memory of this node; what is no news is not fetched."""
        header, (stream, sequence) = offer.frame.header, offer.frame.route
        machine = self._live()
        is_old = sequence < machine.expected(stream) or machine.holds(header.frame_id)
        if not offer.bytes_refs or is_old or self._slab is None:
            return offer.frame
        slot = await self._free_slots.get()
        self._own_slots[header.frame_id] = slot
        try:
            way = self._transports.receiving(edge)
            return await way.collect(offer.frame, offer.bytes_refs, self._slab, slot)
        except BaseException:
            self._free_slot(header.frame_id)
            raise

    def _perform(self, actions: Iterable[Action], waiter: _Waiter | None = None) -> None:
        for action in actions:
            match action:
                case Write(frame):
                    self._to_device(Job(frame))
                case Commit():
                    self._to_device(Job(None))
                case Forward(edge):
                    self._edges[edge].put(action)
                case Release(frame=frame_id):
                    self._release(frame_id)
                case Ask(stream=stream, sequence=sequence):
                    if waiter is not None:
                        waiter.asks.append((stream, sequence))
                        waiter.finish()
                case Refuse() as refusal:
                    if waiter is not None:
                        waiter.fail(self._refusal(refusal))
                case Break(reason):
                    self._break(reason)

    def _to_device(self, job: Job) -> None:
        if self._device is not None:
            self._device.put(job)

    def _free_slot(self, frame: FrameId) -> None:
        slot = self._own_slots.pop(frame, None)
        if slot is not None:
            self._free_slots.put_nowait(slot)

    def _release(self, frame: FrameId) -> None:
        self._free_slot(frame)
        for waiter in list(self._waiters.get(frame, ())):
            waiter.release(frame)

    def _forget_waiter(self, frame: FrameId, waiter: _Waiter) -> None:
        waiting = self._waiters.get(frame)
        if waiting is not None:
            waiting.remove(waiter)
            if not waiting:
                del self._waiters[frame]

    def _break(self, reason: str) -> None:
        error = PeerLostError(f"{self._settings.agent}: {reason}: {self._causes()}")
        for waiter in [w for waiting in self._waiters.values() for w in waiting]:
            waiter.fail(error)

    def _refusal(self, refusal: Refuse) -> FlowbackupError:
        """Only what breaks the protocol ends the session; who is broken is simply gone."""
        text = f"frame {refusal.frame} was refused: {refusal.reason}"
        if refusal.fatal:
            return ProtocolError(text)
        return PeerLostError(f"{self._settings.agent}: {text}: {self._causes()}")

    def _causes(self) -> str:
        return "; ".join(failure.text for failure in self._failures)

    def _device_failed(self, name: str, error: FlowbackupError) -> None:
        is_lost = not isinstance(error, DeviceError)
        self._failures.append(Failure("", str(error), is_lost))
        if not (is_lost or self._settings.has_spares):
            self._perform(self._live().device_failed())

    def _replied(self, edge: str, reply: Reply) -> None:
        machine = self._live()
        for frame in reply.released:
            self._perform(machine.released(edge, frame, 0))
        for stream, sequence in reply.asks:
            self._perform(machine.asked(edge, stream, sequence, 0))

    def _successor_failed(self, edge: str, error: FlowbackupError) -> None:
        self._failures.append(Failure(edge, str(error), is_lost=False))
        self._perform(self._live().successor_detached(edge))

    def _clock_stopped(self, clock: asyncio.Task[None]) -> None:
        """Without its clock this buffer would wait for ever for a sync that nobody asks for."""
        if not clock.cancelled():
            self._break(f"its clock stopped: {clock.exception()!r}")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._settings.sync_seconds / TICKS_PER_SYNC)
            self._perform(self._live().ticked(time.monotonic()))
