"""Catalogs of ten versions of a large tree, made without reading one: pages as they would stand
there, put together column by column."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from flowbackup.catalog.catalog import open_catalog
from flowbackup.frame.columns import REF_FIELDS, SCHEMA
from flowbackup.frame.envelope import fold
from flowbackup.frame.page import PageRef
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.digest import chunk_digest
from flowbackup.model.entry import EntryKind
from flowbackup.model.ids import FrameId, new_id
from flowbackup.model.record import VersionRecord

VERSIONS = 10
FOLDERS, FILES = 10, 100
"""Of each page: a folder with so many in it, and so many files in each of these."""
PAGE_ENTRIES = 1 + FOLDERS * (1 + FILES)
FILE_BYTES = 10_240
MTIME_NS = 1_700_000_000_000_000_000
SOURCE = b"/srv/large"


def make_catalog(path: Path, pages: int, *, shared: bool) -> Path:
    """VERSIONS versions of `pages` pages.  shared: of each version but the first, only a tenth of
    the pages is new; otherwise all of them are, as after a change of every file."""
    with open_catalog(path) as catalog:
        held = [(number, 0) for number in range(pages)]
        for version in range(VERSIONS):
            for number in range(pages):
                if not shared or number % VERSIONS == version:
                    held[number] = (number, version)
            catalog.add_version(*version_of(version, held))
    return path


def version_of(
    version: int, held: list[tuple[int, int]]
) -> tuple[VersionRecord, list[tuple[PageRef, bytes]]]:  # fmt: skip
    """One more version of the tree, of pages by number and stamp."""
    object_id = identifier(version)
    manifest = FrameId(object_id, 0, 1 << 20)
    root = ChunkRef(bytes(32), 100, manifest, 0)
    files = len(held) * FOLDERS * FILES
    size_bytes = files * FILE_BYTES
    record = VersionRecord(
        object_id, object_id, "web", "large", SOURCE, 0, 1_000 + version, "success",
        len(held) * PAGE_ENTRIES, files, size_bytes, size_bytes, size_bytes, 0, root,
    )  # fmt: skip
    return record, list(_pages(held, manifest))


def identifier(number: int) -> bytes:
    return new_id((number + 1) << 20, bytes(10))


def _pages(held: list[tuple[int, int]], manifest: FrameId) -> Iterator[tuple[PageRef, bytes]]:
    for number, stamp in held:
        body = page_body(number, stamp)
        ref = ChunkRef(chunk_digest(body), len(body), manifest, 0)
        yield PageRef(b"d%05d" % number, PAGE_ENTRIES, ref), body


def page_body(number: int, stamp: int) -> bytes:
    """A page; stamps differ in the time of one file."""
    batch = _page(number)
    times = np.full(PAGE_ENTRIES, MTIME_NS)
    times[number % PAGE_ENTRIES] += stamp
    place = SCHEMA.get_field_index("mtime_ns")
    return fold(batch.set_column(place, SCHEMA.field(place), pa.array(times)))


@lru_cache(maxsize=4096)
def _page(number: int) -> pa.RecordBatch:
    names = list(_paths(number))
    is_file = np.array([path.endswith(b".dat") for path in names])
    kinds = np.where(is_file, EntryKind.FILE, EntryKind.DIRECTORY)
    values: dict[str, object] = {
        "path": names,
        "kind": kinds,
        "mode": np.where(is_file, 0o644, 0o755),
        "owner": [b"root"] * PAGE_ENTRIES,
        "group": [b"root"] * PAGE_ENTRIES,
        "size": np.where(is_file, FILE_BYTES, 0),
        "inode": np.arange(PAGE_ENTRIES) + number * PAGE_ENTRIES,
        "links": np.ones(PAGE_ENTRIES),
        "target": [None] * PAGE_ENTRIES,
        "hard_link": [None] * PAGE_ENTRIES,
        "problem": [""] * PAGE_ENTRIES,
        "chunks": _chunks(number, is_file),
    }
    return pa.RecordBatch.from_arrays([_column(f, values) for f in SCHEMA], schema=SCHEMA)


def _paths(number: int) -> Iterator[bytes]:
    top = b"d%05d" % number
    yield top
    for folder in range(FOLDERS):
        yield b"%s/e%d" % (top, folder)
        for file in range(FILES):
            yield b"%s/e%d/x%05d-%d-%02d.dat" % (top, folder, number, folder, file)


def _column(field: pa.Field, values: dict[str, object]) -> pa.Array:
    value = values.get(field.name)
    if isinstance(value, pa.Array):
        return value
    if value is None and pa.types.is_list(field.type):
        empty = pa.array([], field.type.value_type)
        offsets = pa.array(np.zeros(PAGE_ENTRIES + 1), pa.int32())
        return pa.ListArray.from_arrays(offsets, empty, type=field.type)
    if isinstance(value, list):
        return pa.array(value, field.type)
    numbers = np.zeros(PAGE_ENTRIES) if value is None else np.asarray(value)
    return pa.array(numbers.astype(field.type.to_pandas_dtype()), field.type)


def _chunks(number: int, is_file: np.ndarray) -> pa.Array:
    """One for each file, all in the frame of the page."""
    count = int(is_file.sum())
    digests = np.random.Generator(np.random.PCG64(number)).bytes(32 * count)
    columns = (
        [digests[at : at + 32] for at in range(0, len(digests), 32)],
        [FILE_BYTES] * count, [identifier(0)] * count, [0] * count, [number] * count,
        [FILE_BYTES * at for at in range(count)],
    )  # fmt: skip
    arrays = [pa.array(v, f.type) for v, f in zip(columns, REF_FIELDS, strict=True)]
    field = SCHEMA.field("chunks")
    values = pa.StructArray.from_arrays(arrays, fields=list(field.type.value_field.type))
    offsets = pa.array(np.concatenate(([0], np.cumsum(is_file))), pa.int32())
    return pa.ListArray.from_arrays(offsets, values, type=field.type)
