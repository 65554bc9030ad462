"""Receiving slots, and those that a dead buffer has left in use."""

from __future__ import annotations

import asyncio

from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.runtime.actors.landing import Landing
from flowbackup.testing.frames import sample_frame


def held(sequence: int, slot: int, slab: str = "mine") -> FrameDescriptor:
    return FrameDescriptor(sample_frame(16, sequence).header, slab, slot)


def frame(sequence: int) -> FrameId:
    return sample_frame(16, sequence).header.frame_id


async def free_slots(landing: Landing) -> list[int]:
    """All that can be had at once; they are taken."""
    found: list[int] = []
    while True:
        try:
            async with asyncio.timeout(0.01):
                found.append(await landing.free())
        except TimeoutError:
            return found


def test_a_slot_is_free_again_when_its_frame_is_released_or_was_not_accepted() -> None:
    async def run() -> None:
        landing = Landing()
        landing.open((4, 5), "mine", ())
        landing.take(frame(1), await landing.free())
        landing.give_back(await landing.free())
        assert await free_slots(landing) == [5]
        landing.release(frame(1))
        landing.release(frame(1))
        assert await free_slots(landing) == [4]

    asyncio.run(run())


def test_what_successors_hold_keeps_its_slot_until_it_is_released() -> None:
    async def run() -> None:
        landing = Landing()
        others = held(1, 4), held(2, 5, "of another node"), held(3, 9)
        landing.open((4, 5, 6), "mine", others)
        assert await free_slots(landing) == [5, 6]
        assert [landing.kept(frame(n)) for n in (1, 2, 3)] == [4, None, None]
        # It came at the wrong time and is not accepted: somebody looks into it all the same.
        landing.give_back(4)
        assert await free_slots(landing) == []
        landing.take(frame(1), 4)
        assert landing.kept(frame(1)) is None
        landing.release(frame(1))
        assert await free_slots(landing) == [4]

    asyncio.run(run())
