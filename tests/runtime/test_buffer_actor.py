"""What a Buffer answers to those who offer it frames; it runs here, not in an actor."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowbackup.errors import DeviceError, PeerLostError, ProtocolError
from flowbackup.model.frame import FrameDescriptor
from flowbackup.process import identify
from flowbackup.runtime.actors.buffer import Buffer
from flowbackup.runtime.edges.wiring import (
    BufferSettings,
    Job,
    Offer,
    Reply,
    SlabSettings,
    Written,
)  # fmt: skip
from flowbackup.testing.frames import sample_frame

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("live_ray")]
EDGE = "client -> primary"
SESSION = bytes(16)
Write = Callable[[int, list[Job]], Awaitable[Written]]


def descriptor(sequence: int, size: int = 16) -> FrameDescriptor:
    return FrameDescriptor(sample_frame(size, sequence).header, "slab", sequence)


async def burns(number: int, jobs: list[Job]) -> Written:
    return Written((), DeviceError("it burns", device="usb", errno=errno.EIO))


async def keeps(number: int, jobs: list[Job]) -> Written:
    return Written(tuple(job.frame.header.frame_id for job in jobs if job.frame), None)


def run(tmp_path: Path, write: Write, *frames: FrameDescriptor) -> list[Reply | BaseException]:
    """The answers of a buffer, whose device answers as `write` does, to one offer after another."""
    agent = SimpleNamespace(
        write=SimpleNamespace(remote=lambda *args: asyncio.ensure_future(write(*args)))
    )

    async def offer_all() -> list[Reply | BaseException]:
        slab = SlabSettings(str(tmp_path / "slab"), 4, 4096, identify(os.getpid()))
        buffer = Buffer(BufferSettings("usb", SESSION, 4, slab, True, (), (), 1 << 20, 0.1))
        await buffer.open()
        await buffer.wire(agent, [])
        answers: list[Reply | BaseException] = []
        for number, frame in enumerate(frames):
            call = buffer.offer(EDGE, 0, number, [Offer(0, frame, ())])
            answers += await asyncio.gather(call, return_exceptions=True)
        await buffer.close()
        return answers

    return asyncio.run(offer_all())


def test_who_offers_to_a_broken_agent_learns_that_it_is_gone_and_why(tmp_path: Path) -> None:
    breaks, refuses = run(tmp_path, burns, descriptor(0), descriptor(1))
    for answer in (breaks, refuses):
        # No ProtocolError, which ends the session: the sender goes on with whom else it has.
        assert isinstance(answer, PeerLostError)
        assert str(answer).startswith("usb: ") and "it burns" in str(answer)
    assert "refused: this agent is broken" in str(refuses)


def test_who_breaks_the_rules_ends_the_session(tmp_path: Path) -> None:
    taken, refused = run(tmp_path, keeps, descriptor(0), descriptor(0, size=17))
    assert isinstance(taken, Reply) and taken.released == (descriptor(0).header.frame_id,)
    assert isinstance(refused, ProtocolError) and "another digest" in str(refused)
