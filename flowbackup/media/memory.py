"""Memory for frames that are read back."""

from __future__ import annotations

import ctypes
import weakref
from collections import deque
from mmap import mmap

from flowbackup.units import MIB, round_up

PIECES_FREE_MAX = 8
"""Pieces that wait to be used again: about what a restore looks at and reads ahead."""


class FrameMemory:
    """Page-aligned memory, each piece of it used again when nobody looks at it any more: memory
    that is touched for the first time costs more than the reading.  Threads may share it."""

    def __init__(self) -> None:
        self._free: deque[mmap] = deque(maxlen=PIECES_FREE_MAX)

    def take(self, size_bytes: int) -> memoryview:
        """So many bytes, of any content, from the beginning of a page.  They stay the caller's as
        long as this view, or one that was made of it, is there."""
        piece = self._found(size_bytes)
        # A view keeps the object alive that it was made of, and the end of that is the sign.
        holder = (ctypes.c_ubyte * size_bytes).from_buffer(piece)
        weakref.finalize(holder, self._free.append, piece).atexit = False
        return memoryview(holder).cast("B")

    def _found(self, size_bytes: int) -> mmap:
        """A free piece that is long enough; those that are too short make place for a new one."""
        while self._free:
            try:
                piece = self._free.pop()
            except IndexError:
                break
            if len(piece) >= size_bytes:
                return piece
        return mmap(-1, round_up(max(size_bytes, 1), MIB))
