"""Routes of what was: how each object stands, and the sessions with their reports."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Query

from flowbackup import api
from flowbackup.api import rows as published
from flowbackup.api.scheduling import next_runs
from flowbackup.catalog.rows import SessionRow as KnownSession
from flowbackup.catalog.unfinished import GOING_ON
from flowbackup.model.ids import id_text
from flowbackup.model.published import device_fields, problem_fields
from flowbackup.model.report import Outcome
from flowbackup.ui.pages import LIMIT_MAX, page_of
from flowbackup.ui.places import version_id
from flowbackup.ui.runs import Runs, session_named
from flowbackup.ui.values.past import Home, HomeRow, SessionDetail, SessionRow, SessionRows
from flowbackup.ui.values.shape import JsonObject

Light = Literal["success", "unverified", "incomplete", "failed", "never"]
COMMANDS = {"backup": "run", "copy": "copy", "rebuild": "rebuild"}
"""Kinds of sessions that are not called as the command that runs them."""
ABOUT_GRAPHS = ("backup", "copy", "free")


def past_routes(catalog: Path, runs: Runs) -> APIRouter:
    """All of them only look."""
    router = APIRouter()

    @router.get("/api/home")
    def show_home() -> Home:
        due = next_runs()
        rows = [_home_row(standing, due) for standing in api.standings(catalog)]
        return Home(rows=rows, interrupted=_interrupted(catalog))

    @router.get("/api/sessions")
    def list_sessions(
        after: str = "", limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_MAX
    ) -> SessionRows:
        known = api.sessions(catalog) if catalog.exists() else []
        rows, following = page_of(known, after, limit)
        return SessionRows(rows=[_session(row) for row in rows], next=following)

    @router.get("/api/sessions/{session}")
    def show_session(session: str) -> SessionDetail:
        row = session_named(version_id(session), catalog, "session")
        name = id_text(row.session)
        return SessionDetail(
            row=_session(row),
            devices=[cast(JsonObject, device_fields(device)) for device in row.devices],
            problems=[cast(JsonObject, problem_fields(item)) for item in row.problems],
            versions=api.versions_of_session(name, catalog), graph_text=row.graph_text,
            command=runs.command_of(name) or _command(row),
        )  # fmt: skip

    return router


def _session(row: KnownSession) -> SessionRow:
    return SessionRow.model_validate(published.session_fields(row))


def _command(row: KnownSession) -> str:
    """As far as the catalog knows: not where the graph file is, nor which options were given."""
    words = ["flowbackup", COMMANDS.get(row.kind, row.kind)]
    if row.kind in ABOUT_GRAPHS and row.graph_name:
        words.append(f"{row.graph_name}.yaml")
    return shlex.join(words)


def _interrupted(catalog: Path) -> str:
    for row in api.interrupted(catalog)[:1]:
        return f"{row.kind} {row} was interrupted; {GOING_ON[row.kind]}"
    return ""


def _home_row(standing: api.Standing, due: Mapping[str, int]) -> HomeRow:
    record = standing.latest.record
    light, why = light_of(standing)
    times: dict[str, Any] = {
        "last_good_ns": standing.good and standing.good.record.finished_ns,
        "last_verified_ns": standing.verified_ns or None,
        "next_run_ns": due.get(standing.graph),
    }
    return HomeRow(
        client=record.client, object=record.name, light=light, why=why,
        copies_durable=standing.copies, copies_wanted=standing.wanted,
        bytes=record.bytes_source, object_id=id_text(record.object_id), **times,
    )  # fmt: skip


def light_of(standing: api.Standing) -> tuple[Light, str]:
    """Its light and the reason.  Incomplete is never green."""
    record = standing.latest.record
    if standing.failed is not None:
        return "failed", f"{standing.failed} did not end well"
    if standing.good is None and record.outcome != Outcome.SUCCESS:
        return "incomplete", "no version of it is whole"
    if record.outcome != Outcome.SUCCESS:
        return "incomplete", f"{record.problems} of its files were not saved as they are"
    if standing.wanted is not None and standing.copies < standing.wanted:
        return "incomplete", f"it has {standing.copies} of {standing.wanted} copies"
    if not standing.copies:
        return "incomplete", "no medium has all of it"
    if not standing.verified_ns:
        return "unverified", "its copies were not verified yet"
    return "success", "it has all copies, and they were verified"
