"""flowbackup mount: all versions as directories."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.options import Command, address_option, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.errors import EXIT_SUCCESS


@click.command(
    cls=Command,
    examples=(
        "flowbackup mount /mnt/backups",
        "flowbackup mount /mnt/backups --allow-other",
    ),
)
@click.argument("place", metavar="DIRECTORY", type=click.Path(path_type=Path))
@click.option("--allow-other", is_flag=True, help="Other users, as far as the modes let them.")
@address_option
@catalog_option
@output_options
@click.pass_obj
def mount(
    output: Output, place: Path, allow_other: bool, address: str, catalog: Path | None
) -> int:  # fmt: skip
    """Show all versions below DIRECTORY, as CLIENT/OBJECT/NUMBER and CLIENT/OBJECT/latest.

    They can only be read. What is read is verified, and comes from whichever copy is good. Holes of
    files are read as zeros, of which `cp --sparse=always` makes holes again. Ends by Ctrl-C, or
    when it is unmounted (umount DIRECTORY).
    """
    with show_progress(output) as monitor:
        api.mount(
            place, monitor, lambda: monitor.message(f"mounted on {place}; Ctrl-C unmounts it"),
            catalog, others=allow_other, address=address,
        )  # fmt: skip
    return EXIT_SUCCESS
