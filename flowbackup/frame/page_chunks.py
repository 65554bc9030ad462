"""What a manifest page refers to, taken from its columns without making entries."""

from __future__ import annotations

from itertools import starmap
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from flowbackup.frame.page import page_columns, page_table
from flowbackup.model.ids import FrameId

DIGEST_WORDS = 4
"""A digest is so many numbers of 64 bits."""
_FRAME = ("session", "stream", "sequence")


class PageChunks(NamedTuple):
    """The chunks of a page, in order, as arrays.  digests: rows of DIGEST_WORDS numbers; frames:
    those in which they lie, one behind the other; frame_numbers: of each chunk its place there."""

    digests: NDArray[np.uint64]
    offsets: NDArray[np.uint32]
    sizes: NDArray[np.uint32]
    frames: tuple[FrameId, ...]
    frame_numbers: NDArray[np.int64]


def page_chunks(data: bytes | memoryview, *, is_checked: bool = False) -> PageChunks:
    """is_checked: the page was checked when it was taken in.  Raises DamageError.

    Chunks of a frame stand in a row, so only where it changes values are made.  To group in Arrow
    imports its readers of files: a tenth of a second, more than all work of a small session."""
    if is_checked:
        lists = page_columns(data, ["chunks"]).column(0)
    else:
        lists = page_table(data).column("chunks").combine_chunks()
    chunks = lists.values[lists.offsets[0].as_py() : lists.offsets[-1].as_py()]
    columns = [_values(chunks, name) for name in _FRAME]
    begins = np.zeros(len(chunks), dtype=bool)
    begins[:1] = True
    for values in columns:
        begins[1:] |= values[1:] != values[:-1]
    rows = zip(*(values[begins].tolist() for values in columns), strict=True)
    words = _values(chunks, "digest").view(np.uint64)
    return PageChunks(
        digests=words.reshape(-1, DIGEST_WORDS),
        offsets=_values(chunks, "offset"),
        sizes=_values(chunks, "size"),
        frames=tuple(starmap(FrameId, rows)),
        frame_numbers=np.cumsum(begins) - 1,
    )


def _values(chunks: pa.StructArray, name: str) -> NDArray[Any]:
    """A column without a copy; it may be a part of a larger one."""
    column = chunks.field(chunks.type.get_field_index(name))
    if not pa.types.is_fixed_size_binary(column.type):
        return np.asarray(column)
    end = column.offset + len(column)
    kind = f"V{column.type.byte_width}"
    data: NDArray[Any] = np.frombuffer(column.buffers()[1] or b"", kind, end)
    return data[column.offset :]
