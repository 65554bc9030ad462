"""The source `sqlite`: one state of a database that others go on writing to, as SQL.

clients:
  web:
    objects:
      orders: {source: sqlite, options: {database: /srv/orders.sqlite}}
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import closing


class SqliteSource:
    """See flowbackup.source.port.Source."""

    def __init__(self, options: Mapping[str, str | int | float | bool]) -> None:
        unknown = options.keys() - {"database"}
        if unknown:
            raise ValueError(f'there is no option "{min(unknown)}", only database')
        database = options.get("database")
        if not isinstance(database, str) or not os.path.isabs(database):
            raise ValueError("database is to be an absolute path")
        self._database = database

    def absence(self) -> str:
        there = os.path.isfile(self._database)
        return "" if there else f"there is no database {self._database}"

    def pieces(self) -> Generator[bytes, None, None]:
        # A connection belongs to one thread, and this runs in that of the reading.
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as database:
            for statement in database.iterdump():
                yield f"{statement}\n".encode()
