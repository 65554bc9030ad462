"""A run of a plan as people, programs and Prometheus see it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flowbackup import api
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary
from flowbackup.model.report import SessionReport
from flowbackup.monitor import Monitor
from flowbackup.plan.decided import Plan


def run_watched(
    plan: Plan, settings: api.RunSettings, output: Output, metrics: Path | None,
    run: Callable[[Monitor], SessionReport], *, profile: bool = False,
) -> int:  # fmt: skip
    """Returns the exit code.  metrics: a file for them, or None.  profile: see show_summary."""
    with (
        show_progress(output) as monitor,
        api.watching(plan, settings, monitor, metrics) as watched,
    ):
        report = watched.ended(run(watched))
    return show_summary(report, output, profile=profile)
