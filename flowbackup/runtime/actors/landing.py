"""Where frames from other nodes land: the receiving slots of one buffer.

A slot is free, being filled, or belongs to a frame until that is released.  A buffer that takes the
place of another one finds slots into which its successors, which live on, still look: the frames in
them need not be fetched again, and the slots are not filled before these are released.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId


class Landing:
    """Slots are numbers; the shell has the memory.  Belongs to one event loop."""

    def __init__(self) -> None:
        self._free: asyncio.Queue[int] = asyncio.Queue()
        self._taken: dict[FrameId, int] = {}
        self._kept: dict[FrameId, int] = {}

    def open(self, slots: Iterable[int], slab: str, held: Iterable[FrameDescriptor]) -> None:
        """slots: all that are filled here.  held: frames that successors hold, in whichever slab;
        those in `slab` keep their slots."""
        numbers = set(slots)
        for frame in held:
            if frame.slab == slab and frame.slot in numbers:
                self._kept[frame.header.frame_id] = frame.slot
        for number in sorted(numbers - set(self._kept.values())):
            self._free.put_nowait(number)

    def kept(self, frame: FrameId) -> int | None:
        """The slot in which this frame lies already."""
        return self._kept.get(frame)

    async def free(self) -> int:
        """A slot to fill, the caller's now; waits for one."""
        return await self._free.get()

    def take(self, frame: FrameId, slot: int) -> None:
        """The frame was accepted: the slot is in use until `release`."""
        self._kept.pop(frame, None)
        self._taken[frame] = slot

    def give_back(self, slot: int) -> None:
        """What the caller has put there was not accepted."""
        if slot not in self._kept.values():
            self._free.put_nowait(slot)

    def release(self, frame: FrameId) -> None:
        """The frame is safe, or was never here."""
        slot = self._taken.pop(frame, None)
        if slot is not None:
            self._free.put_nowait(slot)
