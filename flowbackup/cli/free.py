"""flowbackup free: room on staging devices."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.options import Command, address_option, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary


@click.command(
    cls=Command,
    examples=(
        "flowbackup free graphs/staging.yaml --dry-run",
        "flowbackup free nightly.yaml fast",
    ),
)
@click.argument("graph", type=click.Path(path_type=Path), metavar="GRAPH.yaml")
@click.argument("devices", nargs=-1, metavar="[DEVICE...]")
@click.option("--dry-run", is_flag=True, help="Say what would go and what stays; change nothing.")
@address_option
@catalog_option
@output_options
@click.pass_obj
def free(
    output: Output,
    graph: Path,
    devices: tuple[str, ...],
    dry_run: bool,
    address: str,
    catalog: Path | None,
) -> int:
    """Make room on the staging devices of GRAPH.yaml, or only on those that are named.

    Segments go whose versions all have enough copies on other devices and are old enough, as
    staging: {copies: ..., keep: ...} of the device says; the media that have these copies are asked
    to show them first.  Of everything that stays the summary says why.  `flowbackup run` and
    `flowbackup copy` do the same by themselves.
    """
    plan = api.load_plan(graph)
    settings = api.RunSettings(catalog=catalog, address=address)
    with show_progress(output) as monitor:
        report = api.free(plan, devices, settings, monitor, dry_run=dry_run)
    return show_summary(report, output)
