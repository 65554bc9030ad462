"""The room that a run or a copy makes by itself: before it writes, and when it has copied."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DeviceLockedError, FlowbackupError
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem
from flowbackup.plan.decided import Plan, StagingPlan
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.engines.port import Engine
from flowbackup.runtime.freeing.far import cluster_reach
from flowbackup.runtime.freeing.session import KIND, FreeSession, media_on
from flowbackup.runtime.freeing.turn import NS_PER_SECOND


class Room:
    """What is freed on the staging devices of a plan beside its sessions.

    A session of its own runs where something may go as far as the catalog knows, and else none: who
    looks at the list of sessions finds those that did something.
    """

    def __init__(
        self, plan: Plan, catalog: Catalog, monitor: Monitor, engine: Engine, cancel: Cancel
    ) -> None:  # fmt: skip
        self._plan = plan
        self._catalog = catalog
        self._monitor = monitor
        self._engine = engine
        self._cancel = cancel
        self._reports: list[SessionReport] = []

    def make(self) -> None:
        """Frees what may go.  Never raises for a device: that is reported."""
        policies = [p for p in self._plan.staging if _may_have_work(self._catalog, p)]
        if not policies:
            return
        session = FreeSession(
            self._catalog, policies, self._plan.graph, self._monitor, cancel=self._cancel,
            is_asked=False,
        )  # fmt: skip
        try:
            with cluster_reach(self._plan, self._engine) as reach, self._cancel.interruptible(2):
                report = session.run(self._engine.name, reach)
        except DeviceLockedError as error:
            self._monitor.message(f"no room is made now: {error.message}")
            return
        except FlowbackupError as error:
            report = self._failed(error)
        if report.outcome is not Outcome.SUCCESS or any(f.segments for f in report.freed):
            self._reports.append(report)

    def report(self, first: SessionReport, stages: Iterable[SessionReport]) -> SessionReport:
        """Makes room once more, unless the user has ended what came before, and returns the report
        of the whole command: what was freed are stages of it."""
        before = tuple(self._reports)
        self._reports.clear()
        others = (*stages,)
        if not self._cancel.is_told:
            self.make()
        return replace(first, stages=(*before, *others, *self._reports))

    def _failed(self, error: FlowbackupError) -> SessionReport:
        """It did not even begin, and what was or will be backed up is none the worse for it."""
        return SessionReport(
            session="", kind=KIND, graph=self._plan.graph, outcome=Outcome.FAILED,
            exit_code=error.exit_code, engine=self._engine.name, duration_seconds=0.0,
            start_seconds=0.0, files=0, bytes_source=0, bytes_read=0, bytes_new=0,
            problems=(Problem("device_failed", str(error)),),
        )  # fmt: skip


def _may_have_work(catalog: Catalog, policy: StagingPlan) -> bool:
    before_ns = time.time_ns() - policy.keep_seconds * NS_PER_SECOND
    return any(
        standing.keep is None
        for info in media_on(catalog, policy)
        for standing in catalog.standings(info.medium, policy.copies, before_ns)
    )
