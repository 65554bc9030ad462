"""What interrupted sessions have left: objects that are to be gone on with.

Of an object that was complete there is a version, of the one that was open a journal.  Both name
files and the frames that hold their content; where these frames lie the catalog knows anyhow.  A
journal goes when its object has a version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from flowbackup.catalog import sessions, versions
from flowbackup.catalog.database import Database
from flowbackup.catalog.rows import SessionRow, SessionState
from flowbackup.errors import EXIT_INTERRUPTED
from flowbackup.model.ids import FrameId
from flowbackup.model.known import JournalPage

BACKUP = "backup"
GOING_ON = {
    BACKUP: "run the same again: what it has made safe is neither read nor sent again",
    "copy": "`flowbackup copy` of the same graph copies what is missing",
    "repair": "`flowbackup repair` moves what is missing",
    "prune": "`flowbackup prune` frees what is left",
}
"""Kinds of sessions that leave something to go on with, and how."""


class ObjectName(NamedTuple):
    """source: the path that is read; an object of the same name elsewhere is another."""

    client: str
    name: str
    source: bytes


class LeftObject(NamedTuple):
    """One state of an object in an interrupted session.  started_ns: when reading it began."""

    session: bytes
    object_id: bytes
    started_ns: int


class Unfinished:
    """Asked and told through a catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_journal(self, session: bytes, pages: Sequence[JournalPage]) -> None:
        """How far a session got with objects that are no versions yet; not synced.  Safe to
        repeat."""
        self._database.execute_many(
            """INSERT OR IGNORE INTO journal
               (session, object_id, client, name, source, started_ns, ordinal, page)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            ((session, *page) for page in pages),
        )

    def drop_journals(self, client: str, name: str) -> None:
        """Of an object that has a version now, whoever wrote them."""
        self._database.execute("DELETE FROM journal WHERE client = ? AND name = ?", (client, name))

    def sessions(self, graph: str | None = None) -> list[SessionRow]:
        """Those that were interrupted, of one graph or of all, newest first, without those behind
        which one of the same kind and graph has ended.  Who lost the catalog does not know the
        graph of a session that left no record: it is taken for one of any."""
        ended: dict[str, set[str]] = {}
        found: list[SessionRow] = []
        for row in sessions.heads(self._database):
            if row.kind not in GOING_ON or (
                graph is not None and row.graph_name not in (graph, "")
            ):
                continue
            before = ended.setdefault(row.kind, set())
            if is_interrupted(row):
                if row.graph_name not in before and (row.graph_name or not before):
                    found.append(row)
            elif row.state is SessionState.FINISHED:
                before.add(row.graph_name)
        return found

    def objects(
        self, graph: str, names: Iterable[ObjectName]
    ) -> dict[ObjectName, list[LeftObject]]:  # fmt: skip
        """What sessions of this graph have left of each of these objects since its last version of
        a session that was not interrupted, newest first.  Objects of which nothing is left are not
        named."""
        listed = sessions.heads(self._database)
        rows = {row.session: row for row in listed if row.kind == BACKUP}
        running = {key for key, row in rows.items() if row.state is SessionState.RUNNING}
        own = {key for key, row in rows.items() if row.graph_name in (graph, "")} - running
        found: dict[ObjectName, list[LeftObject]] = {}
        for name in names:
            left = [*self._left_versions(name, rows), *self._left_journals(name)]
            mine = [item for item in left if item.session in own]
            if mine:
                found[name] = sorted(mine, key=lambda item: item.started_ns, reverse=True)
        return found

    def pages(self, left: LeftObject) -> Iterator[bytes]:
        """Its list of files as far as it got, one page after the other."""
        ordinal = -1
        while True:
            rows = self._database.rows(
                """SELECT ordinal, body FROM version_pages JOIN pages USING (page)
                     JOIN versions USING (version) WHERE object_id = :object AND ordinal > :ordinal
                   UNION ALL SELECT ordinal, page FROM journal
                     WHERE object_id = :object AND ordinal > :ordinal
                   ORDER BY 1 LIMIT 1""",
                {"object": left.object_id, "ordinal": ordinal},
            )
            if not rows:
                return
            ordinal, page = rows[0]
            yield page

    def frames(self, left: LeftObject) -> set[FrameId]:
        """Those by which it can be gone on with: all of a version; of a journal those in which the
        content of its files lies."""
        from flowbackup.catalog.page_frames import frames_of_page  # noqa: PLC0415  keeps pyarrow out

        rows = self._database.rows(
            """SELECT f.session, f.stream, f.sequence FROM versions v
               JOIN version_frames USING (version) JOIN frames f USING (frame)
               WHERE v.object_id = ?""",
            (left.object_id,),
        )
        found = {FrameId(*row) for row in rows}
        return found or {frame for page in self.pages(left) for frame in frames_of_page(page)}

    def holders(self, object_id: bytes) -> Iterator[tuple[FrameId, bytes]]:
        """Each frame of an object with each medium that holds it durably and undamaged."""
        rows = self._database.rows(
            """SELECT DISTINCT f.session, f.stream, f.sequence, m.id
               FROM frames f JOIN copies c USING (frame) JOIN media m USING (medium)
               WHERE f.object_id = ? AND NOT c.damaged""",
            (object_id,),
        )
        return ((FrameId(*row[:3]), row[3]) for row in rows)

    def _left_versions(
        self, name: ObjectName, rows: Mapping[bytes, SessionRow]
    ) -> Iterator[LeftObject]:  # fmt: skip
        for version in reversed(versions.of_object(self._database, name.client, name.name)):
            record = version.record
            session = rows.get(record.session)
            if session is None or not is_interrupted(session):
                return
            if record.source == name.source:
                yield LeftObject(record.session, record.object_id, record.started_ns)

    def _left_journals(self, name: ObjectName) -> Iterator[LeftObject]:
        rows = self._database.rows(
            """SELECT DISTINCT session, object_id, started_ns FROM journal
               WHERE client = ? AND name = ? AND source = ?""",
            name,
        )
        return (LeftObject(*row) for row in rows)


def is_interrupted(row: SessionRow) -> bool:
    """Its process is dead, or it was told to end before its time."""
    return row.state is SessionState.INTERRUPTED or row.exit_code == EXIT_INTERRUPTED
