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

from flowbackup.errors import (
    DeviceError,
    FlowbackupError,
    PeerDiedError,
    PeerLostError,
    ProtocolError,
)
from flowbackup.flow.actions import Action, Ask, Break, Commit, Forward, Refuse, Release, Write
from flowbackup.flow.buffer import BufferMachine, BufferStatistics
from flowbackup.flow.commit import GroupCommit
from flowbackup.flow.outbox import Begins, Outbox
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.model.rate import RateSchedule
from flowbackup.plan.decided import Transport
from flowbackup.process import END_SECONDS_MAX, ProcessIdentity, end_process, identify
from flowbackup.runtime.actors.landing import Landing
from flowbackup.runtime.actors.waiter import Waiter
from flowbackup.runtime.edges.pumps import DevicePump, EdgePump
from flowbackup.runtime.edges.slab import Slab, create_slab, open_slab, remove_stale_slabs
from flowbackup.runtime.edges.transport import Transports
from flowbackup.runtime.edges.turns import AsyncTurns
from flowbackup.runtime.edges.wiring import (
    BufferSettings,
    Coupled,
    EdgeSettings,
    Failure,
    Handle,
    Job,
    Offer,
    Reply,
)

TICKS_PER_SYNC = 4
"""How often within `sync_seconds` the clock is looked at: a sync is late by a quarter at most."""


class BufferAnswer(NamedTuple):
    """The machine's counts, bytes moved per outgoing edge, and what has failed so far."""

    statistics: BufferStatistics
    moved: tuple[tuple[str, int], ...]
    failures: tuple[Failure, ...]


