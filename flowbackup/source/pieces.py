"""The pieces of a frame that is being filled, packed while more of it is read."""

from __future__ import annotations

from flowbackup.frame.packing import Pack, Packed, next_piece_bytes
from flowbackup.source.hashing import HashCrew


class PiecePacker:
    """Has a crew pack one frame after the other, piece by piece.  Nobody waits for that before the
    frame is full, and even then both sides work to its end: its last pieces are small."""

    def __init__(self, pack: Pack | None, crew: HashCrew, frame_bytes: int) -> None:
        """Without `pack` nothing is packed.  frame_bytes: content of a frame that is full."""
        self._pack = pack
        self._hands = crew.hands
        self._batch = crew.batch()
        self._frame_bytes = frame_bytes
        self._begin()

    def settled(self, memory: memoryview, used: int) -> None:
        """The first `used` bytes of the frame stay where they are."""
        while self._pack is not None and used >= self._next_end:
            self._add(self._pack, memory, self._next_end)

    def finish(self, memory: memoryview, used: int) -> list[Packed]:
        """All pieces of the frame, which has so much content; no view of it is held any more."""
        self.settled(memory, used)
        if self._pack is not None and used > self._end:
            self._add(self._pack, memory, used)
        self._batch.drain()
        packed = self._packed
        self._begin()
        return packed

    def abandon(self) -> None:
        """The frame will not be; returns when no view of it is held any more."""
        self._batch.drain()
        self._begin()

    def _begin(self) -> None:
        self._packed: list[Packed] = []
        self._end = 0
        self._next_end = next_piece_bytes(self._frame_bytes, self._hands)

    def _add(self, pack: Pack, memory: memoryview, end: int) -> None:
        piece = memory[self._end : end]
        self._packed.append(Packed(len(piece), None))
        self._batch.add(pack, self._packed, len(self._packed) - 1, piece)
        self._end = end
        self._next_end = end + next_piece_bytes(self._frame_bytes - end, self._hands)
