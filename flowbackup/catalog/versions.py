"""Versions of data objects: inserted with their manifest pages, and listed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from flowbackup.catalog.copies import ensure_frames
from flowbackup.catalog.database import Database, Row, Value
from flowbackup.catalog.frame_chunks import insert_chunks
from flowbackup.catalog.rows import ObjectRow, VersionRow
from flowbackup.errors import CatalogError, NotFoundError
from flowbackup.model.entry import sort_key
from flowbackup.model.ids import FrameId, id_text
from flowbackup.model.record import VersionRecord

if TYPE_CHECKING:
    from flowbackup.catalog.page_frames import ToldChunks
    from flowbackup.frame.page import PageRef

_SELECT = """SELECT v.number, v.record FROM versions v JOIN objects o USING (object) """


def insert(
    database: Database,
    record: VersionRecord,
    pages: Sequence[tuple[PageRef, bytes | int | None]],
    number: int | None = None,
) -> int:
    """The number of the version: the one that is given, else the next of its client and name.
    pages: a page that is there already (`missing_pages`) may come without its bytes; an ordinal
    is that of the same in the journal of the object.

    A version that is there already with the same record keeps its number.  Raises CatalogError for
    the same id with another record, DamageError for a page that cannot be decoded.
    """
    text = record.to_json()
    with database.transaction(durable=True):
        known = database.rows(
            "SELECT number, record FROM versions WHERE object_id = ?", (record.object_id,)
        )
        if known:
            if known[0][1] != text:
                raise CatalogError(
                    f"object {id_text(record.object_id)} is already known with other content",
                    remedy="one of the media holds a forged or damaged record: verify them",
                )
            return int(known[0][0])
        number, version = _insert_row(database, record, text, number)
        keys = _insert_pages(database, record.object_id, pages)
        frames = _insert_frames(database, [ref for ref, _ in pages])
        database.execute_many(
            """INSERT INTO version_pages
               (version, ordinal, page, first_key, stored_frame, stored_offset, stored_size)
               VALUES (?, ?, ?, ?, ?, ?, ?)""",
            (
                (
                    version, ordinal, key, sort_key(ref.first_path), frames[ref.ref.frame],
                    ref.ref.offset, ref.ref.size,
                )
                for ordinal, (key, (ref, _)) in enumerate(zip(keys, pages, strict=True))
            ),
        )  # fmt: skip
        _insert_needs(database, version, record, [ref for ref, _ in pages])
        return number


def missing_pages(database: Database, refs: Iterable[PageRef]) -> set[bytes]:
    """The digests of those pages that no version has brought yet."""
    return {
        ref.ref.digest
        for ref in refs
        if not database.rows("SELECT 1 FROM pages WHERE digest = ?", (ref.ref.digest,))
    }


def numbers(database: Database, client: str, name: str) -> dict[bytes, tuple[int, int]]:
    """Of each version of an object its number and when it was finished; also of those that are
    forgotten, whose numbers are not given again."""
    rows = database.rows(
        """SELECT v.object_id, v.number, v.finished_ns FROM versions v JOIN objects o USING (object)
           WHERE o.client = ? AND o.name = ?
           UNION SELECT object_id, number, finished_ns FROM forgotten WHERE client = ? AND name = ?
           """,
        (client, name, client, name),
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def renumber(database: Database, numbers_of: Mapping[bytes, int]) -> None:
    """Gives versions of one object other numbers, all at once."""
    with database.transaction():
        # By way of negative ones: two versions never bear one number, not even for a moment.
        for sign in (-1, 1):
            database.execute_many(
                "UPDATE versions SET number = ? WHERE object_id = ?",
                ((sign * number, object_id) for object_id, number in numbers_of.items()),
            )
        database.execute_many(
            "UPDATE forgotten SET number = ? WHERE object_id = ?",
            ((number, object_id) for object_id, number in numbers_of.items()),
        )


def _insert_row(
    database: Database, record: VersionRecord, text: bytes, number: int | None
) -> tuple[int, int]:
    names = (record.client, record.name)
    database.execute("INSERT OR IGNORE INTO objects (client, name) VALUES (?, ?)", names)
    row = database.one("SELECT object FROM objects WHERE client = ? AND name = ?", names)
    if number is None:
        number = database.one(
            """SELECT coalesce(max(number), 0) + 1 FROM (
                 SELECT number FROM versions WHERE object = ?
                 UNION ALL SELECT number FROM forgotten WHERE client = ? AND name = ?)""",
            (*row, *names),
        )[0]
    version = database.insert(
        """INSERT INTO versions
           (object_id, object, number, session, finished_ns, outcome, record)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        (
            record.object_id,
            row[0],
            number,
            record.session,
            record.finished_ns,
            record.outcome,
            text,
        ),
    )
    return number, version


