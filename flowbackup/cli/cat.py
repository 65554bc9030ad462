"""flowbackup cat: one file to standard output."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.options import Command, as_of_option, catalog_option, output_options
from flowbackup.errors import EXIT_SUCCESS


@click.command(
    cls=Command,
    examples=(
        "flowbackup cat latest:etc/hosts",
        "flowbackup cat web/site@3:dump.sql | psql site",
    ),
)
@click.argument("query", metavar="OBJECT:PATH")
@as_of_option
@catalog_option
@output_options
def cat(query: str, as_of: str, catalog: Path | None) -> int:
    """Write the content of the file PATH of OBJECT to standard output, verified."""
    api.cat(query, sys.stdout.buffer, catalog, as_of=as_of)
    sys.stdout.buffer.flush()
    return EXIT_SUCCESS
