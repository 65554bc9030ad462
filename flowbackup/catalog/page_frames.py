"""What a manifest page refers to, taken from its columns without making entries."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from flowbackup.errors import DamageError
from flowbackup.frame.page import page_table
from flowbackup.model.ids import FrameId
from flowbackup.model.json_values import NUMBER_MAX


def frames_of_page(body: bytes) -> list[FrameId]:
    """The frames that the entries of a page refer to, each once.  Raises DamageError."""
    page = page_table(body)
    chunks = pc.list_flatten(page.column("chunks").combine_chunks())
    names = ["session", "stream", "sequence"]
    columns = [chunks.field(chunks.type.get_field_index(name)) for name in names]
    unique = pa.table(columns, names=names).group_by(names).aggregate([])
    if any(sequence > NUMBER_MAX for sequence in unique.column("sequence").to_pylist()):
        raise DamageError("a manifest page refers to a frame that no stream has")
    return list(map(FrameId, *(unique.column(name).to_pylist() for name in names)))
