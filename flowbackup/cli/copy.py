"""flowbackup copy: what a graph file copies from device to device."""

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
    init_option,
    metrics_option,
    output_options,
    retry_lock_option,
)
from flowbackup.cli.output import Output
from flowbackup.cli.plan import show_plan
from flowbackup.cli.watched import run_watched
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.plan.narrowing import copies_only, stages_named


@click.command(
    cls=Command,
    examples=(
        "flowbackup copy graphs/restore-and-copy.yaml",
        "flowbackup copy nightly.yaml vault archive",
    ),
)
@click.argument("graph", type=click.Path(path_type=Path), metavar="GRAPH.yaml")
@click.argument("groups", nargs=-1, metavar="[GROUP...]")
@click.option("--dry-run", is_flag=True, help="Show what would run where, and touch nothing.")
@init_option
@retry_lock_option
@engine_option
@address_option
@metrics_option
@catalog_option
@output_options
@click.pass_obj
def copy(
    output: Output,
    graph: Path,
    groups: tuple[str, ...],
    dry_run: bool,
    init: bool,
    retry_lock: float,
    engine: str | None,
    address: str,
    metrics: Path | None,
    catalog: Path | None,
) -> int:
    """Run the copy groups of GRAPH.yaml, or only those that are named, without its backup.

    Restore agents read each frame once, whoever gets a copy; what a copy group has already is not
    copied again.  Where a group selects the versions of a session, those of the newest session of
    this graph are meant.  Exit code 4: some required copies are still missing.
    """
    plan = api.load_plan(graph)
    settings = api.RunSettings(
        catalog=catalog, address=address, init=init, wait_seconds_max=retry_lock, engine=engine
    )
    if dry_run:
        copies = copies_only(plan, stages_named(plan, groups))
        show_plan(copies, output, api.foresee_room(plan, settings))
        return EXIT_SUCCESS
    return run_watched(
        plan, settings, output, metrics, partial(api.run_copy, plan, groups, settings)
    )
