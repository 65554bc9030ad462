"""flowbackup objects: what was backed up."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.api.rows import object_fields
from flowbackup.catalog.rows import ObjectRow
from flowbackup.cli.columns import table
from flowbackup.cli.interrupted import tell_interrupted
from flowbackup.cli.names import path_text, short_id, time_text
from flowbackup.cli.options import Command, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.units import format_size

HEADS = ("object", ">versions", "latest id", "made", "outcome", ">files", ">size", "source")


@click.command(cls=Command, examples=("flowbackup objects", "flowbackup objects --json"))
@catalog_option
@output_options
@click.pass_obj
def objects(output: Output, catalog: Path | None) -> int:
    """List the data objects: how many versions each has, and the newest."""
    rows = api.objects(catalog)
    if output.json:
        for row in rows:
            output.row("object", object_fields(row), "")
    elif rows:
        output.text(table(HEADS, [_cells(row) for row in rows]))
    else:
        output.remark("no objects yet; flowbackup backup PATH --to DIR makes the first")
    tell_interrupted(output, catalog)
    return EXIT_SUCCESS


def _cells(row: ObjectRow) -> tuple[str, ...]:
    latest = row.latest.record
    return (
        f"{row.client}/{row.name}",
        str(row.versions),
        short_id(latest.object_id),
        time_text(latest.finished_ns),
        latest.outcome,
        str(latest.files),
        format_size(latest.bytes_source),
        path_text(latest.source),
    )
