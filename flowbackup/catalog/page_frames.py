"""What a manifest page refers to, taken from its columns without making entries."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from flowbackup.errors import DamageError
from flowbackup.frame.page import page_table
from flowbackup.model.ids import ID_BYTES, FrameId
from flowbackup.model.json_values import NUMBER_MAX


def frames_of_page(body: bytes) -> list[FrameId]:
    """The frames that the entries of a page refer to, each once.  Raises DamageError.

    Chunks of a frame stand in a row, so only where it changes are values made.  To group in Arrow
    imports its readers of files: a tenth of a second, more than all work of a small session."""
    lists = page_table(body).column("chunks").combine_chunks()
    chunks = lists.values[lists.offsets[0].as_py() : lists.offsets[-1].as_py()]
    columns = [_values(chunks, name) for name in ("session", "stream", "sequence")]
    begins = np.zeros(len(chunks), dtype=bool)
    begins[:1] = True
    for values in columns:
        begins[1:] |= values[1:] != values[:-1]
    sessions, streams, sequences = (values[begins].tolist() for values in columns)
    if any(sequence > NUMBER_MAX for sequence in sequences):
        raise DamageError("a manifest page refers to a frame that no stream has")
    return list(dict.fromkeys(map(FrameId, sessions, streams, sequences)))


def _values(chunks: pa.StructArray, name: str) -> NDArray[np.generic]:
    column = chunks.field(chunks.type.get_field_index(name))
    if not pa.types.is_fixed_size_binary(column.type):
        return np.asarray(column)
    end = column.offset + len(column)
    data: NDArray[np.generic] = np.frombuffer(column.buffers()[1] or b"", f"V{ID_BYTES}", end)
    return data[column.offset :]
