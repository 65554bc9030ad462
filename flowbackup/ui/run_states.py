"""What is shown of a run: of one that the page has started, from what its keeper wrote; of another,
from what its session says of itself.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowbackup.api.moment import progress_fields
from flowbackup.api.rates import RateMeter
from flowbackup.api.told import told_progress
from flowbackup.ui.jobs import Job, Jobs, read_object
from flowbackup.ui.keeper import END, PROGRESS, ROWS
from flowbackup.ui.values.runs import RunEdge, RunEvent, RunProblem, RunProgress, RunRow, RunState
from flowbackup.units import format_path, one_line

PROBLEMS_SHOWN = 200
MESSAGES_SHOWN = 50
ROWS_SHOWN = 1000
HEARD_MAX = 256
LINE_BYTES_SHOWN = 1000
LOST_EXIT_CODE = 1
RATE_SECONDS = 3.0
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What a command has said so far, but for its progress; bounded."""

    problems: tuple[RunProblem, ...] = ()
    problems_total: int = 0
    messages: tuple[str, ...] = ()
    rows: tuple[dict[str, Any], ...] = ()
    summary: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


NOTHING = Said()


class Listener:
    """Reads what keepers have written, again only when there is more of it."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._heard: dict[str, tuple[int, Said]] = {}

    def said(self, job: Job) -> Said:
        """Up to the last whole line."""
        path = self._jobs.folder(job) / ROWS
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return NOTHING
        known = self._heard.get(job.job)
        if known is None or known[0] != size:
            if len(self._heard) >= HEARD_MAX:
                self._heard.clear()
            known = self._heard[job.job] = size, _summed(rows_of(path))
        return known[1]

    def row(self, job: Job, session: str | None = None) -> RunRow:
        """For a list."""
        return RunRow(**self._head(job, session))

    def event(self, job: Job, session: str | None = None) -> RunEvent:
        """What changes from moment to moment."""
        said = self.said(job)
        return RunEvent(
            **self._head(job, session), progress=self.progress(job),
            problems_total=said.problems_total, message=next(reversed(self._messages(job)), ""),
        )  # fmt: skip

    def state(self, job: Job, session: str | None = None) -> RunState:
        """Everything that there is to see of it now."""
        said = self.said(job)
        return RunState(
            **self._head(job, session), command=job.command, progress=self.progress(job),
            problems=list(said.problems), problems_total=said.problems_total,
            messages=self._messages(job), rows=list(said.rows), summary=said.summary,
            error=said.error,
        )  # fmt: skip

    def progress(self, job: Job) -> RunProgress | None:
        """The last that was told."""
        row = read_object(self._jobs.folder(job) / PROGRESS)
        try:
            return progress_of_row(row)
        except (LookupError, TypeError, ValueError, AttributeError):
            return None  # Nothing was told yet, or by a command of another version.

    def _messages(self, job: Job) -> list[str]:
        left_out = read_object(self._jobs.folder(job) / END).get("left_out")
        return [*self.said(job).messages, *([_left_out(left_out)] if left_out else [])]

    def _head(self, job: Job, session: str | None) -> dict[str, Any]:
        is_over = self._jobs.is_over(job)
        end = read_object(self._jobs.folder(job) / END)
        state = "ended" if end else ("lost" if is_over else "running")
        said = self.said(job)
        told: Json = said.summary or said.error or {}
        code = told.get("exit_code", end.get("exit_code"))
        return {
            "id": job.job, "kind": job.kind, "title": job.title,
            "session": told.get("session") or session, "graph": job.graph, "state": state,
            "outcome": told.get("outcome") or ("failed" if state != "running" else None),
            "exit_code": LOST_EXIT_CODE if state == "lost" else code,
            "started_ns": str(job.started_ns), "by_page": True,
        }  # fmt: skip


def rows_of(path: Path) -> Iterator[dict[str, Any]]:
    """Whole lines only: the last one may be on its way.  What is no row is a message: something
    else than the command has written it."""
    with open(path, "rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield _row(line)


def _row(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    return {"type": "message", "text": one_line(format_path(line.strip()[:LINE_BYTES_SHOWN]))}


def _left_out(rows: object) -> str:
    return f"{rows} lines of it were not kept: the disk is full, or they were too many"


def _summed(said: Iterable[dict[str, Any]]) -> Said:
    problems: list[RunProblem] = []
    messages: deque[str] = deque(maxlen=MESSAGES_SHOWN)
    rows: list[dict[str, Any]] = []
    last: dict[str, dict[str, Any]] = {}
    count = 0
    for row in said:
        match row.get("type"):
            case "problem":
                count += 1
                if len(problems) < PROBLEMS_SHOWN:
                    problems.append(_problem(row))
            case "message":
                messages.append(str(row.get("text", "")))
            case "left_out":
                messages.append(_left_out(row.get("rows")))
            case "summary" | "error" as kind:
                last[kind] = row
            case _ if len(rows) < ROWS_SHOWN:
                rows.append(row)
    return Said(
        tuple(problems), count, tuple(messages), tuple(rows), last.get("summary"),
        last.get("error"),
    )  # fmt: skip


def progress_of_row(row: Json) -> RunProgress:
    """Of a line of `--json`."""
    return RunProgress(
        stage=row["stage"], files=row["files"], files_total=row["files_total"],
        bytes_read=row["bytes_read"], bytes_total=row["bytes_total"],
        rate=row["bytes_per_second"],
        edges=[
            RunEdge(
                **_ends(edge["name"]), level=edge["level"], rate=edge["bytes_per_second"],
                bytes_moved=edge["bytes_moved"], bytes_durable=edge["bytes_durable"],
                slots_used=edge["slots_used"], slots=edge["slots"], state=edge["state"],
                waiting_for=edge["waiting_for"], waiting_seconds=edge["waiting_seconds"],
            )
            for edge in row["edges"]
        ],
    )  # fmt: skip


def _ends(name: str) -> dict[str, str]:
    """An edge is called "source -> target"; what is only read as its device."""
    source, arrow, target = name.partition(" -> ")
    return {"name": name, "source": source if arrow else "", "target": target or source}


def _problem(row: Json) -> RunProblem:
    return RunProblem(
        kind=str(row.get("kind", "")), text=str(row.get("text", "")),
        path=str(row.get("path", "")), device=str(row.get("device", "")),
    )  # fmt: skip


class Stranger:
    """A session that somebody else has started, as it tells of itself."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._meter = RateMeter(clock(), RATE_SECONDS)

    def progress(self, status: Json) -> RunProgress:
        """Raises ProtocolError for a session of another version."""
        progress = told_progress(status)
        rates = self._meter.rates(progress, self._clock())
        return progress_of_row(progress_fields(progress, rates))
