"""flowbackup rebuild: the catalog out of the media."""

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
    examples=(
        "flowbackup rebuild /mnt/nas /mnt/usb",
        "flowbackup rebuild --fresh --mode paranoid --catalog /root/catalog.sqlite /mnt/usb",
    ),
)
@click.argument("devices", nargs=-1, required=True, metavar="DEVICE...")
@click.option(
    "--mode",
    type=click.Choice(["fast", "slow", "paranoid"]),
    default="fast",
    show_default=True,
    help="What is read: indexes, all headers, or every byte against its digests.",
)
@click.option(
    "--fresh", is_flag=True, help="Begin anew; the present catalog is kept under another name."
)
@catalog_option
@output_options
@click.pass_obj
def rebuild(
    output: Output, devices: tuple[str, ...], mode: str, fresh: bool, catalog: Path | None
) -> int:
    """Make the catalog from what media tell, or bring it up to date with them.

    DEVICE is the directory of a medium.  A catalog that is there learns what they know, and where
    the two disagree the media are right; what it knows of others stays.  All modes give the same
    catalog from sound media.  Name all that you have: what one has lost, another may have.
    """
    with show_progress(output) as monitor:
        report = api.rebuild(devices, monitor, catalog, mode=mode, fresh=fresh)
    return show_summary(report, output)
