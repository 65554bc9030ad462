"""All that runs: what the page has started, and the sessions of others on this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from flowbackup import api
from flowbackup.catalog.rows import SessionRow, SessionState
from flowbackup.errors import FlowbackupError
from flowbackup.model.ids import id_text
from flowbackup.ui.jobs import Job, Jobs
from flowbackup.ui.refusal import Refused
from flowbackup.ui.run_states import Listener, Stranger
from flowbackup.ui.values.runs import RunEvent, RunRow, RunState

STRANGERS_MAX = 64


class Runs:
    """By the id of a job, or of a session; catalog: of the sessions of others."""

    def __init__(self, jobs: Jobs, catalog: Path, clock: Callable[[], float] = time.monotonic):
        self.jobs = jobs
        self._catalog = catalog
        self._clock = clock
        self._listener = Listener(jobs)
        self._sessions: dict[str, str] = {}
        self._strangers: dict[str, Stranger] = {}

    def rows(self) -> Iterator[RunRow]:
        """Those of others that run, then those of the page, newest first."""
        jobs = self.jobs.all()
        ours = {self.session_of(job) for job in jobs if not self.jobs.is_over(job)}
        for row in self._running():
            if id_text(row.session) not in ours:
                yield RunRow(**_head(row))
        for job in jobs:
            yield self._listener.row(job, self._sessions.get(job.job))

    def rows_of(self, kind: str) -> Iterator[RunRow]:
        """Those of the page of one kind, newest first."""
        jobs = (job for job in self.jobs.all() if job.kind == kind)
        return (self._listener.row(job, self._sessions.get(job.job)) for job in jobs)

    def state(self, run: str) -> RunState:
        """Raises Refused, FlowbackupError."""
        job = self._job(run)
        if job is not None:
            return self._listener.state(job, self.session_of(job))
        row = self._session(run)
        event = self._event_of(row)
        return RunState(
            **event.model_dump(exclude={"progress", "message", "problems_total"}),
            progress=event.progress, command="", problems=[], problems_total=event.problems_total,
            messages=[], rows=[], summary=None, error=None,
        )  # fmt: skip

    def reader(self, run: str) -> Callable[[], RunEvent]:
        """What gives the newest event of it, as often as it is called.  Raises Refused."""
        job = self._job(run)
        if job is not None:
            return partial(self._event_of_job, job)
        self._session(run)
        return lambda: self._event_of(self._session(run))

    def session_of(self, job: Job) -> str | None:
        """The session that a job of the page runs; None before it is begun, and of what is none."""
        known = self._sessions.get(job.job)
        if known is not None:
            return known
        process = self.jobs.process(job)
        summary = self._listener.said(job).summary
        if summary is not None:
            found = summary.get("session")
        elif process is None or self.jobs.is_over(job):
            return None
        else:
            found = _session_by(process.pid, Path(job.catalog))
        if found:
            self._sessions[job.job] = str(found)
        return found

    def place_of(self, run: str) -> tuple[str, Path]:
        """The session, and the catalog that has it.  Raises Refused while there is none."""
        job = self._job(run)
        if job is None:
            return id_text(self._session(run).session), self._catalog
        session = self.session_of(job)
        if session is None or self.jobs.is_over(job):
            raise Refused(409, "ended", "no session of it runs at this moment")
        return session, Path(job.catalog)

    def command_of(self, session: str) -> str:
        """The command line with which the page has started a session; "" for that of another."""
        jobs = (job for job in self.jobs.all() if self.session_of(job) == session)
        return next((job.command for job in jobs), "")

    def cancel(self, run: str, *, now: bool) -> None:
        """In order, as Ctrl-C does."""
        job = self._job(run)
        if job is not None:
            self.jobs.end(job, now=now)
            return
        session, catalog = self.place_of(run)
        api.change_session(session, "cancel", catalog, now=now)

    def _job(self, run: str) -> Job | None:
        try:
            return self.jobs.find(run)
        except Refused:
            pass
        named = (job for job in self.jobs.all() if self._sessions.get(job.job) == run)
        return next(named, None)

    def _session(self, run: str) -> SessionRow:
        return session_named(run, self._catalog, "run")

    def _running(self) -> list[SessionRow]:
        if not self._catalog.exists():
            return []
        return [r for r in api.sessions(self._catalog) if r.state is SessionState.RUNNING]

    def _event_of_job(self, job: Job) -> RunEvent:
        return self._listener.event(job, self.session_of(job))

    def _event_of(self, row: SessionRow) -> RunEvent:
        """Of a session that the page has not started."""
        progress, message = None, ""
        if row.state is SessionState.RUNNING:
            name = id_text(row.session)
            if len(self._strangers) >= STRANGERS_MAX:
                self._strangers.clear()
            stranger = self._strangers.setdefault(name, Stranger(self._clock))
            try:
                (status,) = api.status(name, self._catalog)
                progress = stranger.progress(status)
            except FlowbackupError as error:
                message = str(error)  # It has just ended, or does not answer.
        return RunEvent(
            **_head(row), progress=progress, problems_total=len(row.problems), message=message
        )


def session_named(name: str, catalog: Path, asked: str) -> SessionRow:
    """By its whole id.  asked: what for, in a word.  Raises Refused."""
    for row in api.sessions(catalog) if catalog.exists() else []:
        if id_text(row.session) == name:
            return row
    raise Refused(404, "notfound", f"there is no {asked} {name}")


def _head(row: SessionRow) -> Mapping[str, Any]:
    is_running = row.state is SessionState.RUNNING
    lost = row.state is SessionState.INTERRUPTED
    name = id_text(row.session)
    return {
        "id": name, "kind": row.kind, "title": row.graph_name or row.kind, "session": name,
        "graph": "", "state": "running" if is_running else ("lost" if lost else "ended"),
        "outcome": row.outcome.value if row.outcome else (None if is_running else "failed"),
        "exit_code": row.exit_code, "started_ns": str(row.started_ns), "by_page": False,
    }  # fmt: skip


def _session_by(pid: int, catalog: Path) -> str | None:
    """The session that a process runs."""
    if not catalog.exists():
        return None
    for row in api.sessions(catalog):
        if row.state is SessionState.RUNNING and _pid(row.holder) == pid:
            return id_text(row.session)
    return None


def _pid(holder: str) -> int | None:
    try:
        value = json.loads(holder)
    except ValueError:
        return None
    return value.get("pid") if isinstance(value, dict) else None
