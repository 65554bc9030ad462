"""flowbackup run: what a graph file says."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.options import (
    Command,
    address_option,
    catalog_option,
    engine_option,
    full_option,
    init_option,
    metrics_option,
    output_options,
    profile_option,
    resume_option,
    retry_lock_option,
    tag_option,
)
from flowbackup.cli.output import Output
from flowbackup.cli.plan import show_plan
from flowbackup.cli.watched import run_watched
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
@tag_option("--tag", "A word for the versions that this makes; may be given several times.")
@init_option
@retry_lock_option
@full_option
@resume_option
@engine_option
@profile_option
@address_option
@metrics_option
@catalog_option
@output_options
@click.pass_obj
def run(
    output: Output,
    graph: Path,
    dry_run: bool,
    tags: tuple[str, ...],
    init: bool,
    retry_lock: float,
    full: bool,
    resume: bool | None,
    engine: str | None,
    profile: bool,
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
        full=full,
        engine=engine,
        tags=tags,
    )
    if dry_run:
        show_plan(plan, output, api.foresee_room(plan, settings))
        return EXIT_SUCCESS
    run = partial(api.run_backup, plan, settings)
    return run_watched(plan, settings, output, metrics, run, profile=profile)