class Buffer:
    """One buffer of a session.  `open`, `wire`, then offers; `close` in the end."""

    def __init__(self, settings: BufferSettings) -> None:
        self._settings = settings
        self._slab: Slab | None = None
        self._machine: BufferMachine | None = None
        self._device: DevicePump | None = None
        self._edges: dict[str, EdgePump] = {}
        self._transports = Transports(dict(settings.arrivals))
        self._waiters: dict[FrameId, list[Waiter]] = {}
        self._turns: dict[tuple[str, int], AsyncTurns] = {}
        self._landing = Landing()
        self._clock: asyncio.Task[None] | None = None
        self._failures: list[Failure] = []

    async def open(self, before: Sequence[ProcessIdentity] = ()) -> ProcessIdentity:
        """Reserves this buffer's memory, or finds that of the one whose place it takes.  before:
        processes of its station that may only be as good as dead; they are ended first, because
        they might still look into slots.  Raises MemoryBudgetError, PeerLostError."""
        for process in before:
            if not await asyncio.to_thread(end_process, process, END_SECONDS_MAX):
                raise PeerLostError(f"{self._settings.agent}: process {process.pid} does not end")
        slab = self._settings.slab
        path = Path(slab.path)
        if self._settings.makes_slab and self._settings.epoch:
            self._slab = open_slab(path, slab.memory)
        elif self._settings.makes_slab:
            remove_stale_slabs()
            self._slab = create_slab(path, slab.slots, slab.slot_bytes, slab.owner, slab.memory)
        return identify()

    async def passport(self) -> bytes:
        """The certificate by which those who send to this buffer know it."""
        return self._transports.passport().certificate

    async def wire(
        self, agent: Handle | None, edges: Sequence[Coupled],
        held: Sequence[tuple[str, FrameDescriptor]] = (),
    ) -> None:  # fmt: skip
        """Couples this buffer with its device's agent and with its successors.  agent: None where
        one comes later (`replace_device`), or none any more (`give_up_device`).  held: what the
        successors of the buffer hold whose place this one takes."""
        settings = self._settings
        in_memory = [frame for _, frame in held]
        self._landing.open(settings.receiving_slots, Path(settings.slab.path).name, in_memory)
        outboxes = [_outbox(edge) for edge in edges]
        self._machine = BufferMachine(
            slots=settings.slots,
            bytes_max=settings.slots * settings.slab.slot_bytes,
            commit=GroupCommit(settings.sync_bytes, settings.sync_seconds),
            successors=outboxes,
            epoch=settings.epoch,
        )
        if agent is not None:
            self._device = self._pump(agent)
        for edge in edges:
            await self._couple(edge, _came_over(edge, held))
        self._clock = asyncio.ensure_future(self._tick())
        self._clock.add_done_callback(self._clock_stopped)

    async def offer(self, edge: str, epoch: int, call: int, offers: Sequence[Offer]) -> Reply:
        """Takes frames from a predecessor; answers when they are safe in this subtree.  call: the
        predecessor's number of this call, from 0.
        Raises ProtocolError for what the rules forbid, PeerLostError when this agent is broken."""
        waiter = Waiter(offer.frame.header.frame_id for offer in offers)
        for frame_id in waiter.frames:
            self._waiters.setdefault(frame_id, []).append(waiter)
        try:
            turns = self._turns.setdefault((edge, epoch), AsyncTurns())
            async with turns.take(call):
                for offer in offers:
                    await self._offered(edge, epoch, offer, waiter)
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

    async def predecessor_restarted(
        self, edge: str, epoch: int
    ) -> tuple[tuple[str, FrameDescriptor], ...]:
        """From now on only this self of a predecessor is heard, or a later one.  Returns what is
        held here (see BufferMachine.held): it may lie in that one's memory, and takes credit."""
        machine = self._live()
        self._perform(machine.predecessor_restarted(edge, epoch))
        return machine.held()

    async def replace_successor(self, edge: str, target: Handle, epoch: int) -> None:
        """Another buffer goes on behind an edge: what it has not released goes to it again."""
        before = self._edges[edge]
        before.stop()
        self._failures = [failure for failure in self._failures if failure.edge != edge]
        # What is sent meanwhile waits in the machine.
        await self._couple(Coupled(before.settings, target, epoch, sender_epoch=before.epoch))
        self._edges[edge].bytes_moved = before.bytes_moved
        self._perform(self._live().successor_restarted(edge, epoch))

    async def attach(self, edge: EdgeSettings, target: Handle, begins: Begins) -> Begins:
        """A new successor, from the next frames on; see BufferMachine.successor_attached."""
        # First, because it takes a while: what the machine sends from now on needs its pump.
        await self._couple(Coupled(edge, target))
        outbox = Outbox(edge.name, edge.streams)
        return self._live().successor_attached(outbox, begins)

    async def detach(self, edge: str) -> None:
        """Nobody waits for this successor any more.  Its media agent must have stopped writing:
        the slots that it held are used again now."""
        self._edges[edge].stop()
        self._perform(self._live().successor_detached(edge))

    async def limit(self, edge: str, rate: RateSchedule) -> None:
        """How fast this buffer may send over an edge from now on."""
        self._edges[edge].limit(rate)

    async def adopt(
        self, edge: str, heirs: Sequence[Coupled], held: Sequence[tuple[str, FrameDescriptor]]
    ) -> None:  # fmt: skip
        """The successor behind `edge` is lost for good, and this buffer takes its place towards
        those behind it, over their edges.  held: what they hold.  Their media agents go on, that of
        the lost one must have stopped writing."""
        self._edges[edge].stop()
        for heir in heirs:
            await self._couple(heir, _came_over(heir, held))
        outboxes = [_outbox(heir) for heir in heirs]
        self._perform(self._live().successor_detached(edge, outboxes))

    async def statistics(self) -> BufferAnswer:
        """How it stands now."""
        return BufferAnswer(
            self._live().statistics(time.monotonic()),
            tuple((name, pump.bytes_moved) for name, pump in self._edges.items()),
            tuple(self._failures),
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

    async def _couple(
        self, coupled: Coupled, there: frozenset[FrameId] = frozenset()
    ) -> None:  # fmt: skip
        edge, target, epoch, _, sender_epoch = coupled
        own_epoch = self._settings.epoch if sender_epoch is None else sender_epoch
        transport = await self._transports.sending(edge, target, self._sending_slab(edge))

        def replied(name: str, reply: Reply) -> None:
            self._replied(name, epoch, reply)

        def failed(name: str, error: FlowbackupError) -> None:
            self._successor_failed(name, epoch, error)

        self._edges[edge.name] = EdgePump(
            edge, target, transport, replied, failed, epoch=own_epoch, there=there
        )

    def _sending_slab(self, edge: EdgeSettings) -> Slab | None:
        """Memory to send from, for edges that move bytes."""
        if self._slab is None and edge.transport is not Transport.SHARED_MEMORY:
            slab = self._settings.slab
            self._slab = open_slab(Path(slab.path), slab.memory)
        return self._slab

    async def _offered(self, edge: str, epoch: int, offer: Offer, waiter: Waiter) -> None:
        machine, frame_id = self._live(), offer.frame.header.frame_id
        frame, slot = await self._collect(edge, epoch, offer)
        is_news = not machine.holds(frame_id)
        actions = machine.offered(edge, epoch, offer.floor, frame, time.monotonic())
        if slot is not None and is_news and machine.holds(frame_id):
            self._landing.take(frame_id, slot)
        elif slot is not None:
            self._landing.give_back(slot)
        self._perform(actions, waiter)

    async def _collect(
        self, edge: str, epoch: int, offer: Offer
    ) -> tuple[FrameDescriptor, int | None]:
        """The frame in memory of this node, and the slot of this buffer that it was put into; what
        is no news, or comes from somebody who is not heard any more, is not fetched."""
        header, (stream, sequence) = offer.frame.header, offer.frame.route
        machine, slab = self._live(), self._slab
        is_old = sequence < machine.expected(stream) or machine.holds(header.frame_id)
        is_heard = machine.heeds(edge, epoch)
        if not offer.bytes_refs or is_old or slab is None or not is_heard:
            return offer.frame, None
        slot = self._landing.kept(header.frame_id)
        if slot is not None:
            return offer.frame._replace(slab=slab.path.name, slot=slot), slot
        slot = await self._landing.free()
        try:
            way = self._transports.receiving(edge)
            return await way.collect(offer.frame, offer.bytes_refs, slab, slot), slot
        except BaseException:
            self._landing.give_back(slot)
            raise

    def _perform(self, actions: Iterable[Action], waiter: Waiter | None = None) -> None:
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

    def _release(self, frame: FrameId) -> None:
        self._landing.release(frame)
        for waiter in list(self._waiters.get(frame, ())):
            waiter.release(frame)

    def _forget_waiter(self, frame: FrameId, waiter: Waiter) -> None:
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
        epoch = self._live().device_epoch
        self._failures.append(Failure("", epoch, str(error), is_lost))
        if not (is_lost or self._settings.has_spares):
            self._perform(self._live().device_failed())

    def _replied(self, edge: str, epoch: int, reply: Reply) -> None:
        machine = self._live()
        for frame in reply.released:
            self._perform(machine.released(edge, frame, epoch))
        for stream, sequence in reply.asks:
            self._perform(machine.asked(edge, stream, sequence, epoch))

    def _successor_failed(self, edge: str, epoch: int, error: FlowbackupError) -> None:
        is_lost = isinstance(error, PeerDiedError)
        self._failures.append(Failure(edge, epoch, str(error), is_lost))
        if not is_lost:
            self._perform(self._live().successor_detached(edge))

    def _clock_stopped(self, clock: asyncio.Task[None]) -> None:
        """Without its clock this buffer would wait for ever for a sync that nobody asks for."""
        if not clock.cancelled():
            self._break(f"its clock stopped: {clock.exception()!r}")

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._settings.sync_seconds / TICKS_PER_SYNC)
            self._perform(self._live().ticked(time.monotonic()))


def _outbox(coupled: Coupled) -> Outbox:
    edge = coupled.settings
    return Outbox(edge.name, edge.streams, coupled.epoch, coupled.begins)


def _came_over(
    coupled: Coupled, held: Iterable[tuple[str, FrameDescriptor]]
) -> frozenset[FrameId]:  # fmt: skip
    name = coupled.settings.name
    return frozenset(frame.header.frame_id for edge, frame in held if edge == name)
