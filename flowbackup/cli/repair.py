"""flowbackup repair: copies are completed from each other."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.options import (
    Command,
    address_option,
    catalog_option,
    output_options,
    retry_lock_option,
)
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary


@click.command(
    cls=Command,
    examples=("flowbackup repair", "flowbackup repair /mnt/new --full --object web/site"),
)
@click.argument("devices", nargs=-1, metavar="[DEVICE...]")
@click.option(
    "--object",
    "objects",
    multiple=True,
    metavar="OBJECT",
    help="Only versions of OBJECT, or that version of it; may be given several times.",
)
@click.option(
    "--full", is_flag=True, help="Put everything on DEVICE, also what was never meant for it."
)
@click.option("--dry-run", is_flag=True, help="Say what would move, and write to no medium.")
@retry_lock_option
@address_option
@catalog_option
@output_options
@click.pass_obj
def repair(
    output: Output,
    devices: tuple[str, ...],
    objects: tuple[str, ...],
    full: bool,
    dry_run: bool,
    retry_lock: float,
    address: str,
    catalog: Path | None,
) -> int:
    """Bring copies back to what they were meant to hold, from the others, frame by frame.

    Only frames that a copy lacks, or that were found damaged on it, are moved; each is read once
    and checked, and damage stays where it is.  DEVICE is a directory or the name of a device;
    without one, all that the catalog knows.  A new medium in the place of a lost one is completed
    like that.  One on another node is read and written there, with --address.  Exit code 4: some
    required copies are still incomplete.
    """
    request = api.RepairRequest(
        catalog=catalog,
        objects=objects,
        full=full,
        dry_run=dry_run,
        address=address,
        wait_seconds_max=retry_lock,
    )
    with show_progress(output) as monitor:
        report = api.repair(devices, request, monitor)
    return show_summary(report, output)
