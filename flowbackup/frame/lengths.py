"""Offsets of Arrow columns as lengths, and back.

Where the value of a row ends grows from row to row, which zstd cannot make small: all offsets
together were an eighth of a packed page.  Lengths mostly repeat.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_OFFSET = np.dtype("<i4")


def offsets_to_lengths(stream: pa.Buffer, batch: pa.RecordBatch) -> None:
    """Instead of each offset how far it is from the one before, in place.  batch: lies in
    `stream`, which is mutable, and must not be used any more."""
    for offsets in _all_offsets(stream, batch):
        offsets[1:] = np.diff(offsets)


def lengths_to_offsets(stream: pa.Buffer, batch: pa.RecordBatch) -> None:
    """As it was before `offsets_to_lengths`, in place; whatever stands there, nothing is believed
    of it.  batch: lies in `stream`, which is mutable, and is right behind that."""
    for lengths in _all_offsets(stream, batch):
        np.cumsum(lengths, out=lengths, dtype=_OFFSET)


def _all_offsets(stream: pa.Buffer, batch: pa.RecordBatch) -> Iterator[NDArray[np.int32]]:
    for column in batch.columns:
        for buffer in _offset_buffers(column):
            count = buffer.size // _OFFSET.itemsize
            yield np.frombuffer(stream, _OFFSET, count, buffer.address - stream.address)


def _offset_buffers(column: pa.Array) -> Iterator[pa.Buffer]:
    """Those of 32 bits, of the column and what is in it."""
    kind = column.type
    is_list = pa.types.is_list(kind)
    if is_list or pa.types.is_binary(kind) or pa.types.is_string(kind):
        offsets = column.buffers()[1]
        if offsets is not None:
            yield offsets
    if is_list:
        yield from _offset_buffers(column.values)
    elif pa.types.is_struct(kind):
        for place in range(kind.num_fields):
            yield from _offset_buffers(column.field(place))
