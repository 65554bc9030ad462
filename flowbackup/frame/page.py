"""Manifest pages: the entries of a version, sorted, in runs of about a thousand.

A page ends where the hash of the next path says so, not after a number of entries: an inserted
file changes the page it is in and leaves all others as they were.
"""

from __future__ import annotations

import operator
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import NamedTuple

import pyarrow as pa

from flowbackup.errors import DamageError
from flowbackup.frame.columns import REF_FIELDS, SCHEMA, batch_of, entries_of, ref_arrays, refs_of
from flowbackup.frame.envelope import fold, unfold
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.units import MIB

ENTRIES_MIN = 128
ENTRIES_MAX = 4096
PAGE_RAW_BYTES_MAX = 8 * MIB
"""No page unfolds into more: pages are cut long before, and decoded they take ten times as much."""
PAGES_MAX = 1 << 18
"""No root lists more: a quarter of a billion files, and a second to decode."""
_BORDER_MASK = 1024 - 1

_KINDS = frozenset(map(int, EntryKind))
_FIRST_PATH = pa.field("first_path", pa.binary(), nullable=False)
_ENTRIES = pa.field("entries", pa.uint32(), nullable=False)
ROOT_SCHEMA = pa.schema([_FIRST_PATH, _ENTRIES, *REF_FIELDS])


class PageRef(NamedTuple):
    """A page in the root: the path of its first entry, how many rows it has, where it lies.  When
    that first row is a later part of a big file, earlier parts are in the pages before."""

    first_path: bytes
    entries: int
    ref: ChunkRef


class PageCutter:
    """Decides where a page ends.  Fed with entries in order; keeps numbers only.

    weight_max bounds a page's size before compression (estimated), so that it always fits into one
    frame; 2 MiB by default, which pages of common entries do not reach."""

    __slots__ = ("_entries", "_weight", "_weight_max")

    def __init__(self, weight_max: int = 2 * MIB) -> None:
        self._entries = 0
        self._weight = 0
        self._weight_max = weight_max

    def begins_page(self, entry: Entry) -> bool:
        """True when a new page begins with `entry`; False for the very first one."""
        weight = weight_of(entry)
        entries = self._entries
        begins = entries and (
            entries >= ENTRIES_MAX
            or self._weight + weight > self._weight_max
            or (entries >= ENTRIES_MIN and not zlib.crc32(entry.path) & _BORDER_MASK)
        )
        self._entries = 1 if begins else entries + 1
        self._weight = weight if begins else self._weight + weight
        return bool(begins)


_FIXED_WEIGHT = 160
_CHUNK_WEIGHT = 72
_HOLE_WEIGHT = 16


def weight_of(entry: Entry) -> int:
    """Bytes that an entry takes in a page before compression, rounded up generously."""
    weight = _FIXED_WEIGHT + len(entry.path) + _CHUNK_WEIGHT * len(entry.chunks)
    if entry.holes:
        weight += _HOLE_WEIGHT * len(entry.holes)
    if entry.xattrs:
        weight += sum(len(name) + len(value) + 8 for name, value in entry.xattrs)
    return weight + len(entry.target or b"") + len(entry.hard_link or b"")


def encode_page(entries: Sequence[Entry]) -> bytes:
    """The bytes of a page of one or more entries in path order; equal entries give equal bytes.
    Raises ValueError for an entry that no page can hold."""
    try:
        return fold(batch_of(entries), PAGE_RAW_BYTES_MAX)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError) as error:
        first = entries[0].path if entries else b""
        raise ValueError(f"entries from {first!r} fit no manifest page: {error}") from error


def page_table(data: bytes | memoryview) -> pa.Table:
    """A page as a table with the columns of `frame.columns.SCHEMA`, checked like `decode_page`,
    for search by column.  Rows with part > 0 continue the row before.  Raises DamageError."""
    return pa.Table.from_batches([_checked_batch(data)])


def page_columns(data: bytes | memoryview, names: Sequence[str]) -> pa.RecordBatch:
    """Some columns of a page that was checked when it was taken in, as every page of a catalog was:
    each is validated, and its values are not checked again.  Raises DamageError."""
    return unfold(data, _schema_of(tuple(names)), PAGE_RAW_BYTES_MAX)


@lru_cache(maxsize=16)
def _schema_of(names: tuple[str, ...]) -> pa.Schema:
    return pa.schema(list(map(SCHEMA.field, names)))


