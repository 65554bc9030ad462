"""The source `sqlite`: one state of a database that others go on writing to, as a database.

clients:
  web:
    objects:
      orders: {source: sqlite, options: {database: /srv/orders.sqlite}}
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Generator, Mapping
from contextlib import closing
from pathlib import Path

PIECE_BYTES = 1 << 20


class SqliteSource:
    """See flowbackup.source.port.Source.  Needs as much room as the database has, in the directory
    for temporary files."""

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
        place = f"{Path(self._database).as_uri()}?mode=ro"
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "copy")
            # One statement, and so one state, in which every row was read; others write meanwhile.
            with closing(sqlite3.connect(place, uri=True)) as database:
                database.execute("VACUUM INTO ?", (copy,))
            with open(copy, "rb") as file:
                while piece := file.read(PIECE_BYTES):
                    yield piece
