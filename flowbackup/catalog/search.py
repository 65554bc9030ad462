"""Entries of many versions by what they are called and like.

A search reads the manifest pages of the catalog themselves and keeps no index beside them.  Of each
page it unfolds five columns and lets Arrow compare them: 0.3 ms for a thousand entries, of which
zstd takes 0.2.  Ten versions of 100,000 files that share no page are searched in 0.4 s by one core,
and what versions share costs them once.  An index of names would save little of that, take as much
room again as the pages, and could be wrong.  No medium is asked: the catalog has all pages, so a
search finds what is on media that are away as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from flowbackup.errors import UsageError
from flowbackup.frame.page import page_columns
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.pattern import Matcher, like_pattern, path_matcher

COLUMNS = ("path", "kind", "size", "mtime_ns", "part")
THREADS_MAX = 4
"""zstd and Arrow let other threads run; more of them wait for Python's lock."""
_BATCH_PAGES = 64
"""Pages in memory at once: 4 MiB of common ones, folded."""

Body = tuple[int, bytes]
"""Key and bytes of a page."""


@dataclass(frozen=True)
class Search:
    """What is searched; what is left empty excludes nothing.  patterns: any of these (see
    `model.pattern`).  regex: found anywhere in the path, in the dialect of RE2, whose time grows
    with the path and no faster.  under: only this path and what is below it.  kinds: of EntryKind.
    Sizes in bytes, both included, of regular files only.  Times in ns since 1970: changed at or
    after the first, before the second."""

    patterns: tuple[bytes, ...] = ()
    regex: bytes = b""
    ignore_case: bool = False
    under: bytes = b""
    kinds: frozenset[int] = frozenset()
    size_bytes_min: int | None = None
    size_bytes_max: int | None = None
    newer_ns: int | None = None
    older_ns: int | None = None

    def mask(self, page: pa.RecordBatch) -> pa.Array:
        """Which rows of a page with COLUMNS may be meant: all that are, and perhaps others.  Later
        parts of a file never are.  Raises UsageError for a regular expression that is none."""
        path, kind, size, mtime, part = (page.column(name) for name in COLUMNS)
        masks = [pc.equal(part, pa.scalar(0, part.type)), *self._path_masks(path)]
        if kinds := self._kinds:
            masks.append(pc.is_in(kind, pa.array(sorted(kinds), kind.type)))
        for mask in _between(size, self.size_bytes_min, self.size_bytes_max):
            # The size of a file in parts is the one that its last part tells.
            masks.append(pc.or_(mask, is_parted(part)))
        masks.extend(_between(mtime, self.newer_ns, _before(self.older_ns)))
        return reduce(pc.and_, masks)

    def means(self, entry: Entry) -> bool:
        """Whether an entry of which `mask` says perhaps is one that is searched."""
        low, high = self.size_bytes_min, self.size_bytes_max
        return (
            (not self.patterns or self._matches(entry.path))
            and (low is None or entry.size >= low)
            and (high is None or entry.size <= high)
        )

    @cached_property
    def _matches(self) -> Matcher:
        return path_matcher(self.patterns, ignore_case=self.ignore_case)

    @property
    def _kinds(self) -> frozenset[int]:
        sized = self.size_bytes_min is not None or self.size_bytes_max is not None
        if not sized:
            return self.kinds
        # A search for a kind that has no size and for a size finds nothing.
        return self.kinds & {EntryKind.FILE} or frozenset({0 if self.kinds else EntryKind.FILE})

    def _path_masks(self, path: pa.Array) -> Iterator[pa.Array]:
        if self.patterns:
            likes = [like_pattern(pattern) for pattern in self.patterns]
            yield reduce(
                pc.or_,
                [pc.match_like(path, like, ignore_case=self.ignore_case) for like in likes],
            )
        if self.regex:
            try:
                yield pc.match_substring_regex(path, self.regex, ignore_case=self.ignore_case)
            except pa.ArrowInvalid as error:
                raise UsageError(
                    f'"{os.fsdecode(self.regex)}" is no regular expression: {error}',
                    remedy="it is one of RE2, which has neither back references nor look-around",
                ) from error
        if self.under:
            yield pc.or_(pc.equal(path, self.under), pc.starts_with(path, self.under + b"/"))


def is_parted(part: pa.Array) -> pa.Array:
    """Which rows have or may have a later part behind them: nobody knows of the last one."""
    following = pa.concat_arrays([part[1:], pa.array([1], part.type)])
    return pc.greater(following, pa.scalar(0, part.type))


def hits_in(bodies: Iterable[Body], search: Search) -> Iterator[tuple[int, Sequence[int]]]:
    """Keys of the pages that have rows which may be meant, and which those are.  Memory is that of
    some pages, whatever their number."""
    waiting = iter(bodies)
    with ThreadPoolExecutor(min(THREADS_MAX, os.cpu_count() or 1)) as pool:
        while batch := list(islice(waiting, _BATCH_PAGES)):
            found = pool.map(lambda body: _hits(body[1], search), batch)
            for (page, _), rows in zip(batch, found, strict=True):
                if rows:
                    yield page, rows


def _hits(body: bytes, search: Search) -> Sequence[int]:
    mask = search.mask(page_columns(body, COLUMNS))
    rows: list[int] = pc.indices_nonzero(mask).to_pylist()
    return rows


def _between(column: pa.Array, low: int | None, high: int | None) -> Iterator[pa.Array]:
    if low is not None:
        yield pc.greater_equal(column, pa.scalar(low, column.type))
    if high is not None:
        yield pc.less_equal(column, pa.scalar(high, column.type))


def _before(time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns - 1
