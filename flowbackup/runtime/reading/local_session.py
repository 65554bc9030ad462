"""Sessions that run in the process of the command: restore and verify.  They are recorded in the
catalog like any other, from start to outcome."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from dataclasses import replace

from flowbackup.catalog.catalog import Catalog
from flowbackup.catalog.holder import holder_text
from flowbackup.errors import EXIT_FAILED, EXIT_INCOMPLETE_SOURCE, EXIT_SUCCESS
from flowbackup.model.ids import id_text, new_id
from flowbackup.model.report import DeviceReport, Explanation, ObjectReport, Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem
from flowbackup.runtime.beginning import Beginning
from flowbackup.runtime.cancel import Cancel

ENGINE = "local"
_EXIT_CODES = {
    Outcome.SUCCESS: EXIT_SUCCESS,
    Outcome.INCOMPLETE: EXIT_INCOMPLETE_SOURCE,
    Outcome.FAILED: EXIT_FAILED,
}


class LocalSession:
    """One such session.  It is a Monitor that keeps problems for the report and hands all on."""

    def __init__(
        self, catalog: Catalog, kind: str, subject: str, monitor: Monitor, engine: str = ENGINE, *,
        cancel: Cancel | None = None, is_recorded: bool = True,
    ) -> None:  # fmt: skip
        """subject: what it is about, in the place where a backup session has its graph's name.
        engine: what runs those parts of it that are not in this process.  cancel: ends it.
        is_recorded: the catalog is told; the report of another one names no session."""
        self.session = new_id()
        self.cancel = cancel or Cancel()
        self.progress = monitor.progress
        self.message = monitor.message
        self.session_began = monitor.session_began
        self._catalog = catalog
        self._kind = kind
        self._subject = subject
        self._engine = engine
        self._monitor = monitor
        self._problems: list[Problem] = []
        self._is_recorded = is_recorded
        self.beginning = Beginning()
        if is_recorded:
            catalog.begin_session(
                self.session, kind, subject, "", socket.gethostname(),
                self.beginning.started_ns, holder_text(),
            )  # fmt: skip
            monitor.session_began(self.session, kind, subject)

    def problem(self, problem: Problem) -> None:
        """See Monitor."""
        self._problems.append(problem)
        self._monitor.problem(problem)

    def finish(
        self, outcome: Outcome, *, files: int = 0, bytes_source: int = 0, bytes_read: int = 0,
        objects: Iterable[ObjectReport] = (), devices: Iterable[DeviceReport] = (),
        explanation: Explanation | None = None,
    ) -> SessionReport:  # fmt: skip
        """Records the end and returns the report."""
        return self.end(
            replace(
                self.report(outcome), files=files, bytes_source=bytes_source,
                bytes_read=bytes_read, objects=tuple(objects), devices=tuple(devices),
                explanation=explanation,
            )
        )  # fmt: skip

    def report(self, outcome: Outcome) -> SessionReport:
        """What this knows of itself; the caller fills in the rest."""
        return SessionReport(
            session=id_text(self.session) if self._is_recorded else "", kind=self._kind,
            graph=self._subject, outcome=outcome,
            exit_code=_EXIT_CODES[outcome], engine=self._engine,
            duration_seconds=self.beginning.seconds(), start_seconds=0.0,
            files=0, bytes_source=0, bytes_read=0, bytes_new=0, problems=tuple(self._problems),
        )  # fmt: skip

    def end(self, report: SessionReport) -> SessionReport:
        """Records this as the end."""
        if self._is_recorded:
            self._catalog.end_session(report, time.time_ns())
        return report
