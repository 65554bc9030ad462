"""Sessions: begun, ended, listed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

from flowbackup.catalog.database import Database, Row
from flowbackup.catalog.holder import holder_is_dead
from flowbackup.catalog.rows import SessionRow, SessionState, VerificationRow
from flowbackup.errors import CatalogError, NotFoundError, UsageError
from flowbackup.model.ids import id_from_text, id_text
from flowbackup.model.record import SessionRecord
from flowbackup.model.report import DeviceReport, Outcome, SessionReport
from flowbackup.model.session_end import SessionEnd
from flowbackup.monitor import Problem
from flowbackup.units import format_path

_COLUMNS = """session, kind, graph_name, graph_text, host, holder, started_ns, finished_ns,
    outcome, exit_code, engine, duration_seconds, start_seconds, files, bytes_source, bytes_read,
    bytes_new"""
_TAKEN_OVER = ", ".join(
    f"{name} = excluded.{name}" for name in _COLUMNS.replace(",", "").split() if name != "holder"
)


def insert(
    database: Database,
    session: bytes,
    kind: str,
    graph_name: str,
    graph_text: str,
    host: str,
    started_ns: int,
    holder: str,
    tags: Sequence[str] = (),
) -> None:
    """Raises CatalogError for a session that is there already."""
    with database.transaction(durable=True):
        database.execute(
            """INSERT INTO sessions
               (session, kind, graph_name, graph_text, host, started_ns, holder, tags)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                session,
                kind,
                graph_name,
                graph_text,
                host,
                started_ns,
                holder,
                json.dumps([*tags]),
            ),
        )


def insert_record(database: Database, record: SessionRecord) -> None:
    """A session as a medium tells of it.  One whose end is known stays as it is: the catalog heard
    of the end of its segments, too.  One that has none here gets the end that the medium knows."""
    with database.transaction():
        if database.rows(
            "SELECT 1 FROM sessions WHERE session = ? AND finished_ns IS NOT NULL",
            (record.session,),
        ):
            return
        database.execute(
            f"""INSERT INTO sessions ({_COLUMNS})
                VALUES (?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (session) DO UPDATE SET {_TAKEN_OVER}""",
            (
                record.session,
                record.kind,
                record.graph_name,
                record.graph,
                record.host,
                record.started_ns,
                record.finished_ns,
                record.outcome,
                record.exit_code,
                record.engine,
                record.duration_seconds,
                record.start_seconds,
                record.files,
                record.bytes_source,
                record.bytes_read,
                record.bytes_new,
            ),
        )
        database.execute(
            "UPDATE sessions SET tags = ? WHERE session = ?",
            (json.dumps([*record.tags]), record.session),
        )
        _insert_devices(database, record.session, record.devices)
        _insert_problems(database, record.session, _with_rest(record))


def insert_interrupted(database: Database, session: bytes, started_ns: int) -> None:
    """A session of which media have frames and no record; whoever began it, nobody holds it."""
    database.execute(
        """INSERT OR IGNORE INTO sessions
           (session, kind, graph_name, graph_text, host, started_ns, holder)
           VALUES (?, 'backup', '', '', '', ?, '')""",
        (session, started_ns),
    )


def _with_rest(record: SessionRecord) -> tuple[Problem, ...]:
    if not record.problems_left_out:
        return record.problems
    rest = f"{record.problems_left_out} more, of which the media of the session do not tell"
    return (*record.problems, Problem("left_out", rest))


def finish(database: Database, report: SessionReport, finished_ns: int) -> None:
    """Records the end with everything of the report but the objects, which are versions."""
    session = id_from_text(report.session)
    with database.transaction(durable=True):
        changed = database.execute(
            """UPDATE sessions SET finished_ns = ?, outcome = ?, exit_code = ?, engine = ?,
               duration_seconds = ?, start_seconds = ?, files = ?, bytes_source = ?,
               bytes_read = ?, bytes_new = ? WHERE session = ? AND finished_ns IS NULL""",
            (
                finished_ns,
                report.outcome.value,
                report.exit_code,
                report.engine,
                report.duration_seconds,
                report.start_seconds,
                report.files,
                report.bytes_source,
                report.bytes_read,
                report.bytes_new,
                session,
            ),
        )
        if not changed:
            raise CatalogError(f"session {report.session} is not there or has ended already")
        _insert_devices(database, session, report.devices)
        _insert_problems(database, session, report.problems)


def amend(database: Database, report: SessionReport) -> bool:
    """Changes how it ended, as far as that can change behind its end.  False for one that has not
    ended."""
    session = id_from_text(report.session)
    with database.transaction(durable=True):
        changed = database.execute(
            "UPDATE sessions SET outcome = ?, exit_code = ?"
            " WHERE session = ? AND finished_ns IS NOT NULL",
            (report.outcome.value, report.exit_code, session),
        )
        if changed:
            database.execute("DELETE FROM problems WHERE session = ?", (session,))
            _insert_problems(database, session, report.problems)
        return bool(changed)


def end_otherwise(database: Database, end: SessionEnd) -> None:
    """As `amend`, from what media tell: these problems come behind those that are known."""
    with database.transaction():
        database.execute(
            "UPDATE sessions SET outcome = ?, exit_code = ? WHERE session = ?",
            (end.outcome, end.exit_code, end.session),
        )
        (first,) = database.one(
            "SELECT coalesce(max(ordinal) + 1, 0) FROM problems WHERE session = ?", (end.session,)
        )
        _insert_problems(database, end.session, end.problems, first)


