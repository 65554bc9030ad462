"""The part of the api that gives the numbers of a run to Prometheus."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.location import catalog_of
from flowbackup.errors import EXIT_FAILED, EXIT_INTERRUPTED, FlowbackupError, UsageError
from flowbackup.metrics.families import Sample
from flowbackup.metrics.measured import (
    History,
    Stalls,
    of_end,
    of_history,
    of_progress,
    of_report,
)
from flowbackup.metrics.textfile import write_textfile
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Monitor, Problem, Progress
from flowbackup.plan.decided import Plan
from flowbackup.requests import RunSettings

if TYPE_CHECKING:
    from flowbackup.runtime.engines.ray_metrics import RayMetrics

PUBLISH_SECONDS = 5.0
"""Prometheus asks every 15 s to a minute."""

Clock = Callable[[], float]


@contextmanager
def watching(
    plan: Plan, settings: RunSettings, monitor: Monitor, file: Path | None = None,
    clock: Clock = time.monotonic,
) -> Iterator[Watched]:  # fmt: skip
    """The Monitor to run a plan with, whose numbers go to `file` and, on a cluster, to Ray's
    metrics.  Tell it with `ended` how it ended.  Raises UsageError for a file whose directory is
    not there."""
    if file is not None and not file.parent.is_dir():
        raise UsageError(f"{file.parent} is no directory", remedy="make it, for --metrics")
    watched = Watched(plan, settings, monitor, file, clock)
    watched.begun()
    try:
        yield watched
    except BaseException as error:
        watched.broke_off(error)
        raise


class Watched:
    """A Monitor that hands everything on, and publishes numbers beside it.  What cannot be
    published is told once: no backup fails for it."""

    def __init__(
        self, plan: Plan, settings: RunSettings, monitor: Monitor, file: Path | None, clock: Clock
    ) -> None:  # fmt: skip
        self._plan = plan
        self._catalog = catalog_of(settings.catalog, plan.catalog)
        self._monitor = monitor
        self._file = file
        self._is_on_cluster = bool(settings.address)
        self._clock = clock
        self._began = self._next = clock()
        self._stalls = Stalls()
        self._progress = Progress("")
        self._history = History()
        self._ray: RayMetrics | None = None
        self._is_told = False

    def session_began(self, session: bytes, kind: str, subject: str) -> None:
        self._monitor.session_began(session, kind, subject)

    def message(self, text: str) -> None:
        self._monitor.message(text)

    def problem(self, problem: Problem) -> None:
        self._monitor.problem(problem)

    def progress(self, progress: Progress) -> None:
        self._monitor.progress(progress)
        self._stalls.add(progress)
        self._progress = progress
        if self._clock() >= self._next:
            self._next = self._clock() + PUBLISH_SECONDS
            self._publish(running=True)

    def begun(self) -> None:
        if self._is_wanted:
            self._history = self._look(count=False)
            self._publish(running=True)

    def ended(self, report: SessionReport) -> SessionReport:
        """Returns the report."""
        if self._is_wanted:
            worst = report.worst
            self._end(worst.outcome, worst.exit_code, *of_report(self._plan.graph, report))
        return report

    def broke_off(self, error: BaseException) -> None:
        """There is no report."""
        exit_code = EXIT_INTERRUPTED if isinstance(error, KeyboardInterrupt) else EXIT_FAILED
        if isinstance(error, FlowbackupError):
            exit_code = error.exit_code
        if self._is_wanted:
            self._end(Outcome.FAILED, exit_code)

    @property
    def _is_wanted(self) -> bool:
        return self._file is not None or self._is_on_cluster

    def _end(self, outcome: Outcome, exit_code: int, *more: Sample) -> None:
        self._history = self._look(count=True)
        seconds, now = self._clock() - self._began, time.time()
        end = of_end(self._plan.graph, outcome, exit_code, now, seconds)
        self._publish(*end, *more, running=False)

    def _publish(self, *more: Sample, running: bool) -> None:
        graph = self._plan.graph
        samples = [
            *of_history(graph, self._history, running=running),
            *of_progress(graph, self._progress, self._stalls),
            *more,
        ]
        try:
            if self._file is not None:
                write_textfile(self._file, samples)
            if self._is_on_cluster:
                self._publish_by_ray(samples)
        except OSError as error:
            if not self._is_told:
                self._monitor.message(f"metrics were not written: {error}")
            self._is_told = True

    def _publish_by_ray(self, samples: list[Sample]) -> None:
        if "ray" not in sys.modules:  # It has not been started yet.
            return
        if self._ray is None:
            from flowbackup.runtime.engines.ray_metrics import RayMetrics

            self._ray = RayMetrics()
        self._ray.publish(samples)

    def _look(self, *, count: bool) -> History:
        """What the catalog knows.  count: the copies, too, which takes a moment."""
        if not self._catalog.exists():
            return History()
        try:
            with open_catalog(self._catalog, create=False) as catalog:
                ends = [
                    row.finished_ns / 1e9
                    for row in catalog.sessions()
                    if row.graph_name == self._plan.graph
                    and row.outcome is Outcome.SUCCESS
                    and row.finished_ns is not None
                ]
                below = None
                if count:
                    names = {(item.client, item.name) for item in self._plan.objects}
                    records = (c.version.record for c in catalog.below_copies(_copies(self._plan)))
                    below = sum((record.client, record.name) in names for record in records)
                return History(max(ends, default=0.0), below)
        except FlowbackupError as error:
            self._monitor.message(f"metrics know nothing of earlier runs: {error}")
            return History()


def _copies(plan: Plan) -> int:
    """How many the graph wants of each object: what it says, or one of each required group."""
    return plan.copies or len({agent.group for agent in plan.agents if agent.required})
