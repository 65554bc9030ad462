"""Pumps tell every failure, once; none of them leaves somebody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from types import SimpleNamespace

import pytest

from flowbackup.errors import DeviceError, FlowbackupError, ProtocolError
from flowbackup.flow.actions import Forward
from flowbackup.flow.pace import Moment
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.model.rate import NO_LIMIT, RateSchedule
from flowbackup.plan.decided import Transport
from flowbackup.runtime.edges import pumps
from flowbackup.runtime.edges.pumps import DevicePump, EdgePump
from flowbackup.runtime.edges.transport import SharedMemory
from flowbackup.runtime.edges.wiring import EdgeSettings, Job, Offer, Reply, Written
from flowbackup.testing.frames import sample_frame

EDGE = EdgeSettings("a -> b", "b", Transport.SHARED_MEMORY, (0,), 4)


def descriptor(sequence: int) -> FrameDescriptor:
    return FrameDescriptor(sample_frame(16, sequence).header, "slab", sequence)


def remote(call: Callable[..., Coroutine[object, object, object]]) -> SimpleNamespace:
    """Something with the shape of an actor's method."""
    return SimpleNamespace(remote=lambda *args: asyncio.ensure_future(call(*args)))


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Heard:
    def __init__(self) -> None:
        self.durable: list[FrameId] = []
        self.failures: list[FlowbackupError] = []
        self.replies: list[Reply] = []
        self.order: list[str] = []

    def commit(self, frames: list[FrameId]) -> None:
        self.durable += frames
        self.order.append("durable")

    def fail(self, name: str, error: FlowbackupError) -> None:
        self.failures.append(error)
        self.order.append("failed")

    def reply(self, edge: str, reply: Reply) -> None:
        self.replies.append(reply)


def test_what_was_durable_before_a_device_failed_is_heard_before_the_failure() -> None:
    heard = Heard()
    frame = descriptor(0).header.frame_id
    calls: list[int] = []

    async def write(number: int, jobs: list[Job]) -> Written:
        calls.append(number)
        return Written((frame,), DeviceError("full"))

    async def run() -> None:
        pump = DevicePump("a", SimpleNamespace(write=remote(write)), heard.commit, heard.fail)
        for number in range(40):
            pump.put(Job(descriptor(number)))
        await settle()
        pump.put(Job(None))
        await settle()

    asyncio.run(run())
    assert heard.durable[0] == frame
    assert heard.order[:2] == ["durable", "failed"]
    assert [str(error) for error in heard.failures] == ["full"]
    assert calls == [0, 1]


def test_news_that_cannot_be_taken_are_a_failure_and_no_silence() -> None:
    heard = Heard()

    async def write(number: int, jobs: list[Job]) -> Written:
        return Written((descriptor(0).header.frame_id,), None)

    def refuse(frames: list[FrameId]) -> None:
        raise ProtocolError("more credit came back than was taken")

    async def run() -> None:
        pump = DevicePump("a", SimpleNamespace(write=remote(write)), refuse, heard.fail)
        pump.put(Job(descriptor(0)))
        await settle()

    asyncio.run(run())
    assert ["credit" in str(error) for error in heard.failures] == [True]


class BrokenWay(SharedMemory):
    copies = True

    def dispatch(self, frame: FrameDescriptor) -> tuple[object, ...]:
        raise OSError("no room in the object store")


def test_a_frame_that_cannot_be_sent_ends_its_edge() -> None:
    heard = Heard()

    async def offer(edge: str, epoch: int, number: int, offers: list[Offer]) -> Reply:
        raise AssertionError("nothing can be offered")

    async def run() -> None:
        target = SimpleNamespace(offer=remote(offer))
        pump = EdgePump(EDGE, target, BrokenWay(), heard.reply, heard.fail)
        pump.put(Forward(EDGE.name, 0, 0, descriptor(0)))
        while not heard.failures:
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(run(), 60))
    assert "no room in the object store" in str(heard.failures[0])


