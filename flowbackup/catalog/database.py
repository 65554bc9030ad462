"""The connection to the catalog's file: transactions, and sqlite's errors in our words."""

from __future__ import annotations

import os
import shlex
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flowbackup.catalog.schema import APPLICATION_ID, MIGRATIONS, VERSION
from flowbackup.errors import CatalogError

Value = int | float | str | bytes | None
Values = Sequence[Value] | Mapping[str, Value]
Row = tuple[Any, ...]
"""What sqlite gives back; the columns are typed by the tables, which mypy does not see."""
BUSY_SECONDS = 20
"""How long to wait for another command's transaction: they last milliseconds, an end of session
with millions of entries some seconds."""


class Database:
    """One sqlite connection.  Threads may share it: one is inside at a time, for a statement or for
    a whole transaction.

    WAL, so that readers do not wait for the writer.  synchronous is NORMAL for facts that the media
    hold as well and that a rebuild finds again (durable frames), and FULL for the transactions
    that a user was told about: a FULL commit syncs the whole log, what came before it included.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._in_transaction = False
        self._inside = threading.RLock()
        with self._errors("open"):
            _make_private(path)
            _check_mark(path)
            # Autocommit: transactions are begun and ended here and nowhere else.
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with self._errors("open"):
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        version = self.one("PRAGMA user_version")[0]
        application = self.one("PRAGMA application_id")[0]
        tables = self.one("SELECT count(*) FROM sqlite_master")[0]
        if ((application, version) != (0, 0) and application != APPLICATION_ID) or (
            not application and tables
        ):
            raise CatalogError(
                f"{self.path} is a database, but no catalog of flowbackup",
                remedy="name another file with --catalog or FLOWBACKUP_CATALOG",
            )
        if version > VERSION:
            raise CatalogError(
                f"{self.path} is a catalog of version {version}, this flowbackup knows {VERSION}",
                remedy="update flowbackup",
            )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        if version < VERSION:
            self._migrate()

    def _migrate(self) -> None:
        with self.transaction():
            # Read again inside: another command may have done it meanwhile.
            version = self.one("PRAGMA user_version")[0]
            for statements in MIGRATIONS[version:]:
                for statement in statements:
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            self._connection.execute(f"PRAGMA user_version={VERSION}")

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """All or nothing; inside another one it is a part of that.  durable: synced at the end."""
        with self._inside:
            if self._in_transaction:
                yield
            else:
                yield from self._outermost(durable)

    def _outermost(self, durable: bool) -> Iterator[None]:
        with self._errors("write"):
            self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._connection.execute("BEGIN IMMEDIATE")
        self._in_transaction = True
        try:
            yield
            with self._errors("write"):
                self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        finally:
            self._in_transaction = False

    def execute(self, sql: str, values: Values = ()) -> int:
        """The number of rows changed."""
        with self._inside, self._errors("write"):
            return self._connection.execute(sql, values).rowcount

    def insert(self, sql: str, values: Sequence[Value]) -> int:
        """The key of the new row."""
        with self._inside, self._errors("write"):
            return self._connection.execute(sql, values).lastrowid or 0

    def execute_many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        with self._inside, self._errors("write"):
            self._connection.executemany(sql, rows)

    def rows(self, sql: str, values: Values = ()) -> list[Row]:
        with self._inside, self._errors("read"):
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[Value] = ()) -> Row:
        """The first row of a question that always has one."""
        return self.rows(sql, values)[0]

    def check(self) -> None:
        """Reads all of it.  Raises CatalogError if it contradicts itself."""
        found = self.one("PRAGMA quick_check(1)")[0]
        if found != "ok":
            raise CatalogError(
                f"the catalog {self.path} is damaged: {found}", remedy=rebuild_remedy(self.path)
            )

    def close(self) -> None:
        """Safe to repeat."""
        self._connection.close()

    @contextmanager
    def _errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise CatalogError(
                f"cannot {verb} the catalog {self.path}: {error}", remedy=_remedy(error, self.path)
            ) from error
        except sqlite3.Error as error:
            raise CatalogError(
                f"cannot {verb} the catalog {self.path}: {error}",
                remedy=rebuild_remedy(self.path),
            ) from error
        except OverflowError as error:
            raise CatalogError(
                f"cannot {verb} the catalog {self.path}: a number is beyond 63 bits"
            ) from error
        except OSError as error:
            raise CatalogError(
                f"cannot {verb} the catalog {self.path}: {error.strerror}",
                remedy="check the path and its permissions",
            ) from error


def rebuild_remedy(path: Path) -> str:
    """What to do about a catalog that cannot be read: the command, ready to be copied."""
    command = f"flowbackup rebuild --fresh --catalog {shlex.quote(str(path))} DEVICE..."
    return f"media are not affected: `{command}` makes a new one from them and keeps this file"


def _remedy(error: sqlite3.OperationalError, path: Path) -> str:
    code = error.sqlite_errorcode & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return "its disk is full: make room and try again"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another command is writing to it: try again when that has ended"
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return "check the path and its permissions"
    return rebuild_remedy(path)


def _make_private(path: Path) -> None:
    """The catalog holds every file name of the user: nobody else may read it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        # Not writable is an error now, not in the middle of a session.
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))


def _check_mark(path: Path) -> None:
    """sqlite takes any file of less than a page for a new database and writes over it."""
    with path.open("rb") as file:
        mark = file.read(16)
    if mark not in (b"", b"SQLite format 3\0"):
        raise CatalogError(f"{path} is no catalog", remedy=rebuild_remedy(path))
