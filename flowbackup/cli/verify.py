"""flowbackup verify: media are read, whole or a part after the other."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.options import Command, Share, address_option, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary


@click.command(
    cls=Command,
    examples=("flowbackup verify /mnt/nas /mnt/usb", "flowbackup verify --sample 1/30"),
)
@click.argument("devices", nargs=-1, metavar="[DEVICE...]")
@click.option(
    "--sample",
    type=Share(),
    help="Only this part of each medium, what was verified longest ago: with 1/30, thirty runs "
    "read everything.",
)
@address_option
@catalog_option
@output_options
@click.pass_obj
def verify(
    output: Output,
    devices: tuple[str, ...],
    sample: Fraction | None,
    address: str,
    catalog: Path | None,
) -> int:
    """Read media past the page cache and check every digest.

    DEVICE is a directory or the name of a device; without one, all that the catalog knows.  Those
    of other nodes are read there.  What was verified when, `flowbackup device list` shows.
    """
    with show_progress(output) as monitor:
        report = api.verify(devices, monitor, catalog, sample=sample, address=address)
    return show_summary(report, output)
