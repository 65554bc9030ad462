"""The entries of a page that are one directory or directly in it, without making the others."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from flowbackup.frame.columns import SCHEMA, entries_of
from flowbackup.frame.page import page_columns
from flowbackup.model.entry import Entry


def shallow_entries(body: bytes, under: bytes) -> list[Entry]:
    """Of a page that was checked.  Raises DamageError."""
    page = page_columns(body, SCHEMA.names)
    path = page.column("path")
    slashes = under.count(b"/") + 1 if under else 0
    mask = pc.less_equal(pc.count_substring(path, b"/"), pa.scalar(slashes, pa.int32()))
    if under:
        below = pc.or_(pc.equal(path, under), pc.starts_with(path, under + b"/"))
        mask = pc.and_(mask, below)
    rows = pc.indices_nonzero(mask)
    return entries_of(page.take(rows)) if len(rows) else []
