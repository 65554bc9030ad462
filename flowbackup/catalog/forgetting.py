"""Versions that are to be no more: out of the catalog at once, and known as forgotten until every
medium that had a part of them was told.

Their frames stay where they are until a prune frees them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from flowbackup.catalog import copies, versions
from flowbackup.catalog.database import Database
from flowbackup.catalog.pruning import Pruning
from flowbackup.catalog.retention import Candidate
from flowbackup.catalog.rows import VersionRow
from flowbackup.catalog.tags import Tags
from flowbackup.errors import NotFoundError
from flowbackup.model.forgotten import ForgottenVersion
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.model.record import VersionRecord
from flowbackup.units import counted

# Beside the newest version of its object, which is the last to be forgotten.
_COLUMNS = """g.object_id, g.client, g.name, g.number, g.finished_ns, g.forgotten_ns, coalesce(
    (SELECT v.object_id FROM versions v JOIN objects o USING (object)
     WHERE o.client = g.client AND o.name = g.name ORDER BY v.number DESC LIMIT 1), g.beside)"""
# Of an object that was finished on media and never became a version: who ran its session knows that
# it did not end well.  Where nobody ran it here, a rebuild may not have read its list of files.
_ORPHANS = f"""SELECT DISTINCT f.object_id, f.session FROM frames f JOIN copies c USING (frame)
    WHERE f.kind = {FrameKind.CATALOG.value} AND f.object_id <> zeroblob(16)
      AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.object_id = f.object_id)
      AND NOT EXISTS (SELECT 1 FROM forgotten g WHERE g.object_id = f.object_id)
      AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.object_id = f.object_id)"""


class Forgetting:
    """Asked and told through a catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def pruning(self) -> Pruning:
        """What of a medium is needed."""
        return Pruning(self._database)

    @property
    def tags(self) -> Tags:
        """What versions are called."""
        return Tags(self._database)

    def candidates(self, client: str, name: str) -> list[Candidate]:
        """The versions of an object, by number, with what retention asks of them."""
        database = self._database
        found: list[Candidate] = []
        listed = versions.of_object(database, client, name)
        for version, tags in zip(listed, self.tags.of(listed), strict=True):
            key = versions.version_key(database, version.object_id)
            durable = dict(copies.copies_by_version(database, 1 << 62, key)).get(key, 0)
            found.append(Candidate(version, durable, tags))
        return found

    def forget(self, forgotten: Sequence[VersionRow], now_ns: int) -> list[ForgottenVersion]:
        """These are no versions any more; all of them or none, and synced.  Raises NotFoundError
        for one that is none."""
        rows = [
            ForgottenVersion(
                row.object_id, row.record.client, row.record.name, row.number,
                row.record.finished_ns, now_ns,
            )
            for row in forgotten
        ]  # fmt: skip
        with self._database.transaction(durable=True):
            for row in rows:
                versions.version_key(self._database, row.object_id)
            insert(self._database, rows)
        return rows

    def forgotten(self) -> list[ForgottenVersion]:
        """All of them, by the time of their making."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM forgotten g ORDER BY g.finished_ns, g.object_id"
        )
        return [ForgottenVersion(*row) for row in rows]

    def untold(self, medium: bytes) -> list[ForgottenVersion]:
        """Those of which a medium has frames and was told nothing."""
        rows = self._database.rows(
            f"""SELECT {_COLUMNS} FROM forgotten g
                WHERE EXISTS (SELECT 1 FROM frames f JOIN copies c USING (frame)
                    WHERE f.object_id = g.object_id AND c.medium = :medium)
                  AND NOT EXISTS (SELECT 1 FROM forgotten_told t JOIN copies c USING (frame)
                    WHERE t.object_id = g.object_id AND c.medium = :medium AND NOT c.damaged)
                ORDER BY g.finished_ns, g.object_id""",
            {"medium": copies.medium_key(self._database, medium)},
        )
        return [ForgottenVersion(*row) for row in rows]

    def add_told(self, frame: FrameId, told: Iterable[ForgottenVersion]) -> None:
        """A record, in that frame, tells of these: wherever it lies, the medium was told."""
        with self._database.transaction():
            insert(self._database, told, frame)

    def adopt_orphans(self, now_ns: int, *, dry_run: bool = False) -> int:
        """Objects that were finished on media in a session of this catalog and never became
        versions are forgotten like versions, so that no rebuild finds them when their frames are
        gone; how many.  Only while no session runs, but for a dry_run, which changes nothing.

        Raises NotFoundError where it is not known whether they are versions: then nobody knows
        either which frames they need."""
        rows = self._database.rows(
            f"""SELECT o.object_id, coalesce(s.holder, '') FROM ({_ORPHANS}) o
                LEFT JOIN sessions s USING (session)"""
        )
        unread = sum(not holder for _, holder in rows)
        if unread:
            raise NotFoundError(
                f"media hold {counted(unread, 'version')} whose lists of files this catalog has "
                "not read",
                remedy="`flowbackup rebuild DEVICE...` with all devices that hold parts of them "
                "takes them over",
            )
        orphans = [ForgottenVersion(row[0], "", "", 0, 0, now_ns) for row in rows]
        if orphans and not dry_run:
            with self._database.transaction(durable=True):
                insert(self._database, orphans)
        return len(orphans)


def insert(
    database: Database, forgotten: Iterable[ForgottenVersion], frame: FrameId | None = None
) -> None:  # fmt: skip
    """These are forgotten, and no versions any more if they were.  frame: of the record that tells
    so on media.  Safe to repeat."""
    rows = list(forgotten)
    with database.transaction():
        database.execute_many(
            """INSERT INTO forgotten VALUES (?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (object_id) DO UPDATE SET client = excluded.client,
                 name = excluded.name, number = excluded.number,
                 finished_ns = excluded.finished_ns,
                 beside = iif(excluded.beside = x'', beside, excluded.beside)
               WHERE forgotten.client = ''""",
            rows,
        )
        if frame is not None:
            (key,) = copies.ensure_frames(database, [frame])
            database.execute_many(
                "INSERT OR IGNORE INTO forgotten_told VALUES (?, ?)",
                ((row.object_id, key) for row in rows),
            )
        _delete_versions(database, {row.object_id for row in rows})


def name_unnamed(database: Database, records: Iterable[VersionRecord]) -> None:
    """What media told no names of is called as the version beside which it was, where that is
    known: by these records, which need not be versions yet, or else.  So its number is not given to
    another version of that object."""
    names = {record.object_id: (record.client, record.name) for record in records}
    rows = database.rows("""SELECT g.object_id, g.client, g.name, g.beside FROM forgotten g
        UNION ALL SELECT v.object_id, o.client, o.name, x'' FROM versions v
        JOIN objects o USING (object)""")
    names |= {row[0]: (row[1], row[2]) for row in rows if row[2]}
    beside = {row[0]: row[3] for row in rows if row[3] and not row[2]}
    found = ((key, names.get(_last_beside(key, beside))) for key in beside)
    with database.transaction():
        database.execute_many(
            "UPDATE forgotten SET client = ?, name = ?, beside = x'' WHERE object_id = ?",
            ((*name, key) for key, name in found if name is not None),
        )


def _last_beside(object_id: bytes, beside: Mapping[bytes, bytes]) -> bytes:
    """The version that may have a name: what one was beside may have been forgotten later.  Forged
    records may lead in a circle."""
    seen: set[bytes] = set()
    while object_id in beside and object_id not in seen:
        seen.add(object_id)
        object_id = beside[object_id]
    return object_id


def _delete_versions(database: Database, object_ids: Collection[bytes]) -> None:
    keys: list[int] = []
    for object_id in sorted(object_ids):
        where = "SELECT version FROM versions WHERE object_id = ?"
        keys += [row[0] for row in database.rows(where, (object_id,))]
        database.execute("DELETE FROM retags WHERE object_id = ?", (object_id,))
    for table in ("version_frames", "version_pages", "versions"):
        database.execute_many(f"DELETE FROM {table} WHERE version = ?", ((key,) for key in keys))
    if keys:
        unused = "page NOT IN (SELECT page FROM version_pages)"
        for table in ("page_frames", "searched_pages", "pages"):
            database.execute(f"DELETE FROM {table} WHERE {unused}")