def _insert_pages(
    database: Database, object_id: bytes, pages: Sequence[tuple[PageRef, bytes | int | None]]
) -> list[int]:
    """Their keys."""
    from flowbackup.catalog.page_frames import ToldChunks  # noqa: PLC0415  keeps pyarrow out

    told = ToldChunks()
    keys = []
    for ref, body in pages:
        keys.append(_insert_page(database, object_id, ref, body, told))
        if told.is_full:
            insert_chunks(database, told)
    insert_chunks(database, told)
    return keys


def _insert_page(
    database: Database, object_id: bytes, ref: PageRef, body: bytes | int | None, told: ToldChunks
) -> int:  # fmt: skip
    from flowbackup.frame.searched import searched_of_page  # noqa: PLC0415  keeps pyarrow out

    known = database.rows("SELECT page FROM pages WHERE digest = ?", (ref.ref.digest,))
    if known:
        return int(known[0][0])
    if isinstance(body, int):
        asked = "SELECT page FROM journal WHERE object_id = ? AND ordinal = ?"
        body = next((row[0] for row in database.rows(asked, (object_id, body))), None)
    if body is None:
        raise CatalogError("a manifest page went missing from the catalog before it was a version")
    page = database.insert(
        "INSERT INTO pages (digest, entries, body) VALUES (?, ?, ?)",
        (ref.ref.digest, ref.entries, body),
    )
    database.execute("INSERT INTO searched_pages VALUES (?, ?)", (page, searched_of_page(body)))
    frames = ensure_frames(database, told.add(body))
    database.execute_many(
        "INSERT OR IGNORE INTO page_frames VALUES (?, ?)", ((page, frame) for frame in frames)
    )
    return page


def _insert_frames(database: Database, pages: Sequence[PageRef]) -> dict[FrameId, int]:
    """The keys of the frames in which pages lie."""
    frames = list(dict.fromkeys(page.ref.frame for page in pages))
    return dict(zip(frames, ensure_frames(database, frames), strict=True))


def _insert_needs(
    database: Database, version: int, record: VersionRecord, pages: Sequence[PageRef]
) -> None:
    """Everything written for the object, everything its entries refer to, and its manifest."""
    manifest = {record.root.frame, *(page.ref.frame for page in pages)}
    database.execute_many(
        "INSERT OR IGNORE INTO version_frames VALUES (?, ?)",
        ((version, frame) for frame in ensure_frames(database, manifest)),
    )
    database.execute(
        """INSERT OR IGNORE INTO version_frames
           SELECT ?, frame FROM frames WHERE object_id = ?""",
        (version, record.object_id),
    )
    database.execute(
        """INSERT OR IGNORE INTO version_frames
           SELECT DISTINCT version, frame FROM version_pages JOIN page_frames USING (page)
           WHERE version = ?""",
        (version,),
    )


def version_row(row: Row) -> VersionRow:
    """From the columns number, record."""
    return VersionRow(row[0], _record(row[1]))


@lru_cache(maxsize=1024)
def _record(text: bytes) -> VersionRecord:
    return VersionRecord.from_json(json.loads(text))


def objects(database: Database) -> list[ObjectRow]:
    """By client and name."""
    rows = database.rows(
        """SELECT o.client, o.name, n.versions, v.number, v.record FROM objects o
           JOIN (SELECT object, count(*) AS versions, max(number) AS number FROM versions
                 GROUP BY object) n USING (object)
           JOIN versions v ON v.object = n.object AND v.number = n.number
           ORDER BY o.client, o.name"""
    )
    return [ObjectRow(row[0], row[1], row[2], version_row(row[3:])) for row in rows]


def listed(database: Database, data_object: ObjectRow | None) -> list[VersionRow]:
    """Of one object by number, or all by time."""
    if data_object is None:
        return found(database, "true ORDER BY v.finished_ns, v.version")
    return of_object(database, data_object.client, data_object.name)


def of_object(database: Database, client: str, name: str) -> list[VersionRow]:
    """By number."""
    return found(database, "o.client = ? AND o.name = ? ORDER BY v.number", (client, name))


def version_key(database: Database, object_id: bytes) -> int:
    """The key of a version.  Raises NotFoundError."""
    rows = database.rows("SELECT version FROM versions WHERE object_id = ?", (object_id,))
    if not rows:
        raise NotFoundError("the catalog has no such version (any more)")
    return int(rows[0][0])


def by_key(database: Database, version: int) -> VersionRow:
    return found(database, "v.version = ?", (version,))[0]


def of_session(database: Database, session: bytes) -> list[VersionRow]:
    return found(database, "v.session = ? ORDER BY o.client, o.name", (session,))


def found(database: Database, where: str, values: Sequence[Value] = ()) -> list[VersionRow]:
    return [version_row(row) for row in database.rows(_SELECT + "WHERE " + where, values)]
