"""The rows of pages that a search has hit, as entries.

To unfold a page costs half a millisecond, and to make entries of it as much again, however few of
its rows are wanted: threads unfold many pages at once, and entries are made of the rows of all of
them together.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from itertools import islice
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from flowbackup.catalog.database import Database
from flowbackup.frame.columns import SCHEMA, entries_of
from flowbackup.frame.page import page_columns
from flowbackup.model.entry import Entry, sort_key

Hits = Mapping[int, Sequence[int]]
"""Of pages by key, which of their rows may be meant."""

PAGES_AT_A_TIME = 32
"""Read together for one version: enough for what they share to cost little."""
ROWS_AT_A_TIME = 1024
"""And no more than that; the rows of one page always are.  Those of a common one."""


ROWS_CUT_OUT_MAX = 8
"""So few are cut out of a page one by one: to take many at once costs as much as ten of these."""


class Hit(NamedTuple):
    """An entry, what sorts it, and whether the rest of it is in the next row; of the last row of a
    page that is not known: None."""

    key: bytes
    entry: Entry
    goes_on: bool | None


class HitRows:
    """Of the versions of one object.  Used by one thread."""

    def __init__(self, database: Database, hits: Hits, versions: int, threads: Executor) -> None:
        """versions: so many ask in turn, who come to the pages that they share at about the same
        time.  threads: unfold."""
        self._database = database
        self._hits = hits
        self._threads = threads
        self._kept: OrderedDict[int, list[Hit]] = OrderedDict()
        self._kept_rows = 0
        self._rows_max = (versions + 1) * ROWS_AT_A_TIME

    def of_pages(self, pages: Sequence[int]) -> Iterator[tuple[int, list[Hit]]]:
        """Of each page that has any, in the order of `pages`."""
        wanted = [page for page in pages if page in self._hits]
        for portion in self._portions(wanted):
            found = {page: self._kept[page] for page in portion if page in self._kept}
            missing = [page for page in portion if page not in found]
            if missing:
                found |= self._read(missing)
            for page in portion:
                yield page, found.pop(page)

    def _portions(self, pages: Sequence[int]) -> Iterator[list[int]]:
        portion: list[int] = []
        rows = 0
        for page in pages:
            more = len(self._hits[page])
            if portion and (len(portion) == PAGES_AT_A_TIME or rows + more > ROWS_AT_A_TIME):
                yield portion
                portion, rows = [], 0
            portion.append(page)
            rows += more
        if portion:
            yield portion

    def _read(self, pages: Sequence[int]) -> dict[int, list[Hit]]:
        bodies = page_bodies(self._database, pages)
        parts = list(
            self._threads.map(lambda page: _rows_of(bodies[page], self._hits[page]), pages)
        )
        entries = iter(entries_of(pa.concat_batches([rows for rows, _ in parts])))
        found: dict[int, list[Hit]] = {}
        for page, (_, goes_on) in zip(pages, parts, strict=True):
            own = islice(entries, len(goes_on))
            found[page] = [
                Hit(sort_key(entry.path), entry, more)
                for entry, more in zip(own, goes_on, strict=True)
            ]
            self._keep(page, found[page])
        return found

    def _keep(self, page: int, rows: list[Hit]) -> None:
        self._kept[page] = rows
        self._kept_rows += len(rows)
        while self._kept_rows > self._rows_max and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._kept_rows -= len(oldest)


def page_bodies(database: Database, pages: Sequence[int]) -> dict[int, bytes]:
    """Pages by key."""
    rows = database.rows(
        "SELECT page, body FROM pages WHERE page IN (SELECT value FROM json_each(?))",
        (json.dumps([*pages]),),
    )
    return dict(rows)


def _rows_of(
    body: bytes, numbers: Sequence[int]
) -> tuple[pa.RecordBatch, list[bool | None]]:  # fmt: skip
    """Some rows of a page, and of each whether the next row is a later part of the same file."""
    page = page_columns(body, SCHEMA.names)
    last = page.num_rows - 1
    part = np.asarray(page.column("part"))
    goes_on = [None if at == last else bool(part[at + 1]) for at in numbers]
    if len(numbers) > ROWS_CUT_OUT_MAX:
        return page.take(pa.array(numbers, pa.int64())), goes_on
    return pa.concat_batches([page.slice(at, 1) for at in numbers]), goes_on
