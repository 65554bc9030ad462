"""Buffers that take the place of others, without Ray: real Buffers, each call of one to another a
task, and devices that keep names.  What Ray makes of dead processes, test_restarts shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.plan.decided import Transport
from flowbackup.process import identify
from flowbackup.runtime.actors.buffer import Buffer
from flowbackup.runtime.edges.slab import open_slab
from flowbackup.runtime.edges.wiring import (
    BufferSettings,
    Coupled,
    EdgeSettings,
    Job,
    Offer,
    Reply,
    SlabSettings,
    Written,
)
from flowbackup.runtime.engines import ray_nodes
from flowbackup.runtime.engines.port import ActorDiedError
from flowbackup.testing.frames import sample_frame

SLOTS, STREAM = 8, sample_frame(16, 0).header.stream
SYNC_SECONDS = 0.01


class Remote:
    """An actor's handle.  Who is killed answers nothing more, also what he was asked before."""

    def __init__(self, actor: object) -> None:
        self._actor = actor
        self._calls: set[asyncio.Future[object]] = set()
        self._is_dead = False

    def __getattr__(self, name: str) -> Remote:
        self.__dict__.setdefault("_method", None)
        remote = Remote.__new__(Remote)
        remote.__dict__.update(_owner=self, _name=name)
        return remote

    def remote(self, *arguments: object) -> asyncio.Future[object]:
        owner: Remote = self.__dict__["_owner"]
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if owner._is_dead:
            answer.set_exception(ActorDiedError())
            return answer
        owner._calls.add(answer)
        task = asyncio.ensure_future(getattr(owner._actor, self.__dict__["_name"])(*arguments))

        def ended(task: asyncio.Task[object]) -> None:
            owner._calls.discard(answer)
            if answer.done() or task.cancelled():
                return
            error = task.exception()
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(task.result())

        task.add_done_callback(ended)
        return answer

    def kill(self) -> None:
        self._is_dead = True
        for answer in list(self._calls):
            if not answer.done():
                answer.set_exception(ActorDiedError())


class Device:
    """Keeps what its present agent commits.  is_stuck: that takes frames, and never commits."""

    def __init__(self) -> None:
        self.log: list[FrameId] = []
        self.is_stuck = False
        self.agent: Agent | None = None


class Agent:
    """Looks into the slots when it commits: what lies there then is what is written."""

    def __init__(self, device: Device, place: Path) -> None:
        self._device = device
        self._place = place
        self._volatile: list[FrameDescriptor] = []
        device.agent = self

    async def write(self, number: int, jobs: Sequence[Job]) -> Written:
        durable: list[FrameId] = []
        for job in jobs:
            if job.frame is not None:
                self._volatile.append(job.frame)
            elif self._device.agent is self and not self._device.is_stuck:
                committed = [self._checked(frame) for frame in self._volatile]
                self._device.log += committed
                durable += committed
                self._volatile.clear()
        return Written(tuple(durable), None)

    def _checked(self, frame: FrameDescriptor) -> FrameId:
        slab = open_slab(self._place / frame.slab)
        assert frame_digest(slab.payload(frame.slot, 16)) == frame.header.digest, frame
        slab.close()
        return frame.header.frame_id


def descriptor(sequence: int) -> FrameDescriptor:
    return FrameDescriptor(sample_frame(16, sequence).header, "near", sequence % SLOTS)


