"""Content made small: standard zstd frames, one behind the other, each of one piece of the content.

Pieces are packed one by one so that all processors can do it at once, and while the rest of the
frame is still being read.  What does not shrink is found by a sample and left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pyarrow as pa

from flowbackup.errors import DamageError
from flowbackup.model.frame import CONTENT_BYTES_MAX
from flowbackup.units import KIB, MIB

PIECE_BYTES = 2 * MIB
"""Small files and level 2 like large pieces; still larger ones gain little (zstd -3 looks back 2 MiB
at most), and keep the last processor busy when all others have nothing to do any more."""
_SAMPLE_BYTES = 4 * KIB
_SAMPLES = 8
_SAMPLE_LEVEL = 1
_GAIN_DIVISOR = 32
"""What shrinks by less than a thirty-second is left as it is: reading it would cost more time than
writing has saved."""

Packed: TypeAlias = "pa.Buffer | None"
"""A piece in its packed form; None where a sample of it does not shrink."""
Pack = Callable[[memoryview], Packed]


def packer(level: int) -> Pack | None:
    """What packs pieces at a level of zstd, nothing for level 0.  May be used by several threads at
    once."""

    def pack(piece: memoryview) -> Packed:
        return _zstd(level).compress(piece) if _shrinks(piece) else None

    return pack if level else None


def packed_content(content: memoryview, packed: Sequence[Packed]) -> list[pa.Buffer]:
    """The packed form of content of which the pieces were packed before; [] where that saves
    nothing worth it.  Holds no view of `content`."""
    pieces = [content[at : at + PIECE_BYTES] for at in range(0, len(content), PIECE_BYTES)]
    sizes = (
        len(piece) if small is None else small.size
        for piece, small in zip(pieces, packed, strict=True)
    )
    if not _is_worth_it(sum(sizes), len(content)):
        return []
    # zstd wraps what it cannot make smaller, and is quick about it.
    whole = [
        _zstd(_SAMPLE_LEVEL).compress(piece) if small is None else small
        for piece, small in zip(pieces, packed, strict=True)
    ]
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
