"""The part of the api that asks the catalog alone: sessions, objects, and names through versions.
What is on media that are away is found as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from flowbackup.catalog.catalog import Catalog, open_catalog
from flowbackup.catalog.lineage import with_lineage
from flowbackup.catalog.location import catalog_of
from flowbackup.catalog.resolve import path_below, split_query, time_ns
from flowbackup.catalog.rows import (
    CopyRow,
    DifferenceRow,
    FoundRow,
    HistoryRow,
    ObjectRow,
    SessionRow,
    Stats,
    VersionCopies,
    VersionRow,
)
from flowbackup.errors import NotFoundError, UsageError
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.pattern import patterns_meant
from flowbackup.requests import FindRequest
from flowbackup.units import paths_meant

COPIES_MAX = 1 << 31
"""More copies than there can be devices in a graph: every version has fewer."""
KINDS = {
    "file": frozenset({EntryKind.FILE}),
    "directory": frozenset({EntryKind.DIRECTORY}),
    "symlink": frozenset({EntryKind.SYMLINK}),
    "fifo": frozenset({EntryKind.FIFO}),
    "socket": frozenset({EntryKind.SOCKET}),
    "device": frozenset({EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE}),
}
"""What a kind of entry is called in a search."""


def sessions(catalog: Path | None = None) -> list[SessionRow]:
    """All sessions, newest first."""
    with open_catalog(catalog_of(catalog), create=False) as opened:
        return list(opened.sessions())


def versions_of_session(session: str, catalog: Path | None = None) -> list[str]:
    """What a session has made, as in "web/site@3".  session: the beginning of its id.  Raises
    NotFoundError, UsageError."""
    with open_catalog(catalog_of(catalog), create=False) as opened:
        return [str(row) for row in opened.versions_of_session(opened.session(session).session)]


def interrupted(catalog: Path | None = None) -> list[SessionRow]:
    """The sessions that were interrupted and not run again to an end, newest first; none where
    there is no catalog."""
    path = catalog_of(catalog)
    if not path.exists():
        return []
    with open_catalog(path, create=False) as opened:
        return opened.unfinished.sessions()


def objects(catalog: Path | None = None) -> list[ObjectRow]:
    """All data objects with their newest version."""
    with open_catalog(catalog_of(catalog), create=False) as opened:
        return list(opened.objects())


def versions(query: str, catalog: Path | None = None) -> list[VersionCopies]:
    """All versions of an object, newest first, or the one version that `query` means, with their
    durable copies.  Raises NotFoundError, UsageError."""
    with open_catalog(catalog_of(catalog), create=False) as opened:
        rows = opened.versions_meant(query)
        return [VersionCopies(row, opened.copies_durable(row)) for row in reversed(rows)]


def entry(query: str, catalog: Path | None = None) -> Entry:
    """What stands at OBJECT:PATH, the root without a path.  Raises NotFoundError."""
    name, path = split_query(query)
    with open_catalog(catalog_of(catalog), create=False) as opened:
        version = opened.resolve(name)
        return opened.entry(version, opened.path_meant(version, path))


def stats(query: str | None = None, catalog: Path | None = None) -> Stats:
    """What versions take: those of each object, or those that `query` means.  Raises NotFoundError,
    UsageError."""
    with open_catalog(catalog_of(catalog), create=False) as opened:
        versions = opened.versions_meant(query) if query else opened.versions()
        named: dict[str, list[VersionRow]] = {}
        for version in versions:
            named.setdefault(f"{version.record.client}/{version.record.name}", []).append(version)
        return Stats(
            tuple(opened.taken.by(named[name], name) for name in sorted(named)),
            opened.taken.by(versions, "all"),
            tuple(opened.taken.media()),
        )


def find(request: FindRequest, catalog: Path | None = None) -> Iterator[FoundRow]:
    """The entries of all versions that are meant, each state of one once with the versions that
    have it: object by object, there in path order.  Raises NotFoundError, UsageError."""
    from flowbackup.catalog.search import Search

    name, under = split_query(request.query) if request.query else ("", b"")
    try:
        kinds = frozenset[int]().union(*(KINDS[kind] for kind in request.kinds))
    except KeyError as error:
        raise UsageError(
            f"{error} is no kind of entry", remedy=f"write one of {', '.join(KINDS)}"
        ) from error
    search = Search(
        patterns=patterns_meant(request.patterns),
        regex=os.fsencode(request.regex),
        ignore_case=request.ignore_case,
        under=under,
        kinds=kinds,
        size_bytes_min=request.size_bytes_min,
        size_bytes_max=request.size_bytes_max,
        newer_ns=time_ns(request.newer, ends=False) if request.newer else None,
        older_ns=time_ns(request.older, ends=False) if request.older else None,
    )
    with open_catalog(catalog_of(catalog), create=False) as opened:
        named: dict[bytes, list[VersionRow]] = {}
        for version in opened.versions_meant(name) if name else opened.versions():
            named.setdefault(opened.path_meant(version, under), []).append(version)
        for meant, versions in named.items():
            yield from opened.looking.find(versions, replace(search, under=meant))


def history(place: str, catalog: Path | None = None) -> list[HistoryRow]:
    """What became of a path from version to version.  place: OBJECT:PATH, the absolute path of what
    was backed up, a path in any object, or one that begins here, where no object has that.  Raises
    NotFoundError if none ever had it."""
    with open_catalog(catalog_of(catalog), create=False) as opened:
        rows = _history(opened, place) or _history(opened, os.path.abspath(place))
    if not rows:
        raise NotFoundError(
            f'no version has "{place}"', remedy="`flowbackup find` looks for names and patterns"
        )
    return rows


def diff(before: str, after: str, catalog: Path | None = None) -> list[DifferenceRow]:
    """What differs from OBJECT[:PATH] to OBJECT[:PATH], by path.  Raises NotFoundError."""
    from flowbackup.catalog.difference import Side

    with open_catalog(catalog_of(catalog), create=False) as opened:
        sides: list[Side] = []
        for name, under in map(split_query, (before, after)):
            version = opened.resolve(name)
            sides.append(Side(version, opened.path_meant(version, under)))
        return opened.looking.differences(*sides)


def _history(catalog: Catalog, place: str) -> list[HistoryRow]:
    """By the first meaning of the path that any version has."""
    found = (
        [
            row
            for versions, path in _meant(catalog, os.fsdecode(meant))
            for row in catalog.looking.history(versions, path)
        ]
        for meant in paths_meant(os.fsencode(place))
    )
    return next(filter(None, found), [])


def _meant(catalog: Catalog, place: str) -> Iterator[tuple[list[VersionRow], bytes]]:
    """Versions in which a path is to be looked up, and what it is called there."""
    path = os.fsencode(place)
    if path.startswith(b"/"):
        found: dict[bytes, list[VersionRow]] = {}
        for version in catalog.versions():
            below = path_below(path, version.record.source)
            if below is not None:
                found.setdefault(below, []).append(version)
        yield from ((versions, below) for below, versions in found.items())
        return
    name, colon, _ = place.partition(":")
    if colon and name:
        try:
            yield catalog.versions_meant(name), split_query(place)[1]
            return
        except NotFoundError:
            pass  # A colon is a letter of names, too.
    yield catalog.versions(), path.strip(b"/")


def copies(
    query: str | None = None, below: int | None = None, catalog: Path | None = None
) -> list[VersionCopies] | list[CopyRow]:
    """Of one OBJECT: what each medium holds of it, and where that came from.  Of all: how many
    durable copies each version has, or those with fewer than `below`."""
    with open_catalog(catalog_of(catalog), create=False) as opened:
        if query is not None:
            version = opened.resolve(query)
            return with_lineage(opened.copies_and_freed(version), version, opened.sessions())
        return opened.below_copies(COPIES_MAX if below is None else below)
