"""Content made small: standard zstd frames, one behind the other, of one piece of the content after
the other.

Pieces are packed one by one so that all processors can do it at once, and while the rest of the
frame is still being read.  What does not shrink is found by a sample and left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa

from flowbackup.errors import DamageError
from flowbackup.frame.strength import Strength, Strengths, size_of
from flowbackup.model.frame import CONTENT_BYTES_MAX
from flowbackup.units import KIB, MIB

PIECE_BYTES_MAX = 2 * MIB
"""Small files and level 2 like large pieces; still larger ones gain little, as zstd -3 looks back
2 MiB at most."""
PIECE_BYTES_MIN = 512 * KIB
"""Smaller ones shrink less."""
_SAMPLE_BYTES = 4 * KIB
_SAMPLES = 8
_FASTEST = Strength(1)
_GAIN_DIVISOR = 32
"""What shrinks by less than a thirty-second is left as it is: reading it would cost more time than
writing has saved."""


class Packed(NamedTuple):
    """A piece of so many bytes, and its packed form; None where a sample of it does not shrink."""

    piece_bytes: int
    small: Sequence[pa.Buffer] | None

    @property
    def size_bytes(self) -> int:
        """Of what it is in the end."""
        return self.piece_bytes if self.small is None else size_of(self.small)


Pack = Callable[[memoryview], Packed]


def next_piece_bytes(left_bytes: int, hands: int) -> int:
    """How large the piece is to be that begins where a frame has so much left.  hands: that pack.
    Towards the end of the frame pieces become smaller, so that all are done at the same time."""
    return max(PIECE_BYTES_MIN, min(PIECE_BYTES_MAX, left_bytes // hands))


def packer(level: int) -> Pack | None:
    """What packs the pieces of an object about as small as a level of zstd does, nothing for level
    0.  May be used by several threads at once."""
    if not level:
        return None
    strengths = Strengths(level)

    def pack(piece: memoryview) -> Packed:
        sample = _sample(piece)
        packed_bytes = size_of(_FASTEST.pack(memoryview(sample)))
        small = None
        if _is_worth_it(packed_bytes, len(sample)):
            small = strengths.pack(piece, packed_bytes / len(sample))
        return Packed(len(piece), small)

    return pack


def packed_content(content: memoryview, packed: Sequence[Packed]) -> list[pa.Buffer]:
    """The packed form of content of which the pieces were packed before; [] where that saves
    nothing worth it.  Holds no view of `content`."""
    if not _is_worth_it(sum(each.size_bytes for each in packed), len(content)):
        return []
    whole: list[pa.Buffer] = []
    begin = 0
    for piece_bytes, small in packed:
        end = begin + piece_bytes
        # zstd wraps what it cannot make smaller, and is quick about it.
        whole += _FASTEST.pack(content[begin:end]) if small is None else small
        begin = end
    return whole if size_of(whole) < len(content) else []


def unpacked_content(packed: memoryview, content_bytes: int) -> memoryview:
    """The content, of exactly `content_bytes`.  Takes no more memory than that, whatever is in
    `packed`.  Raises DamageError."""
    if content_bytes > CONTENT_BYTES_MAX:
        raise DamageError(f"it unfolds into {content_bytes} bytes, allowed are {CONTENT_BYTES_MAX}")
    try:
        content = memoryview(pa.Codec("zstd").decompress(packed, content_bytes))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamageError(f"it cannot be unpacked: {error}") from error
    return content.cast("B")


def _sample(piece: memoryview) -> bytes:
    """Some bytes of it, taken from all over it."""
    step = max(len(piece) // _SAMPLES, 1)
    return b"".join(piece[at : at + _SAMPLE_BYTES] for at in range(0, len(piece), step))


def _is_worth_it(packed_bytes: int, content_bytes: int) -> bool:
    return packed_bytes <= content_bytes - content_bytes // _GAIN_DIVISOR - 1
