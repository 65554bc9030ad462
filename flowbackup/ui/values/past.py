"""Of what was: the lights of the first screen, and sessions with their reports."""

from __future__ import annotations

from typing import Literal

from flowbackup.ui.values.look import Nanoseconds
from flowbackup.ui.values.shape import JsonObject, Told


class HomeRow(Told):
    """One data object.  light: success (all copies, all of them verified once), unverified (all
    copies), incomplete (a copy or a part is missing), failed (its last session did), never.
    copies_wanted: what the graph of its newest version says, null where that cannot be told.
    next_run_ns: null where no timer is known."""

    client: str
    object: str
    light: Literal["success", "unverified", "incomplete", "failed", "never"]
    why: str
    last_good_ns: Nanoseconds | None
    last_verified_ns: Nanoseconds | None
    copies_durable: int
    copies_wanted: int | None
    next_run_ns: Nanoseconds | None
    bytes: int
    object_id: str


class Home(Told):
    """interrupted: what the last interrupted session was, and how to go on; "" for none."""

    rows: list[HomeRow]
    interrupted: str


class SessionRow(Told):
    """state: finished, running or interrupted."""

    session: str
    kind: str
    graph: str
    host: str
    state: str
    started_ns: Nanoseconds
    finished_ns: Nanoseconds | None
    outcome: str | None
    exit_code: int | None
    engine: str
    duration_seconds: float
    files: int
    bytes_source: int
    bytes_read: int
    bytes_new: int
    problems: int
    copied_from: list[str]


class SessionRows(Told):
    rows: list[SessionRow]
    next: str | None


class SessionDetail(Told):
    """devices, problems: as in a summary of `--json`.  graph_text: what it ran.  command: the
    command line that does the same."""

    row: SessionRow
    devices: list[JsonObject]
    problems: list[JsonObject]
    versions: list[str]
    graph_text: str
    command: str
