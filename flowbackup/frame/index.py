"""The chunk index: where the chunks of a frame lie, written behind its content.

One record of 40 bytes per chunk, little-endian: BLAKE3 digest (32), offset (u32), size (u32).
Chunks stand in ascending order and do not overlap; gaps are allowed, so that a later version may
align them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import starmap

import numpy as np

from flowbackup.errors import DamageError
from flowbackup.model.chunk import ChunkSpan

_RECORD = struct.Struct("<32sII")
INDEX_RECORD_BYTES = _RECORD.size
RECORDS = np.dtype([("digest", "V32"), ("offset", "<u4"), ("size", "<u4")])
"""The same, as rows of an array."""


def encode_index(spans: Iterable[ChunkSpan]) -> bytes:
    """The records of `spans`, which must be in ascending order.  Raises struct.error for an
    offset or size outside 32 bits."""
    return b"".join(starmap(_RECORD.pack, spans))


class OpenIndex:
    """The index of a frame that is being filled, as it will be written: of small files a frame
    holds some hundred thousand, and each as an object would take ten times the room.  Chunks are
    added in ascending order."""

    def __init__(self) -> None:
        self.data = bytearray()

    def __len__(self) -> int:
        return len(self.data) // INDEX_RECORD_BYTES

    def add(self, digest: bytes, offset: int, size: int) -> None:
        self.data += _RECORD.pack(digest, offset, size)


def decode_index(data: bytes | memoryview, chunk_count: int, content_bytes: int) -> list[ChunkSpan]:
    """The spans of an index of `chunk_count` records over `content_bytes` of content.

    Every span is inside the content, none is empty and none overlaps the one before.
    Raises DamageError with what was wrong.
    """
    if len(data) != chunk_count * INDEX_RECORD_BYTES:
        raise DamageError(
            f"a chunk index of {chunk_count} chunks has {len(data)} bytes, "
            f"expected {chunk_count * INDEX_RECORD_BYTES}"
        )
    _check_bounds(np.frombuffer(data, RECORDS), content_bytes)
    return list(map(ChunkSpan._make, _RECORD.iter_unpack(data)))


def _check_bounds(records: np.ndarray[tuple[int], np.dtype[np.void]], content_bytes: int) -> None:
    offsets = records["offset"].astype(np.uint64)
    sizes = records["size"].astype(np.uint64)
    ends = offsets + sizes
    if (wrong := _first(ends > content_bytes)) is not None:
        raise DamageError(
            f"chunk {wrong} of a frame ends at byte {ends[wrong]}, "
            f"behind the content of {content_bytes} bytes"
        )
    if (wrong := _first(sizes == 0)) is not None:
        raise DamageError(f"chunk {wrong} of a frame is empty")
    if (wrong := _first(offsets[1:] < ends[:-1])) is not None:
        raise DamageError(f"chunks {wrong} and {wrong + 1} of a frame overlap")


def _first(faults: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int | None:
    return int(np.argmax(faults)) if faults.any() else None
