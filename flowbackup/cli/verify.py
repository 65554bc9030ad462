"""flowbackup verify: media are read completely."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.options import Command, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary


@click.command(
    cls=Command,
    examples=("flowbackup verify", "flowbackup verify /mnt/nas /mnt/usb"),
)
@click.argument("devices", nargs=-1, metavar="[DEVICE...]")
@catalog_option
@output_options
@click.pass_obj
def verify(output: Output, devices: tuple[str, ...], catalog: Path | None) -> int:
    """Read media completely, past the page cache, and check every digest.

    DEVICE is a directory or the name of a device; without one, all that the catalog knows.
    """
    with show_progress(output) as monitor:
        report = api.verify(devices, monitor, catalog)
    return show_summary(report, output)