def test_an_edge_that_was_given_up_hears_no_late_answer() -> None:
    heard = Heard()
    answer: asyncio.Future[Reply]

    async def offer(edge: str, epoch: int, number: int, offers: list[Offer]) -> Reply:
        return await answer

    async def run() -> None:
        nonlocal answer
        answer = asyncio.get_running_loop().create_future()
        pump = EdgePump(
            EDGE, SimpleNamespace(offer=remote(offer)), SharedMemory(), heard.reply, heard.fail
        )
        pump.put(Forward(EDGE.name, 0, 0, descriptor(0)))
        await settle()
        pump.stop()
        answer.set_result(Reply((descriptor(0).header.frame_id,)))
        await settle()

    asyncio.run(run())
    assert (heard.replies, heard.failures) == ([], [])


def test_an_edge_with_a_rate_sends_one_frame_after_the_other() -> None:
    calls: list[tuple[float, int]] = []
    now = 0.0

    def clock() -> Moment:
        nonlocal now
        now += 0.001
        return Moment(now, 0, 0)

    async def offer(edge: str, epoch: int, number: int, offers: list[Offer]) -> Reply:
        calls.append((now, len(offers)))
        return Reply(tuple(o.frame.header.frame_id for o in offers))

    async def run() -> None:
        heard = Heard()
        edge = replace(EDGE, rate=RateSchedule(1600))
        pump = EdgePump(
            edge, SimpleNamespace(offer=remote(offer)), SharedMemory(), heard.reply, heard.fail,
            clock,
        )  # fmt: skip
        for sequence in range(3):
            pump.put(Forward("a -> b", 0, 0, descriptor(sequence)))
        while len(heard.replies) < 3:
            await asyncio.sleep(0.001)
        assert heard.failures == []

    asyncio.run(run())
    assert [frames for _, frames in calls] == [1, 1, 1]


def test_an_edge_that_waits_for_its_turn_hears_of_another_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The clock stands still: by its first rate the edge would never send a second frame."""
    monkeypatch.setattr(pumps, "RATE_LOOK_SECONDS", 0.001)
    calls: list[int] = []

    async def offer(edge: str, epoch: int, number: int, offers: list[Offer]) -> Reply:
        calls.append(len(offers))
        return Reply(tuple(o.frame.header.frame_id for o in offers))

    async def run() -> None:
        heard = Heard()
        pump = EdgePump(
            EDGE, SimpleNamespace(offer=remote(offer)), SharedMemory(), heard.reply, heard.fail,
            lambda: Moment(100.0, 0, 0),
        )  # fmt: skip
        pump.limit(RateSchedule(1))
        for sequence in range(3):
            pump.put(Forward("a -> b", 0, 0, descriptor(sequence)))
        await settle()
        assert calls == [1]
        pump.limit(NO_LIMIT)
        while len(heard.replies) < 3:
            await asyncio.sleep(0.001)
        assert pump.settings.rate == NO_LIMIT, "whoever replaces this sender has it, too"

    asyncio.run(asyncio.wait_for(run(), 60))
    assert sum(calls) == 3


def test_what_the_receiver_has_from_an_earlier_self_takes_credit_and_goes_first() -> None:
    """Else the new self would spend the credit on others, and the window of the receiver, which
    holds those still, would be exceeded."""
    heard = Heard()
    calls: list[list[int]] = []
    answers: list[asyncio.Future[Reply]] = []

    async def offer(edge: str, epoch: int, number: int, offers: list[Offer]) -> Reply:
        assert (epoch, number) == (3, len(calls))
        calls.append([offer.frame.slot for offer in offers])
        answers.append(asyncio.get_running_loop().create_future())
        return await answers[-1]

    async def run() -> None:
        target = SimpleNamespace(offer=remote(offer))
        there = [descriptor(number).header.frame_id for number in (7, 8, 9)]
        pump = EdgePump(EDGE, target, SharedMemory(), heard.reply, heard.fail, epoch=3, there=there)
        for number in (1, 2, 7, 8):
            pump.put(Forward(EDGE.name, 0, 0, descriptor(number)))
        await settle()
        # Of four, three are spent for what is there: one is left, also before 9 has come again.
        assert calls == [[7, 8], [1]]
        pump.put(Forward(EDGE.name, 0, 0, descriptor(9)))
        await settle()
        assert calls == [[7, 8], [1], [9]]
        answers[0].set_result(Reply(tuple(there[:2])))
        await settle()
        assert calls == [[7, 8], [1], [9], [2]]

    asyncio.run(run())
    assert heard.failures == []
