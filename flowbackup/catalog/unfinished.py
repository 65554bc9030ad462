"""What interrupted sessions have left: objects that are to be gone on with.

Of an object that was complete there is a version, of the one that was open a journal.  Both name
files and the frames that hold their content; where these frames lie the catalog knows anyhow.  A
journal goes when its object has a version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from flowbackup.catalog import sessions, versions
from flowbackup.catalog.database import Database
from flowbackup.catalog.earlier import EarlierState, ObjectName
from flowbackup.catalog.rows import SessionRow, SessionState
from flowbackup.model.known import JournalPage

BACKUP = "backup"
GOING_ON = {
    BACKUP: "run the same again: what it has made safe is neither read nor sent again",
    "copy": "`flowbackup copy` of the same graph copies what is missing",
    "repair": "`flowbackup repair` moves what is missing",
    "prune": "`flowbackup prune` frees what is left",
}
"""Kinds of sessions that leave something to go on with, and how."""


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
            if row.is_interrupted:
                if row.graph_name not in before and (row.graph_name or not before):
                    found.append(row)
            elif row.state is SessionState.FINISHED:
                before.add(row.graph_name)
        return found

    def objects(
        self, graph: str, names: Iterable[ObjectName]
    ) -> dict[ObjectName, list[EarlierState]]:  # fmt: skip
        """What sessions of this graph have left of each of these objects since its last version of
        a session that was not interrupted, newest first.  Objects of which nothing is left are not
        named."""
        listed = sessions.heads(self._database)
        rows = {row.session: row for row in listed if row.kind == BACKUP}
        running = {key for key, row in rows.items() if row.state is SessionState.RUNNING}
        own = {key for key, row in rows.items() if row.graph_name in (graph, "")} - running
        found: dict[ObjectName, list[EarlierState]] = {}
        for name in names:
            left = [*self._left_versions(name, rows), *self._left_journals(name)]
            mine = [item for item in left if item.session in own]
            if mine:
                found[name] = sorted(mine, key=lambda item: item.started_ns, reverse=True)
        return found

    def _left_versions(
        self, name: ObjectName, rows: Mapping[bytes, SessionRow]
    ) -> Iterator[EarlierState]:  # fmt: skip
        for version in reversed(versions.of_object(self._database, name.client, name.name)):
            record = version.record
            session = rows.get(record.session)
            if session is None or not session.is_interrupted:
                return
            if record.source == name.source:
                yield EarlierState(record.session, record.object_id, record.started_ns)

    def _left_journals(self, name: ObjectName) -> Iterator[EarlierState]:
        rows = self._database.rows(
            """SELECT DISTINCT session, object_id, started_ns FROM journal
               WHERE client = ? AND name = ? AND source = ?""",
            name,
        )
        return (EarlierState(*row) for row in rows)
