"""The columns of a manifest page that a search looks at, by themselves.

A page is mostly digests, which no search wants and zstd cannot make smaller: without them a tenth
is to be unfolded.  These bytes stand on no medium, only in a catalog, and can be made anew.

    raw size (u32, little-endian)  zstd frame of one Arrow IPC record batch
"""

from __future__ import annotations

import struct

import pyarrow as pa

from flowbackup.errors import DamageError
from flowbackup.frame.columns import SCHEMA
from flowbackup.frame.page import PAGE_RAW_BYTES_MAX, page_columns

COLUMNS = ("path", "kind", "size", "mtime_ns", "part")
_SCHEMA = pa.schema([SCHEMA.field(name) for name in COLUMNS])
_HEAD = struct.Struct("<I")
_ZSTD = pa.Codec("zstd", compression_level=3)


def searched_of_page(body: bytes) -> bytes:
    """Of a page that was checked.  Raises DamageError."""
    raw = page_columns(body, COLUMNS).serialize()
    packed: bytes = _ZSTD.compress(raw, asbytes=True)
    return _HEAD.pack(raw.size) + packed


def unfold_searched(data: bytes) -> pa.RecordBatch:
    """What `searched_of_page` has made, with COLUMNS, validated.  Raises DamageError."""
    try:
        (raw_size,) = _HEAD.unpack_from(data)
        if raw_size > PAGE_RAW_BYTES_MAX:
            raise DamageError(f"the searched part of a page wants {raw_size} bytes")
        raw = _ZSTD.decompress(memoryview(data)[_HEAD.size :], raw_size)
        batch = pa.ipc.read_record_batch(pa.py_buffer(raw), _SCHEMA)
        batch.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, struct.error) as error:
        raise DamageError(f"the searched part of a page cannot be read: {error}") from error
    return batch
