"""Names through the versions of their objects: what `find` and `history` answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

from flowbackup.catalog.database import Database
from flowbackup.catalog.pages import Pages
from flowbackup.catalog.rows import ChangeKind, FoundRow, HistoryRow, VersionRow
from flowbackup.catalog.search import Body, Search, hits_in, is_parted
from flowbackup.catalog.versions import version_key
from flowbackup.frame.columns import SCHEMA, entries_of
from flowbackup.frame.page import page_columns
from flowbackup.model.entry import Entry, sort_key
from flowbackup.model.sameness import State, differing, state_of, with_content

Hits = Mapping[int, Sequence[int]]
"""Of pages by key, which of their rows may be meant."""


def find(
    database: Database, pages: Pages, versions: Iterable[VersionRow], search: Search
) -> Iterator[FoundRow]:
    """Object by object and there in path order, each state of an entry once with the versions that
    have it.  Memory is that of a page for each version of an object, and a number for each hit."""
    for group in _by_object(versions):
        keys = {version: _page_keys(database, pages, version, search.under) for version in group}
        distinct = list(dict.fromkeys(page for held in keys.values() for page in held))
        hits = dict(hits_in(_bodies(database, distinct), search))
        streams = [
            _found(database, pages, version, [page for page in held if page in hits], hits, search)
            for version, held in keys.items()
        ]
        in_path_order = merge(*streams, key=itemgetter(0))
        for _, found in groupby(in_path_order, key=itemgetter(0)):
            yield from _states((version, entry) for _, version, entry in found)


def history(pages: Pages, versions: Iterable[VersionRow], path: bytes) -> Iterator[HistoryRow]:
    """What became of a path, object by object; nothing of those that never had it."""
    for group in _by_object(versions):
        yield from _history_in(pages, group, path)


def entry_with_content(pages: Pages, version: VersionRow, path: bytes) -> Entry | None:
    """An entry, of a further name of a file with the content that stands with its first; None
    where the version has no such path."""
    entry = pages.first(version.object_id, path)
    if entry is None or entry.hard_link is None:
        return entry
    first = pages.first(version.object_id, entry.hard_link)
    return entry if first is None else with_content(entry, first)


def _history_in(
    pages: Pages, versions: Sequence[VersionRow], path: bytes
) -> Iterator[HistoryRow]:  # fmt: skip
    row: HistoryRow | None = None
    for version in versions:
        entry = entry_with_content(pages, version, path)
        before = None if row is None else row.entry
        if row is not None and _state(before) == _state(entry):
            row = HistoryRow(row.kind, (*row.versions, version), row.entry, row.aspects)
            continue
        if row is not None:
            yield row
        elif entry is None:
            continue
        row = _change(before, entry, version)
    if row is not None:
        yield row


def _change(before: Entry | None, after: Entry | None, version: VersionRow) -> HistoryRow:
    if after is None:
        return HistoryRow(ChangeKind.REMOVED, (version,), None)
    if before is None:
        return HistoryRow(ChangeKind.ADDED, (version,), after)
    aspects = differing(state_of(before), state_of(after))
    return HistoryRow(ChangeKind.CHANGED, (version,), after, aspects)


def _state(entry: Entry | None) -> State | None:
    return None if entry is None else state_of(entry)


def _by_object(versions: Iterable[VersionRow]) -> Iterator[list[VersionRow]]:
    """The versions of one object after those of another, each by number."""

    def name(version: VersionRow) -> tuple[str, str]:
        return version.record.client, version.record.name

    in_order = sorted(versions, key=lambda version: (*name(version), version.number))
    return (list(group) for _, group in groupby(in_order, key=name))


def _page_keys(
    database: Database, pages: Pages, version: VersionRow, under: bytes
) -> list[int]:  # fmt: skip
    return [page for page, _ in pages.between(version_key(database, version.object_id), under)]


def _bodies(database: Database, keys: Iterable[int]) -> Iterator[Body]:
    for key in keys:
        yield key, database.one("SELECT body FROM pages WHERE page = ?", (key,))[0]


def _found(
    database: Database,
    pages: Pages,
    version: VersionRow,
    keys: Sequence[int],
    hits: Hits,
    search: Search,
) -> Iterator[tuple[bytes, VersionRow, Entry]]:
    """The entries of a version that are meant, in path order, with what sorts them."""
    for key, body in _bodies(database, keys):
        page = page_columns(body, SCHEMA.names)
        rows = pa.array(hits[key], pa.int64())
        parted = pc.take(is_parted(page.column("part")), rows).to_pylist()
        for entry, may_go_on in zip(entries_of(page.take(rows)), parted, strict=True):
            whole = pages.first(version.object_id, entry.path) if may_go_on else entry
            assert whole is not None
            if search.means(whole):
                yield sort_key(whole.path), version, whole


def _states(found: Iterable[tuple[VersionRow, Entry]]) -> Iterator[FoundRow]:
    """Entries of one path, each state of them once."""
    entries: dict[State, Entry] = {}
    versions: dict[State, list[VersionRow]] = {}
    for version, entry in found:
        state = (entry.hard_link, *state_of(entry))
        entries.setdefault(state, entry)
        versions.setdefault(state, []).append(version)
    for state, entry in entries.items():
        yield FoundRow(tuple(versions[state]), entry)
