"""What was where in which version: the questions of `find`, `history` and `diff`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowbackup.catalog.database import Database
from flowbackup.catalog.difference import Side, differences
from flowbackup.catalog.finding import find, history
from flowbackup.catalog.pages import Pages
from flowbackup.catalog.rows import DifferenceRow, FoundRow, HistoryRow, VersionRow
from flowbackup.catalog.search import Search


class Looking:
    """A part of the catalog.  It asks no medium, so that it knows of those that are away as well;
    every method may raise CatalogError."""

    def __init__(self, database: Database, pages: Pages) -> None:
        self._database = database
        self._pages = pages

    def find(self, versions: Iterable[VersionRow], search: Search) -> Iterator[FoundRow]:
        """The entries of these versions that are meant, each state of one once: object by object,
        there in path order.  Raises UsageError for a regular expression that is none."""
        return find(self._database, self._pages, versions, search)

    def history(self, versions: Iterable[VersionRow], path: bytes) -> Iterator[HistoryRow]:
        """What became of a path from version to version; nothing of objects that never had it."""
        return history(self._pages, versions, path)

    def differences(self, before: Side, after: Side) -> list[DifferenceRow]:
        """By path.  Raises NotFoundError for a path that a version does not have."""
        return differences(self._database, self._pages, before, after)