class Chain:
    """Three buffers and their devices.  far: the second and the third are on another node, where
    the second one has the memory."""

    def __init__(self, place: Path, *, far: bool) -> None:
        self._place = place
        self._far = far
        self.devices = [Device() for _ in range(3)]
        self.buffers: list[Buffer] = []
        self.handles: list[Remote] = []
        self._dead: list[Buffer] = []
        self.answers: list[asyncio.Task[Reply]] = []

    def edge(self, source: int) -> EdgeSettings:
        is_far = self._far and source == 0
        return EdgeSettings(
            f"b{source} -> b{source + 1}", f"b{source + 1}",
            Transport.DIRECT if is_far else Transport.SHARED_MEMORY, (STREAM,), SLOTS,
        )  # fmt: skip

    def _settings(self, number: int, epoch: int) -> BufferSettings:
        is_far = self._far and number > 0
        path = self._place / ("far" if is_far else "near")
        lands = is_far and number == 1
        return BufferSettings(
            f"b{number}", bytes(16), SLOTS, SlabSettings(str(path), SLOTS, 4096, identify()),
            number == 0 or lands, tuple(range(SLOTS)) if lands else (),
            (("b0 -> b1", Transport.DIRECT),) if lands else (), 1 << 20, SYNC_SECONDS,
            epoch=epoch,
        )  # fmt: skip

    def held(self, number: int) -> list[tuple[FrameId, str, int]]:
        """What a buffer holds, and where it lies."""
        frames = (frame for _, frame in self.buffers[number]._live().held())
        return [(frame.header.frame_id, frame.slab, frame.slot) for frame in frames]

    def agent(self, number: int) -> Remote:
        return Remote(Agent(self.devices[number], self._place))

    async def open(self) -> None:
        for number in (0, 1, 2):
            self.buffers.append(Buffer(self._settings(number, 0)))
            self.handles.append(Remote(self.buffers[-1]))
            await self.buffers[-1].open()
        for number in (2, 1, 0):
            await self.buffers[number].wire(self.agent(number), self.couplings(number))

    def couplings(self, number: int, epoch: int = 0) -> list[Coupled]:
        if number == 2:
            return []
        return [Coupled(self.edge(number), self.handles[number + 1], epoch)]

    def offer(self, sequence: int) -> None:
        """Only where its slot is free again."""
        slab = open_slab(self._place / "near")
        slab.payload(sequence % SLOTS, 16)[:] = sample_frame(16, sequence).payload
        slab.close()
        offers = [Offer(0, descriptor(sequence), ())]
        call = self.buffers[0].offer("client -> b0", 0, sequence, offers)
        self.answers.append(asyncio.ensure_future(call))

    async def replace(self, number: int, epoch: int) -> None:
        """What a session does when the buffer was killed, up to where a device comes."""
        self.handles[number].kill()
        await settle()
        fresh = Buffer(self._settings(number, epoch))
        await fresh.open()
        held: list[tuple[str, FrameDescriptor]] = []
        for coupled in self.couplings(number):
            held += await coupled.target.predecessor_restarted.remote(coupled.settings.name, epoch)
        await fresh.wire(None, self.couplings(number), held)
        self._dead.append(self.buffers[number])
        self.buffers[number], self.handles[number] = fresh, Remote(fresh)
        if number:
            name = f"b{number - 1} -> b{number}"
            await self.buffers[number - 1].replace_successor(name, self.handles[number], epoch)

    async def equip(self, number: int, epoch: int) -> None:
        device = self.devices[number]
        device.is_stuck = False
        await self.buffers[number].replace_device(self.agent(number), epoch, tuple(device.log))

    async def end(self, frames: int) -> None:
        """All is released, and each device that works has each frame once, in order."""
        async with asyncio.timeout(60):
            replies = await asyncio.gather(*self.answers)
        wanted = [descriptor(number).header.frame_id for number in range(frames)]
        assert [frame for reply in replies for frame in reply.released] == wanted
        for device in self.devices:
            assert device.is_stuck or device.log == wanted

    async def close(self) -> None:
        for buffer in (*self._dead, *self.buffers):
            await buffer.close()


async def settle(rounds: int = 50) -> None:
    for _ in range(rounds):
        await asyncio.sleep(0)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.001)


Opened = Callable[..., AbstractAsyncContextManager[Chain]]


@pytest.fixture
def chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Opened:  # fmt: skip
    monkeypatch.setattr(ray_nodes, "this_address", lambda: "127.0.0.1")

    @asynccontextmanager
    async def opened(*, far: bool = False) -> AsyncIterator[Chain]:
        chain = Chain(tmp_path, far=far)
        await chain.open()
        yield chain
        await chain.close()

    return opened


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("stuck", [(), (0,), (1,), (2,), (1, 2)])
def test_a_buffer_in_the_place_of_a_killed_one_gets_what_was_not_released(
    chain: Opened, number: int, stuck: tuple[int, ...], far: bool
) -> None:
    async def run() -> None:
        async with chain(far=far) as it:
            for device in stuck:
                it.devices[device].is_stuck = True
            for sequence in range(5):
                it.offer(sequence)
            await settle()
            await it.replace(number, 1)
            it.offer(5)
            await settle()
            # Without a device it releases nothing.
            assert not any(answer.done() for answer in it.answers if number not in stuck and stuck)
            await it.equip(number, 2)
            for device in stuck:
                if device != number:
                    await it.equip(device, 3)
            for sequence in (6, 7):
                it.offer(sequence)
            await it.end(8)

    asyncio.run(run())


def test_slots_into_which_those_behind_it_look_are_not_filled_again(chain: Opened) -> None:
    async def run() -> None:
        async with chain(far=True) as it:
            for sequence in range(3):
                it.offer(sequence)
            await until(lambda: all(answer.done() for answer in it.answers))
            it.devices[2].is_stuck = True
            for sequence in range(3, 8):
                it.offer(sequence)
            await until(lambda: len(it.held(2)) == 5)
            before = it.held(2)
            # What comes again would land in other slots than at first, and in those of others.
            await it.replace(1, 1)
            await it.equip(1, 2)
            await until(lambda: len(it.held(1)) == 5)
            assert sorted(it.held(1)) == sorted(before)
            await it.equip(2, 3)
            await it.end(8)

    asyncio.run(run())


def test_a_buffer_that_is_lost_is_fed_around(chain: Opened) -> None:
    async def run() -> None:
        async with chain() as it:
            it.devices[1].is_stuck = it.devices[2].is_stuck = True
            for sequence in range(4):
                it.offer(sequence)
            await until(lambda: len(it.held(2)) == 4)
            it.handles[1].kill()
            await settle()
            held = await it.buffers[2].predecessor_restarted("b1 -> b2", 5)
            assert len(held) == 4
            heir = Coupled(it.edge(1), it.handles[2], 0, {}, 5)
            await it.buffers[0].adopt("b0 -> b1", [heir], held)
            await it.equip(2, 1)
            for sequence in range(4, 8):
                it.offer(sequence)
            await it.end(8)
            # What the lost one says now is not heard.
            late = it.buffers[2].offer("b1 -> b2", 0, 1, [Offer(0, descriptor(8), ())])
            with pytest.raises(Exception, match="epoch 0 is not the present one"):
                await late

    asyncio.run(run())
