"""Versions by what people write.

latest         the newest version of all
NAME           the newest version of an object; CLIENT/NAME where several clients have it
NAME@3         that version of it
0192f3a4       the first characters of an object id, four or more
"""

from __future__ import annotations

import os
from datetime import datetime
from difflib import get_close_matches

from flowbackup.catalog.database import Database
from flowbackup.catalog.rows import VersionRow
from flowbackup.catalog.sessions import id_range
from flowbackup.catalog.versions import found
from flowbackup.errors import NotFoundError, UsageError
from flowbackup.model.ids import id_text

PREFIX_CHARACTERS_MIN = 4
_INTEGER_MAX = (1 << 63) - 1


def resolved(database: Database, query: str, as_of: str) -> VersionRow:
    """Raises NotFoundError with near names, UsageError naming what an ambiguous query may mean."""
    until_ns = time_ns(as_of, ends=True) if as_of else _INTEGER_MAX
    matches = _matches(database, query, until_ns) if is_text(query) else []
    if not matches:
        raise _unknown(database, query, as_of)
    if len(matches) > 1:
        names = ", ".join(f"{row} ({id_text(row.object_id)})" for row in matches[:5])
        raise UsageError(
            f'"{query}" may mean {len(matches)} versions: {names}',
            remedy="write CLIENT/NAME, or more of the id",
        )
    return matches[0]


def _matches(database: Database, query: str, until_ns: int) -> list[VersionRow]:
    """A whole name wins over a name with a number, and that over an id: people chose the names."""
    matches = _named(database, query, until_ns)
    if matches:
        return matches
    if query == "latest":
        where = "v.finished_ns <= ? ORDER BY v.finished_ns DESC, v.version DESC LIMIT 1"
        return found(database, where, (until_ns,))
    name, at, number = query.rpartition("@")
    if at and number.isascii() and number.isdecimal():
        matches = _numbered(database, name, min(int(number), _INTEGER_MAX))
    if not matches and len(query) >= PREFIX_CHARACTERS_MIN:
        where, values = id_range("v.object_id", query)
        matches = found(database, f"{where} ORDER BY v.object_id", values)
    return matches


def _named(database: Database, name: str, until_ns: int) -> list[VersionRow]:
    """The newest version of each object that is called so."""
    where = """{} = ? AND v.number = (SELECT max(number) FROM versions
        WHERE object = o.object AND finished_ns <= ?) ORDER BY o.client"""
    whole = found(database, where.format("o.client || '/' || o.name"), (name, until_ns))
    return whole or found(database, where.format("o.name"), (name, until_ns))


def _numbered(database: Database, name: str, number: int) -> list[VersionRow]:
    where = "{} = ? AND v.number = ? ORDER BY o.client"
    whole = found(database, where.format("o.client || '/' || o.name"), (name, number))
    return whole or found(database, where.format("o.name"), (name, number))


def versions_meant(database: Database, query: str) -> list[VersionRow]:
    """All versions of the object that a query names, or the one version that it means.  Raises as
    `resolved`."""
    row = resolved(database, query, "")
    record = row.record
    if query not in (record.name, f"{record.client}/{record.name}"):
        return [row]
    where = "o.client = ? AND o.name = ? ORDER BY v.number"
    return found(database, where, (record.client, record.name))


def time_ns(text: str, *, ends: bool) -> int:
    """A time without zone is one of this machine; a date alone means its end, or its beginning.
    Raises UsageError."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f'"{text}" is not a time', remedy='write it as "2026-07-31" or "2026-07-31T18:30"'
        ) from error
    if not ends:
        return int(time.timestamp() * 1_000_000) * 1000
    if len(text) <= len("2026-07-31"):
        time = time.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return int(time.timestamp() * 1_000_000) * 1000 + 999


def _unknown(database: Database, query: str, as_of: str) -> NotFoundError:
    names = database.rows("SELECT client || '/' || name, name FROM objects ORDER BY 1")
    known = {row[1]: row[0] for row in reversed(names)} | {row[0]: row[0] for row in names}
    if query == "latest" or query in known:
        return NotFoundError(
            f'there was no version of "{query}" by {as_of}' if as_of else "there is no version yet",
            remedy="`flowbackup objects` lists them" if as_of else "make a backup first",
        )
    if (name := query.rpartition("@")[0]) in known:
        return NotFoundError(
            f'"{name}" has no such version as in "{query}"',
            remedy="`flowbackup copies` lists all versions",
        )
    near = get_close_matches(query.partition("@")[0], known, n=3, cutoff=0.6)
    meant = " or ".join(dict.fromkeys(f'"{known[name]}"' for name in near))
    return NotFoundError(
        f'there is no object "{query}"',
        remedy=f"did you mean {meant}?" if meant else "`flowbackup objects` lists them",
    )


def is_text(query: str) -> bool:
    """Is it UTF-8, as all that the catalog has names for?  What was typed may be any bytes."""
    try:
        query.encode()
    except UnicodeEncodeError:
        return False
    return True


def split_query(query: str) -> tuple[str, bytes]:
    """ "OBJECT:PATH" -> object and path; the path relative to the object's root, without slashes
    around it."""
    name, _, path = query.partition(":")
    if not name:
        raise UsageError(f'"{query}" names no object', remedy="write OBJECT or OBJECT:PATH")
    return name, os.fsencode(path).strip(b"/")


def path_below(path: bytes, source: bytes) -> bytes | None:
    """An absolute path relative to the tree or file that an object is read from; None for one
    outside of it, and for a stream, which is read from no path."""
    if not source.startswith(b"/"):
        return None
    root = source.rstrip(b"/") + b"/"
    whole = path.rstrip(b"/") + b"/"
    return whole[len(root) : -1] if whole.startswith(root) else None