def _insert_devices(database: Database, session: bytes, devices: Iterable[DeviceReport]) -> None:
    database.execute_many(
        "INSERT INTO session_devices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                session,
                place,
                d.name,
                d.agent,
                d.role,
                d.level,
                d.node,
                d.state,
                d.bytes_written,
                d.frames,
                d.syncs,
                id_from_text(d.medium) if d.medium else None,
                int(d.required),
                json.dumps(d.streams) if d.streams else None,
            )
            for place, d in enumerate(devices)
        ),
    )


def _insert_problems(
    database: Database, session: bytes, problems: Iterable[Problem], first: int = 0
) -> None:
    database.execute_many(
        "INSERT INTO problems VALUES (?, ?, ?, ?, ?, ?)",
        (
            # A text may name a path whose bytes are no UTF-8, which sqlite refuses.
            (session, place, p.kind, format_path(os.fsencode(p.text)), p.path, p.device)
            for place, p in enumerate(problems, first)
        ),
    )


def tags(database: Database) -> dict[bytes, tuple[str, ...]]:
    """Of the sessions that have any."""
    rows = database.rows("SELECT session, tags FROM sessions WHERE tags <> '[]'")
    return {row[0]: tuple(json.loads(row[1])) for row in rows}


def listed(database: Database) -> list[SessionRow]:
    """All of them, newest first."""
    return [_whole(database, row) for row in heads(database)]


def heads(database: Database) -> list[SessionRow]:
    """As `listed`, without devices and problems, which cost more than all the rest."""
    rows = database.rows(f"SELECT {_COLUMNS} FROM sessions ORDER BY started_ns DESC, session DESC")
    return [_row(row) for row in rows]


def found(database: Database, query: str) -> SessionRow:
    """The one that `query` names: "latest" or the first characters of its id.  Raises
    NotFoundError, UsageError for a prefix of several."""
    where, values = id_range("session", query)
    if query == "latest":
        where = "true ORDER BY started_ns DESC, session DESC LIMIT 1"
    rows = database.rows(f"SELECT {_COLUMNS} FROM sessions WHERE {where}", values)
    if not rows:
        raise NotFoundError(
            f'there is no session "{query}"', remedy="`flowbackup sessions` lists them"
        )
    if len(rows) > 1:
        names = ", ".join(id_text(row[0]) for row in rows[:5])
        raise UsageError(f'"{query}" begins the ids of {len(rows)} sessions: {names}')
    return _whole(database, _row(rows[0]))


def id_range(column: str, prefix: str) -> tuple[str, tuple[bytes, ...]]:
    """A condition for ids whose text begins with `prefix`, and its values; one that is never true
    for text that begins no id."""
    digits = prefix.replace("-", "").lower()
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        return "false", ()
    low, high = (bytes.fromhex(digits.ljust(32, fill)) for fill in "0f")
    return f"{column} BETWEEN ? AND ?", (low, high)


def insert_verification(database: Database, row: VerificationRow) -> None:
    database.execute(
        """INSERT OR REPLACE INTO verifications
           SELECT ?, medium, ?, ?, ?, ?, ?, ? FROM media WHERE id = ?""",
        (
            row.session,
            row.started_ns,
            row.finished_ns,
            row.frames,
            row.bytes_read,
            row.bytes_total,
            row.damaged,
            row.medium,
        ),
    )


def verifications(database: Database, medium: bytes) -> list[VerificationRow]:
    """Of one medium, newest first."""
    rows = database.rows(
        """SELECT v.session, m.id, v.started_ns, v.finished_ns, v.frames, v.bytes_read,
             v.bytes_total, v.damaged
           FROM verifications v JOIN media m USING (medium) WHERE m.id = ?
           ORDER BY v.started_ns DESC""",
        (medium,),
    )
    return [VerificationRow(*row) for row in rows]


def _devices(database: Database, session: bytes) -> tuple[DeviceReport, ...]:
    rows = database.rows(
        """SELECT name, agent, role, level, node, state, bytes_written, frames, syncs, medium,
             required, streams
           FROM session_devices WHERE session = ? ORDER BY ordinal""",
        (session,),
    )
    return tuple(_device(row) for row in rows)


def _device(row: Row) -> DeviceReport:
    medium, required, streams = row[9:]
    values: Row = (
        *row[:9],
        id_text(medium) if medium else "",
        bool(required),
        tuple(json.loads(streams or "[]")),
    )
    return DeviceReport(*values)


def _problems(database: Database, session: bytes) -> tuple[Problem, ...]:
    rows = database.rows(
        "SELECT kind, text, path, device FROM problems WHERE session = ? ORDER BY ordinal",
        (session,),
    )
    return tuple(Problem(*row) for row in rows)


def _whole(database: Database, head: SessionRow) -> SessionRow:
    devices, problems = _devices(database, head.session), _problems(database, head.session)
    return replace(head, devices=devices, problems=problems)


def _row(row: Row) -> SessionRow:
    holder, finished_ns, outcome = row[5], row[7], row[8]
    if finished_ns is not None:
        state = SessionState.FINISHED
    else:
        # No holder: only media tell of it, and they do not tell of its end.
        dead = not holder or holder_is_dead(holder)
        state = SessionState.INTERRUPTED if dead else SessionState.RUNNING
    ended = None if outcome is None else Outcome(outcome)
    values: Row = (*row[:7], state, finished_ns, ended, *row[9:])
    return SessionRow(*values)
