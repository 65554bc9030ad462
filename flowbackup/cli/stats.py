"""flowbackup stats: how much is kept, and how much room that takes."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.catalog.rows import MediumStats, ObjectStats
from flowbackup.cli.columns import table
from flowbackup.cli.names import long_id, short_id
from flowbackup.cli.options import Command, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.units import format_size

OBJECT_HEADS = (
    "object", ">versions", ">of size", ">content", ">packed", ">lists", ">dedup", ">compression",
)  # fmt: skip
MEDIUM_HEADS = ("device", "medium", ">frames", ">held", "location")


@click.command(cls=Command, examples=("flowbackup stats", "flowbackup stats web/site --json"))
@click.argument("query", required=False, metavar="[OBJECT]")
@catalog_option
@output_options
@click.pass_obj
def stats(output: Output, query: str | None, catalog: Path | None) -> int:
    """Show how much room versions take, and what was saved.

    Of the versions of each object, or of OBJECT: their size, if each were restored; the content
    that is kept for all of them, each chunk once; what it takes when it is packed, and their lists
    of files.  dedup is size by content, compression content by what it takes packed.  Behind them
    what each medium holds.
    """
    found = api.stats(query, catalog)
    if output.json:
        for row in found.objects:
            output.row("object_stats", object_fields(row), "")
        output.row("total_stats", object_fields(found.total), "")
        for medium in found.media:
            output.row("medium_stats", medium_fields(medium), "")
        return EXIT_SUCCESS
    if not found.objects:
        output.remark("no objects yet; flowbackup backup PATH --to DIR makes the first")
        return EXIT_SUCCESS
    rows = [*found.objects, *([found.total] if len(found.objects) > 1 else [])]
    output.text(table(OBJECT_HEADS, [_object_cells(row) for row in rows]))
    output.text(table(MEDIUM_HEADS, [_medium_cells(medium) for medium in found.media]))
    return EXIT_SUCCESS


def object_fields(row: ObjectStats) -> dict[str, object]:
    return {
        "name": row.name,
        "versions": row.versions,
        "frames": row.frames,
        "bytes_source": row.bytes_source,
        "bytes_content": row.bytes_content,
        "bytes_packed": row.bytes_packed,
        "bytes_lists": row.bytes_lists,
        "dedup_factor": row.dedup_factor,
        "compression_factor": row.compression_factor,
    }


def medium_fields(row: MediumStats) -> dict[str, object]:
    return {
        "device": row.medium.device,
        "medium": long_id(row.medium.medium),
        "location": row.medium.location,
        "frames": row.frames,
        "bytes_held": row.bytes_held,
    }


def _object_cells(row: ObjectStats) -> tuple[str, ...]:
    sizes = (row.bytes_source, row.bytes_content, row.bytes_packed, row.bytes_lists)
    factors = (row.dedup_factor, row.compression_factor)
    return (
        row.name,
        str(row.versions),
        *map(format_size, sizes),
        *("-" if factor is None else f"{factor:.2f}" for factor in factors),
    )


def _medium_cells(row: MediumStats) -> tuple[str, ...]:
    medium = row.medium
    return (
        medium.device,
        short_id(medium.medium),
        str(row.frames),
        format_size(row.bytes_held),
        medium.location,
    )
