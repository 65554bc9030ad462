"""Running sessions of this machine, found by their ids in the catalog."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.holder import channel_of
from flowbackup.catalog.rows import SessionRow, SessionState
from flowbackup.errors import FlowbackupError, NotFoundError, UsageError
from flowbackup.model.ids import id_text
from flowbackup.runtime.control.caller import call
from flowbackup.runtime.control.message import Message

STATUS_SECONDS_MAX = 10.0
CHANGE_SECONDS_MAX = 310.0
"""A little more than the session itself gives a change, so that its own words are heard."""


def running(catalog: Catalog) -> list[SessionRow]:
    """Newest first."""
    return [row for row in catalog.sessions() if row.state is SessionState.RUNNING]


def states(catalog: Catalog) -> list[Message]:
    """Of all that run; of one that does not answer who it is and why not (`fault`)."""
    return [_state(row) for row in running(catalog)]


def _state(row: SessionRow) -> Message:
    try:
        return ask(row, "status", {})
    except FlowbackupError as error:
        name = id_text(row.session)
        known = {"session": name, "kind": row.kind, "graph": row.graph_name, "host": row.host}
        return {**known, "fault": str(error)}


def ask_session(
    catalog: Catalog, query: str, verb: str, arguments: Mapping[str, object]
) -> Message:  # fmt: skip
    """query: the beginning of an id, or "latest" for the newest that runs.  Raises NotFoundError,
    UsageError for one that does not run here, and what the session answers."""
    return ask(_found(catalog, query), verb, arguments)


def ask(row: SessionRow, verb: str, arguments: Mapping[str, object]) -> Message:
    """Raises UsageError for a session that cannot be reached from here."""
    name = id_text(row.session)
    if row.host != socket.gethostname():
        raise UsageError(
            f"session {name} runs on {row.host}",
            remedy="run the command there; on the head of a cluster `ray job submit` does",
        )
    path = channel_of(row.holder)
    if not path:
        raise UsageError(
            f"session {name} has no control channel", remedy="its first messages say why"
        )
    is_question = verb == "status"
    return call(path, verb, arguments, STATUS_SECONDS_MAX if is_question else CHANGE_SECONDS_MAX)


def _found(catalog: Catalog, query: str) -> SessionRow:
    rows = running(catalog)
    if query == "latest":
        if not rows:
            raise NotFoundError("no session runs", remedy="`flowbackup sessions` lists all")
        return rows[0]
    row = catalog.session(query)
    if row.state is not SessionState.RUNNING:
        names = ", ".join(id_text(r.session) for r in rows) or "none"
        raise UsageError(
            f"session {id_text(row.session)} does not run any more: {row.state.value}",
            remedy=f"running: {names}",
        )
    return row
