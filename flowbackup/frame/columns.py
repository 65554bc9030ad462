"""Entries as Arrow columns and back.

Lists (chunks, xattrs, holes) are built from flat arrays and offsets: one call per column instead of
one per entry.  Nothing of a column is used before the whole batch was validated by Arrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, chain, groupby, pairwise, repeat
from operator import itemgetter
from typing import Any

import pyarrow as pa

from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry, Extent
from flowbackup.model.ids import FrameId

REF_FIELDS = (
    pa.field("digest", pa.binary(32), nullable=False),
    pa.field("size", pa.uint32(), nullable=False),
    pa.field("session", pa.binary(16), nullable=False),
    pa.field("stream", pa.uint32(), nullable=False),
    pa.field("sequence", pa.uint64(), nullable=False),
    pa.field("offset", pa.uint32(), nullable=False),
)
_XATTR_FIELDS = (
    pa.field("name", pa.binary(), nullable=False),
    pa.field("value", pa.binary(), nullable=False),
)
_HOLE_FIELDS = (
    pa.field("offset", pa.int64(), nullable=False),
    pa.field("size", pa.int64(), nullable=False),
)


def _list_of(name: str, fields: Iterable[pa.Field]) -> pa.Field:
    item = pa.field("item", pa.struct(list(fields)), nullable=False)
    return pa.field(name, pa.list_(item), nullable=False)


SCHEMA = pa.schema(
    [
        pa.field("path", pa.binary(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("mode", pa.uint32(), nullable=False),
        pa.field("uid", pa.uint32(), nullable=False),
        pa.field("gid", pa.uint32(), nullable=False),
        pa.field("owner", pa.binary(), nullable=False),
        pa.field("group", pa.binary(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
        pa.field("ctime_ns", pa.int64(), nullable=False),
        pa.field("inode", pa.uint64(), nullable=False),
        pa.field("device", pa.uint64(), nullable=False),
        pa.field("links", pa.uint64(), nullable=False),
        pa.field("target", pa.binary()),
        pa.field("hard_link", pa.binary()),
        pa.field("rdev", pa.uint64(), nullable=False),
        _list_of("xattrs", _XATTR_FIELDS),
        _list_of("holes", _HOLE_FIELDS),
        pa.field("problem", pa.string(), nullable=False),
        _list_of("chunks", REF_FIELDS),
        pa.field("part", pa.uint32(), nullable=False),
    ]
)
"""The columns of a manifest page, in the order of the fields of Entry.  They stand on media: add
new ones at the end, never change one."""

assert tuple(SCHEMA.names) == Entry._fields


def batch_of(entries: Sequence[Entry]) -> pa.RecordBatch:
    """One row per entry.  Raises pyarrow.ArrowException or OverflowError for a value that its
    column cannot hold."""
    columns: list[pa.Array] = []
    for field, values in zip(SCHEMA, zip(*entries, strict=True), strict=True):
        builder = _LIST_BUILDERS.get(field.name)
        columns.append(builder(field, values) if builder else pa.array(values, field.type))
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def ref_arrays(refs: Sequence[ChunkRef]) -> list[pa.Array]:
    """The columns of REF_FIELDS for a row of references."""
    if not refs:
        return [pa.array([], field.type) for field in REF_FIELDS]
    digests, sizes, frames, offsets = zip(*refs, strict=True)
    sessions, streams, sequences = zip(*frames, strict=True)
    values = (digests, sizes, sessions, streams, sequences, offsets)
    return [pa.array(v, f.type) for v, f in zip(values, REF_FIELDS, strict=True)]


def refs_of(columns: Sequence[pa.Array]) -> list[ChunkRef]:
    """The references in columns of REF_FIELDS."""
    digests, sizes, sessions, streams, sequences, offsets = map(_values, columns)
    # What was saved together lies in one frame: its name is made once, and stands for all.
    frames = (
        repeat(FrameId(*key), sum(1 for _ in same))
        for key, same in groupby(zip(sessions, streams, sequences, strict=True))
    )
    rows = zip(digests, sizes, chain.from_iterable(frames), offsets, strict=True)
    return list(map(ChunkRef._make, rows))


def _values(column: pa.Array) -> list[Any]:
    """The values of a column; of binary ones with a fixed size, which pyarrow is slow to give one
    by one, through numpy."""
    if pa.types.is_fixed_size_binary(column.type):
        return list(column.to_numpy(zero_copy_only=False))
    return list(column.to_pylist())


def entries_of(batch: pa.RecordBatch) -> list[Entry]:
    """The entries of a validated batch that has every column of SCHEMA."""
    columns: list[Sequence[object]] = []
    for field in SCHEMA:
        column = batch.column(field.name)
        reader = _LIST_READERS.get(field.name)
        columns.append(_rows(column, reader) if reader else column.to_pylist())
    return list(map(Entry._make, zip(*columns, strict=True)))


def _list_column(
    field: pa.Field, rows: Sequence[Sequence[object]], children: Sequence[pa.Array]
) -> pa.Array:
    item = field.type.value_field
    offsets = pa.array(list(accumulate(map(len, rows), initial=0)), pa.int32())
    values = pa.StructArray.from_arrays(list(children), fields=list(item.type))
    return pa.ListArray.from_arrays(offsets, values, type=field.type)


def _chunk_column(field: pa.Field, rows: Sequence[Sequence[ChunkRef]]) -> pa.Array:
    return _list_column(field, rows, ref_arrays(list(chain.from_iterable(rows))))


def _pair_column(field: pa.Field, rows: Sequence[Sequence[tuple[object, object]]]) -> pa.Array:
    flat = list(chain.from_iterable(rows))
    fields = list(field.type.value_field.type)
    children = [
        pa.array(list(map(itemgetter(place), flat)), child.type)
        for place, child in enumerate(fields)
    ]
    return _list_column(field, rows, children)


def _rows(
    column: pa.ListArray, reader: Callable[[Sequence[pa.Array]], list[object]]
) -> Sequence[tuple[object, ...]]:
    offsets = column.offsets.to_pylist()
    if offsets[0] == offsets[-1]:
        return [()] * len(column)
    flat = reader([column.values.field(i) for i in range(column.values.type.num_fields)])
    return [tuple(flat[first:last]) for first, last in pairwise(offsets)]


def _xattrs_of(columns: Sequence[pa.Array]) -> list[object]:
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def _holes_of(columns: Sequence[pa.Array]) -> list[object]:
    return list(map(Extent, *(column.to_pylist() for column in columns)))


def _chunks_of(columns: Sequence[pa.Array]) -> list[object]:
    return list(refs_of(columns))


_LIST_BUILDERS: dict[str, Callable[..., pa.Array]] = {
    "xattrs": _pair_column,
    "holes": _pair_column,
    "chunks": _chunk_column,
}
_LIST_READERS: dict[str, Callable[[Sequence[pa.Array]], list[object]]] = {
    "xattrs": _xattrs_of,
    "holes": _holes_of,
    "chunks": _chunks_of,
}
