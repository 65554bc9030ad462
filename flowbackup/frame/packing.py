"""Content made small: standard zstd frames, one behind the other, each of one piece of the content.

Pieces are packed one by one so that all processors can do it at once, and while the rest of the
frame is still being read.  What does not shrink is found by a sample and left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pyarrow as pa

from flowbackup.errors import DamageError
from flowbackup.model.frame import CONTENT_BYTES_MAX
from flowbackup.units import KIB, MIB

PIECE_BYTES_MAX = 2 * MIB
"""Small files and level 2 like large pieces; still larger ones gain little, as zstd -3 looks back
2 MiB at most."""
PIECE_BYTES_MIN = 512 * KIB
"""Smaller ones shrink less."""
_SAMPLE_BYTES = 4 * KIB
_SAMPLES = 8
_SAMPLE_LEVEL = 1
_GAIN_DIVISOR = 32
"""What shrinks by less than a thirty-second is left as it is: reading it would cost more time than
writing has saved."""


class Packed(NamedTuple):
    """A piece of so many bytes, and its packed form; None where a sample of it does not shrink."""

    piece_bytes: int
    small: pa.Buffer | None


Pack = Callable[[memoryview], Packed]


def next_piece_bytes(left_bytes: int, hands: int) -> int:
    """How large the piece is to be that begins where a frame has so much left.  hands: that pack.
    Towards the end of the frame pieces become smaller, so that all are done at the same time."""
    return max(PIECE_BYTES_MIN, min(PIECE_BYTES_MAX, left_bytes // hands))


def packer(level: int) -> Pack | None:
    """What packs pieces at a level of zstd, nothing for level 0.  May be used by several threads at
    once."""

    def pack(piece: memoryview) -> Packed:
        small = _zstd(level).compress(piece) if _shrinks(piece) else None
        return Packed(len(piece), small)

    return pack if level else None


def packed_content(content: memoryview, packed: Sequence[Packed]) -> list[pa.Buffer]:
    """The packed form of content of which the pieces were packed before; [] where that saves
    nothing worth it.  Holds no view of `content`."""
    sizes = (each.piece_bytes if each.small is None else each.small.size for each in packed)
    if not _is_worth_it(sum(sizes), len(content)):
        return []
    whole, begin = [], 0
    for piece_bytes, small in packed:
        end = begin + piece_bytes
        if small is None:  # zstd wraps what it cannot make smaller, and is quick about it.
            small = _zstd(_SAMPLE_LEVEL).compress(content[begin:end])
        whole.append(small)
        begin = end
    return whole if sum(small.size for small in whole) < len(content) else []


def unpacked_content(packed: memoryview, content_bytes: int) -> memoryview:
    """The content, of exactly `content_bytes`.  Takes no more memory than that, whatever is in
    `packed`.  Raises DamageError."""
    if content_bytes > CONTENT_BYTES_MAX:
        raise DamageError(f"it unfolds into {content_bytes} bytes, allowed are {CONTENT_BYTES_MAX}")
    try:
        content = memoryview(_zstd(_SAMPLE_LEVEL).decompress(packed, content_bytes))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamageError(f"it cannot be unpacked: {error}") from error
    return content.cast("B")


def _shrinks(piece: memoryview) -> bool:
    """Whether some bytes of it, taken from all over it, do."""
    step = max(len(piece) // _SAMPLES, 1)
    sample = b"".join(piece[at : at + _SAMPLE_BYTES] for at in range(0, len(piece), step))
    return _is_worth_it(_zstd(_SAMPLE_LEVEL).compress(sample).size, len(sample))


def _is_worth_it(packed_bytes: int, content_bytes: int) -> bool:
    return packed_bytes <= content_bytes - content_bytes // _GAIN_DIVISOR - 1


def _zstd(level: int) -> pa.Codec:
    return pa.Codec("zstd", compression_level=level)