def decode_page(data: bytes | memoryview) -> list[Entry]:
    """The entries of a page, whose digest the caller has checked; parts are not joined.

    Paths are relative, without empty, `.` or `..` components, strictly ascending in path order
    (parts of one file ascending by part); sizes are not negative.  Raises DamageError."""
    return entries_of(_checked_batch(data))


def joined(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The same entries with the parts of big files put together: one entry per path."""
    parts: list[Entry] = []
    for entry in entries:
        if not entry.part:
            if parts:
                yield _joined(parts)
            parts = [entry]
            continue
        if not parts or parts[0].path != entry.path:
            raise DamageError(f"part {entry.part} of {entry.path!r} stands without its first part")
        parts.append(entry)
    if parts:
        yield _joined(parts)


def _joined(parts: list[Entry]) -> Entry:
    first, last = parts[0], parts[-1]
    if first is last:
        return first
    return first._replace(
        size=last.size,
        problem=last.problem,
        chunks=tuple(chain.from_iterable(part.chunks for part in parts)),
        holes=tuple(chain.from_iterable(part.holes for part in parts)),
    )


def encode_root(pages: Sequence[PageRef]) -> bytes:
    """The list of all pages of a version, in order."""
    columns = [
        pa.array([page.first_path for page in pages], _FIRST_PATH.type),
        pa.array([page.entries for page in pages], _ENTRIES.type),
        *ref_arrays([page.ref for page in pages]),
    ]
    return fold(pa.RecordBatch.from_arrays(columns, schema=ROOT_SCHEMA))


def decode_root(data: bytes | memoryview) -> list[PageRef]:
    """The pages of a version, in path order, each once.  Raises DamageError."""
    batch = unfold(data, ROOT_SCHEMA)
    if batch.num_rows > PAGES_MAX:
        raise DamageError(f"the manifest's root lists {batch.num_rows} pages, over {PAGES_MAX}")
    # A page repeated without end costs its maker nothing and its reader everything.
    if len(set(batch.column("digest").to_pylist())) != batch.num_rows:
        raise DamageError("the manifest's root lists a page twice")
    paths = batch.column(0).to_pylist()
    keys = [path.replace(b"/", b"\0") for path in paths]
    if not all(map(operator.le, keys, keys[1:])):
        raise DamageError("the manifest's root lists its pages out of order")
    entries = batch.column(1).to_pylist()
    refs = refs_of([batch.column(place) for place in range(2, batch.num_columns)])
    return list(map(PageRef, paths, entries, refs))


def _checked_batch(data: bytes | memoryview) -> pa.RecordBatch:
    batch = unfold(data, SCHEMA, PAGE_RAW_BYTES_MAX)
    if not 1 <= batch.num_rows <= ENTRIES_MAX:
        raise DamageError(
            f"a manifest page has {batch.num_rows} entries, expected 1 to {ENTRIES_MAX}"
        )
    if not _KINDS.issuperset(batch.column("kind").to_pylist()):
        raise DamageError("a manifest page has an entry of a kind that this version does not know")
    _check_sizes(batch)
    paths: list[bytes] = batch.column("path").to_pylist()
    _check_paths(paths)
    links = [path for path in batch.column("hard_link").to_pylist() if path is not None]
    _check_paths(links)
    _check_order(paths, batch.column("part").to_pylist())
    return batch


def _check_sizes(batch: pa.RecordBatch) -> None:
    holes = batch.column("holes").values
    for column in (batch.column("size"), holes.field("offset"), holes.field("size")):
        if len(column) and column.to_numpy().min() < 0:
            raise DamageError("a manifest page has an entry of a negative size or offset")


def _check_paths(paths: Sequence[bytes]) -> None:
    """All paths in one piece of bytes, because one search is faster than a thousand."""
    named = [path for path in paths if path]
    together = b"/" + b"/\0/".join(named) + b"/"
    wrong = b"//" in together or b"/./" in together or b"/../" in together
    if named and (wrong or together.count(b"\0") != len(named) - 1):
        raise DamageError("a manifest page has a path that is not a relative path of plain names")


def _check_order(paths: Sequence[bytes], parts: Sequence[int]) -> None:
    # NUL sorts before every byte of a name, so these keys compare as path_order does.
    keys = [path.replace(b"/", b"\0") for path in paths]
    if any(parts):
        ordered = all(one < other for one, other in pairwise(zip(keys, parts, strict=True)))
    else:
        ordered = all(map(operator.lt, keys, keys[1:]))
    if not ordered:
        raise DamageError("a manifest page lists its entries out of order")
