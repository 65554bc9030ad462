"""flowbackup run: what a graph file says."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.options import (
    Command,
    address_option,
    catalog_option,
    engine_option,
    init_option,
    metrics_option,
    output_options,
    resume_option,
    retry_lock_option,
)
from flowbackup.cli.output import Output
from flowbackup.cli.plan import show_plan
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary
from flowbackup.errors import EXIT_SUCCESS


@click.command(
    cls=Command,
    examples=(
        "flowbackup run graphs/chain-of-three.yaml",
        "flowbackup run nightly.yaml --resume",
    ),
)
@click.argument("graph", type=click.Path(path_type=Path), metavar="GRAPH.yaml")
@click.option(
    "--dry-run", "--plan", is_flag=True, help="Show what would run where, and touch nothing."
)
@init_option
@retry_lock_option
@resume_option
@engine_option
@address_option
@metrics_option
@catalog_option
@output_options
@click.pass_obj
def run(
    output: Output,
    graph: Path,
    dry_run: bool,
    init: bool,
    retry_lock: float,
    resume: bool | None,
    engine: str | None,
    address: str,
    metrics: Path | None,
    catalog: Path | None,
) -> int:
    """Run GRAPH.yaml: backups and mirrors as the file says.

    After a run that was killed or cancelled, the next one goes on: files that are as they were, and
    whose content has come to every required device, are neither read nor sent again.
    """
    plan = api.load_plan(graph)
    settings = api.RunSettings(
        catalog=catalog,
        address=address,
        init=init,
        wait_seconds_max=retry_lock,
        resume=resume,
        engine=engine,
    )
    if dry_run:
        show_plan(plan, output, api.foresee_room(plan, settings))
        return EXIT_SUCCESS
    with (
        show_progress(output) as monitor,
        api.watching(plan, settings, monitor, metrics) as watched,
    ):
        report = watched.ended(api.run_backup(plan, settings, watched))
    return show_summary(report, output)
