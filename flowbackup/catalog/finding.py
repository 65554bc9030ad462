"""Names through the versions of their objects: what `find` and `history` answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby, islice, pairwise
from operator import itemgetter

from flowbackup.catalog.database import Database
from flowbackup.catalog.hit_rows import HitRows, page_bodies
from flowbackup.catalog.pages import Pages
from flowbackup.catalog.rows import ChangeKind, FoundRow, HistoryRow, VersionRow
from flowbackup.catalog.search import Body, Search, hits_in, search_threads
from flowbackup.catalog.versions import version_key
from flowbackup.model.entry import Entry
from flowbackup.model.sameness import State, differing, state_of, with_content

PAGES_ASKED = 64
"""A question takes longer than its answer; so many pages are in memory at once."""


def find(
    database: Database, pages: Pages, versions: Iterable[VersionRow], search: Search
) -> Iterator[FoundRow]:
    """Object by object and there in path order, each state of an entry once with the versions that
    have it.  Memory is that of a page for each version of an object, and a number for each hit."""
    with search_threads() as threads:
        for group in _by_object(versions):
            held = {version: _pages_of(database, pages, version, search.under) for version in group}
            distinct = list(dict.fromkeys(page for keys in held.values() for page, _ in keys))
            firsts = {first for keys in held.values() for _, first in keys}
            hits = dict(hits_in(_searched(database, distinct), search, firsts, threads))
            rows = HitRows(database, hits, len(group), threads)
            streams = [_found(pages, version, keys, rows, search) for version, keys in held.items()]
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


def _pages_of(
    database: Database, pages: Pages, version: VersionRow, under: bytes
) -> list[tuple[int, bytes]]:  # fmt: skip
    return pages.between(version_key(database, version.object_id), under)


def _searched(database: Database, keys: Iterable[int]) -> Iterator[Body]:
    waiting = iter(keys)
    while asked := list(islice(waiting, PAGES_ASKED)):
        rows = database.rows(
            """SELECT page, body FROM searched_pages
               WHERE page IN (SELECT value FROM json_each(?))""",
            (json.dumps(asked),),
        )
        known: dict[int, bytes] = dict(rows)
        for key in asked:
            yield key, known.get(key), None if key in known else page_bodies(database, [key])[key]


def _found(
    pages: Pages,
    version: VersionRow,
    held: Sequence[tuple[int, bytes]],
    rows: HitRows,
    search: Search,
) -> Iterator[tuple[bytes, VersionRow, Entry]]:
    """The entries of a version that are meant, in path order, with what sorts them."""
    following = {page: first for (page, _), (_, first) in pairwise(held)}
    for page, hits in rows.of_pages([page for page, _ in held]):
        for key, entry, goes_on in hits:
            # A page that begins with the same path begins with a later part.
            if goes_on or (goes_on is None and following.get(page) == key):
                whole = pages.first(version.object_id, entry.path)
                assert whole is not None
            else:
                whole = entry
            if search.means(whole):
                yield key, version, whole


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
