"""Arrow batches as bytes: one zstd frame around one Arrow IPC stream, with its raw size in front.

Compressed as a whole and not by Arrow per buffer, because a reader can then refuse a page that
would unfold into more than it says before it unfolds (and because it is twice as fast and a little
smaller: 0.3 against 0.5 microseconds per entry).  Bytes are a function of the batch alone.

    magic "FBP1" (4)  raw size (u32, little-endian)  zstd frame of the Arrow IPC stream
"""

from __future__ import annotations

import struct

import pyarrow as pa

from flowbackup.errors import DamageError
from flowbackup.units import MIB

MAGIC = b"FBP1"
RAW_BYTES_MAX = 256 * MIB
"""No page or root unfolds into more: 4,096 entries with paths and attributes of 64 KiB fit."""

_HEAD = struct.Struct("<4sI")
_ZSTD = pa.Codec("zstd", compression_level=3)
_PLAIN_IPC = pa.ipc.IpcWriteOptions(use_threads=False)


def fold(batch: pa.RecordBatch) -> bytes:
    """The bytes of a batch.  Equal batches give equal bytes.  Raises ValueError over the limit."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, batch.schema, options=_PLAIN_IPC) as writer:
        writer.write_batch(batch)
    raw = stream.getvalue()
    if raw.size > RAW_BYTES_MAX:
        raise ValueError(f"a manifest page of {raw.size} bytes is over {RAW_BYTES_MAX}")
    packed: bytes = _ZSTD.compress(raw, asbytes=True)
    return _HEAD.pack(MAGIC, raw.size) + packed


def unfold(data: bytes | memoryview, schema: pa.Schema) -> pa.RecordBatch:
    """The batch in `data`, validated, with at least the columns of `schema`; columns that this
    version does not know are dropped.  Raises DamageError."""
    if len(data) < _HEAD.size:
        raise DamageError(f"a manifest page has {len(data)} bytes, expected {_HEAD.size} or more")
    magic, raw_size = _HEAD.unpack_from(data)
    if magic != MAGIC:
        raise DamageError(f"a manifest page begins with {magic!r}, expected {MAGIC!r}")
    if raw_size > RAW_BYTES_MAX:
        raise DamageError(f"a manifest page wants {raw_size} bytes, allowed are {RAW_BYTES_MAX}")
    try:
        raw = _ZSTD.decompress(memoryview(data)[_HEAD.size :], raw_size)
        with pa.ipc.open_stream(raw) as reader:
            batches = list(reader)
        if len(batches) != 1:
            raise DamageError(f"a manifest page holds {len(batches)} batches, expected 1")
        batches[0].validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DamageError(f"a manifest page cannot be read: {error}") from error
    return _known_columns(batches[0], schema)


def _known_columns(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = []
    for field in schema:
        places = batch.schema.get_all_field_indices(field.name)
        if len(places) != 1 or batch.schema.field(places[0]).type != field.type:
            raise DamageError(f"a manifest page has no column {field.name} of type {field.type}")
        column = batch.column(places[0])
        if not field.nullable and _has_null(column):
            raise DamageError(f"a manifest page has nothing where column {field.name} must be")
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _has_null(column: pa.Array) -> bool:
    if column.null_count:
        return True
    if pa.types.is_list(column.type):
        return _has_null(column.values)
    if pa.types.is_struct(column.type):
        return any(_has_null(column.field(i)) for i in range(column.type.num_fields))
    return False
