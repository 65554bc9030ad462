"""Entries of many versions by what they are called and like.

A search looks at all entries and keeps no index of names.  Of each page the catalog has the five
columns that are searched by themselves (`frame.searched`), and lets Arrow compare them: 0.07 ms for
a thousand entries, most of it to unfold them, against 0.35 from the page itself.  Ten million that
share no page are searched in 0.7 s by one core, and what versions share costs them once.  An index
would be faster for some patterns and useless for others.  No medium is asked: a search finds what
is on media that are away as well.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import islice

import pyarrow as pa
import pyarrow.compute as pc

from flowbackup.errors import UsageError
from flowbackup.frame.page import page_columns
from flowbackup.frame.searched import COLUMNS, unfold_searched
from flowbackup.model.entry import Entry, EntryKind, sort_key
from flowbackup.model.pattern import Matcher, like_pattern, path_matcher

THREADS_MAX = 4
"""zstd and Arrow let other threads run; more of them wait for Python's lock."""
_BATCH_PAGES = 32
"""Searched by one thread at a stretch, and unfolded in memory together: to hand over one page takes
as long as to look at it."""
_BATCHES_MAX = THREADS_MAX + 1
"""Under way at once: the next pages are read meanwhile."""

Body = tuple[int, bytes | None, bytes | None]
"""Key of a page, what is searched of it, and where that is not there its bytes."""


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

    def names(self, paths: pa.Array) -> pa.BooleanArray:
        """Which of these may be meant by their names: all that are, and perhaps others.  Raises
        UsageError for a regular expression that is none."""
        return reduce(pc.and_, self._path_masks(paths), pc.is_valid(paths))

    def mask(
        self, page: pa.RecordBatch, named: pa.BooleanArray, firsts: Container[bytes]
    ) -> pa.BooleanArray:  # fmt: skip
        """Which rows of a page with COLUMNS may be meant, of those that `names` has told.  Later
        parts of a file never are.  firsts: keys of the first rows of all pages, as the next one may
        begin with a later part of the last row."""
        path, kind, size, mtime, part = (page.column(name) for name in COLUMNS)
        masks = [named, pc.equal(part, pa.scalar(0, part.type))]
        if kinds := self._kinds:
            masks.append(pc.is_in(kind, pa.array(sorted(kinds), kind.type)))
        for mask in _between(size, self.size_bytes_min, self.size_bytes_max):
            # The size of a file in parts is the one that its last part tells.
            goes_on = sort_key(path[-1].as_py()) in firsts
            masks.append(pc.or_(mask, _is_parted(part, goes_on=goes_on)))
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


def _is_parted(part: pa.Array, *, goes_on: bool) -> pa.Array:
    """Which rows have or may have a later part behind them."""
    following = pa.concat_arrays([part[1:], pa.array([int(goes_on)], part.type)])
    return pc.greater(following, pa.scalar(0, part.type))


def search_threads() -> ThreadPoolExecutor:
    """What a search works with, to be ended with it."""
    return ThreadPoolExecutor(min(THREADS_MAX, os.cpu_count() or 1), thread_name_prefix="search")


def hits_in(
    bodies: Iterable[Body], search: Search, firsts: Container[bytes], threads: Executor
) -> Iterator[tuple[int, Sequence[int]]]:  # fmt: skip
    """Keys of the pages that have rows which may be meant, and which those are.  firsts: keys of
    the first rows of all pages.  Memory is that of some pages, whatever their number."""
    waiting = iter(bodies)
    under_way: deque[Future[list[tuple[int, Sequence[int]]]]] = deque()
    while batch := list(islice(waiting, _BATCH_PAGES)):
        under_way.append(threads.submit(_hits, batch, search, firsts))
        if len(under_way) == _BATCHES_MAX:
            yield from under_way.popleft().result()
    for searched in under_way:
        yield from searched.result()


def _hits(
    bodies: Sequence[Body], search: Search, firsts: Container[bytes]
) -> list[tuple[int, Sequence[int]]]:  # fmt: skip
    """Names are looked at in all of them at once: most pages have none that is meant."""
    pages = [
        unfold_searched(searched) if searched else page_columns(whole or b"", COLUMNS)
        for _, searched, whole in bodies
    ]
    named = search.names(pa.concat_arrays([page.column("path") for page in pages]))
    if not named.true_count:
        return []
    found: list[tuple[int, Sequence[int]]] = []
    end = 0
    for (key, *_), page in zip(bodies, pages, strict=True):
        begin, end = end, end + page.num_rows
        own = named[begin:end]
        if own.true_count and (mask := search.mask(page, own, firsts)).true_count:
            found.append((key, pc.indices_nonzero(mask).to_pylist()))
    return found


def _between(column: pa.Array, low: int | None, high: int | None) -> Iterator[pa.Array]:
    if low is not None:
        yield pc.greater_equal(column, pa.scalar(low, column.type))
    if high is not None:
        yield pc.less_equal(column, pa.scalar(high, column.type))


def _before(time_ns: int | None) -> int | None:
    return None if time_ns is None else time_ns - 1
