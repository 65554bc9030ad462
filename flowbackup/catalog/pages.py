"""Entries of a version, out of the manifest pages that hold them and no others."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache, partial

from flowbackup.catalog.database import Database, rebuild_remedy
from flowbackup.catalog.versions import version_key
from flowbackup.errors import CatalogError, DamageError, NotFoundError
from flowbackup.frame.page import decode_page, joined
from flowbackup.model.entry import Entry, sort_key
from flowbackup.model.ids import FrameId
from flowbackup.units import format_path, paths_meant

PAGES_KEPT = 4
"""Decoded pages that stay in memory: look-ups of one path after another stay in few pages."""


class Pages:
    """The pages of the catalog, decoded when asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.decoded = lru_cache(maxsize=PAGES_KEPT)(self._decode)

    def entries(self, object_id: bytes, under: bytes, recursive: bool) -> Iterator[Entry]:
        """The entry `under` and what is below it (all, or its direct children), in path order.
        Raises NotFoundError if there is none, CatalogError for pages that cannot be read."""
        pages = self.between(version_key(self._database, object_id), under)
        if recursive:
            rows = self.rows(pages, under)
        elif len(near := _without_deep(pages, under)) <= PAGES_KEPT:
            rows = _shallow(self.rows(near, under), under)
        else:
            rows = self._shallow_rows(near, under)
        found = False
        for entry in joined(rows):
            found = True
            yield entry
        if under and not found:
            raise _absent(under)

    def entry(self, object_id: bytes, path: bytes) -> Entry:
        """Raises NotFoundError."""
        for entry in self.entries(object_id, path, recursive=False):
            if entry.path == path:
                return entry
        raise _absent(path)

    def path_meant(self, object_id: bytes, path: bytes) -> bytes:
        """See Catalog."""
        path, *others = paths_meant(path)
        if not others or self.first(object_id, path):
            return path
        return next((other for other in others if self.first(object_id, other)), path)

    def first(self, object_id: bytes, path: bytes) -> Entry | None:
        """The entry of a path; None if there is none."""
        try:
            return next(self.entries(object_id, path, recursive=False), None)
        except NotFoundError:
            return None

    def paths_in(self, key: int, frame: FrameId) -> Iterator[tuple[int, tuple[bytes, ...]]]:
        """The versions that need a frame, and the paths whose content lies in it."""
        for (version,) in self._database.rows(
            "SELECT version FROM version_frames WHERE frame = ? ORDER BY version", (key,)
        ):
            pages = self._database.rows(
                """SELECT vp.page FROM page_frames pf JOIN version_pages vp USING (page)
                   WHERE pf.frame = ? AND vp.version = ? ORDER BY vp.ordinal""",
                (key, version),
            )
            hits = (
                entry.path
                for (page,) in pages
                for entry in self.decoded(page)
                if any(chunk.frame == frame for chunk in entry.chunks)
            )
            yield version, tuple(dict.fromkeys(hits))

    def between(self, version: int, under: bytes) -> list[tuple[int, bytes]]:
        """The pages of a version (by key) in which `under` and what is below it may be, and their
        first keys.  A page that begins with `under` may begin with a later part of that entry, so
        the one before belongs to them."""
        key, end = _limits(under)
        rows = self._database.rows(
            """SELECT page, first_key FROM version_pages WHERE version = ? AND ordinal >= (
                 SELECT coalesce(max(ordinal), 0) FROM version_pages
                 WHERE version = ? AND first_key < ?) AND (? IS NULL OR first_key < ?)
               ORDER BY ordinal""",
            (version, version, key, end, end),
        )
        return [(row[0], row[1]) for row in rows]

    def rows(self, pages: list[tuple[int, bytes]], under: bytes) -> Iterator[Entry]:
        """The rows of these pages that are `under` or below it, parts not joined; page after page,
        so that memory is that of a page."""
        key, end = _limits(under)
        for page, first in pages:
            entries = self.decoded(page)
            start = bisect_left(entries, key, key=_key) if first < key else 0
            stop = len(entries) if end is None else bisect_left(entries, end, key=_key)
            yield from entries[start:stop]

    def _shallow_rows(self, pages: list[tuple[int, bytes]], under: bytes) -> Iterator[Entry]:
        """As `_shallow` of all of them, where most rows are deeper: entries are made of the others
        only."""
        # A tenth of a second, which a list of a few pages need not wait for.
        from flowbackup.catalog.shallow import shallow_entries  # noqa: PLC0415

        for page, _ in pages:
            yield from self._read(page, partial(shallow_entries, under=under))

    def _decode(self, page: int) -> list[Entry]:
        return self._read(page, decode_page)

    def _read(self, page: int, made_of: Callable[[bytes], list[Entry]]) -> list[Entry]:
        body = self._database.one("SELECT body FROM pages WHERE page = ?", (page,))[0]
        try:
            return made_of(body)
        except DamageError as error:
            raise CatalogError(
                f"the catalog has an unreadable manifest page: {error.message}",
                remedy=rebuild_remedy(self._database.path),
            ) from error


def _absent(path: bytes) -> NotFoundError:
    return NotFoundError(
        f'there is no "{format_path(path)}" in this version',
        remedy="`flowbackup ls` shows what there is",
    )


def _limits(under: bytes) -> tuple[bytes, bytes | None]:
    """The key of `under`, and one behind everything below it, where the next byte is NUL."""
    key = sort_key(under)
    return key, key + b"\1" if under else None


def _shallow(rows: Iterator[Entry], under: bytes) -> Iterator[Entry]:
    """`under` itself and its children."""
    slashes = under.count(b"/") + 1 if under else 0
    return (entry for entry in rows if entry.path.count(b"/") <= slashes)


def _without_deep(pages: list[tuple[int, bytes]], under: bytes) -> list[tuple[int, bytes]]:
    """Leaves out pages that lie wholly below one child of `under`: a list of a directory does not
    decode what is deep inside it."""
    depth = under.count(b"/") + 2 if under else 1
    heads = [first.split(b"\0", depth) for _, first in pages]
    return [
        page
        for page, head, following in zip(pages, heads, [*heads[1:], []], strict=True)
        if len(head) <= depth or head[:depth] != following[:depth]
    ]


def _key(entry: Entry) -> bytes:
    return sort_key(entry.path)
