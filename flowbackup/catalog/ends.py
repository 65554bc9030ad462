"""How sessions ended behind the hooks of their users, and whether media were told of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from flowbackup.catalog import sessions
from flowbackup.catalog.database import Database
from flowbackup.model.ids import id_from_text
from flowbackup.model.record import SessionRecord
from flowbackup.model.report import SessionReport
from flowbackup.model.session_end import ENDS_MAX, SessionEnd
from flowbackup.monitor import Problem


class SessionEnds:
    """A part of the catalog."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def amend(self, report: SessionReport, behind: Sequence[Problem]) -> None:
        """What hooks and notices behind the end of a session have changed: outcome, exit code and
        problems, of which `behind` are theirs.  Nothing where the session was never begun."""
        with self._database.transaction(durable=True):
            if sessions.amend(self._database, report):
                end = SessionEnd.of_report(report, behind)
                self._database.execute(
                    "INSERT OR REPLACE INTO session_ends VALUES (?, ?, 0, 1)",
                    (id_from_text(report.session), json.dumps(end.to_json())),
                )

    def untold(self, graph: str, kind: str) -> tuple[SessionEnd, ...]:
        """The newest of those that no medium tells of, in the order of their sessions: these were
        of this graph and kind, and so are the media that are to tell."""
        rows = self._database.rows(
            """SELECT e.body FROM session_ends e JOIN sessions s USING (session)
               WHERE NOT e.is_told AND s.graph_name = ? AND s.kind = ?
               ORDER BY session DESC LIMIT ?""",
            (graph, kind, ENDS_MAX),
        )
        return tuple(_end(row[0]) for row in reversed(rows))

    def told(self, ends: Iterable[SessionEnd]) -> None:
        """Media tell of these from now on."""
        self._database.execute_many(
            "UPDATE session_ends SET is_told = 1 WHERE session = ?",
            ((end.session,) for end in ends),
        )


def take_over(database: Database, record: SessionRecord) -> None:
    """What the record of a session that the catalog has taken over tells of others, and what others
    tell of it, in any order."""
    with database.transaction():
        database.execute_many(
            "INSERT OR IGNORE INTO session_ends VALUES (?, ?, 1, 0)",
            ((end.session, json.dumps(end.to_json())) for end in record.ends),
        )
        for session in (record.session, *(end.session for end in record.ends)):
            _apply(database, session)


def _apply(database: Database, session: bytes) -> None:
    """Once.  A session that this catalog has seen itself (it has a holder) stays as it is."""
    rows = database.rows(
        """SELECT e.body FROM session_ends e JOIN sessions s USING (session) WHERE session = ?
           AND NOT e.is_applied AND s.finished_ns IS NOT NULL AND s.holder = ''""",
        (session,),
    )
    for (body,) in rows:
        sessions.end_otherwise(database, _end(body))
        database.execute("UPDATE session_ends SET is_applied = 1 WHERE session = ?", (session,))


def _end(body: str) -> SessionEnd:
    return SessionEnd.from_json(json.loads(body))
