"""flowbackup copies: what would survive the loss of a device."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from flowbackup import api
from flowbackup.api.rows import copies_fields, copy_fields, lost_fields
from flowbackup.catalog.rows import CopyRow, LostMedium, VersionCopies
from flowbackup.cli.columns import table
from flowbackup.cli.interrupted import tell_interrupted
from flowbackup.cli.names import short_id, time_text
from flowbackup.cli.options import Command, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.units import counted

VERSION_HEADS = ("object", "id", "made", "outcome", ">durable copies")
MEDIUM_HEADS = ("device", "medium", "pool", ">frames", "state", "verified", "from", "location")


@click.command(
    cls=Command,
    examples=("flowbackup copies --below 2", "flowbackup copies web/site@3"),
)
@click.argument("query", required=False, metavar="[OBJECT]")
@click.option(
    "--below",
    type=click.IntRange(min=1),
    metavar="K",
    help="Only versions with fewer than K durable copies.",
)
@catalog_option
@output_options
@click.pass_obj
def copies(output: Output, query: str | None, below: int | None, catalog: Path | None) -> int:
    """Show how many durable copies each version has, or on which media those of OBJECT are."""
    rows = api.copies(query, below, catalog)
    versions = [row for row in rows if isinstance(row, VersionCopies)]
    media = [row for row in rows if isinstance(row, CopyRow)]
    if output.json:
        for version in versions:
            output.row("copies", copies_fields(version), "")
        for medium in media:
            output.row("copy", copy_fields(medium), "")
        for lost in _lost(media, catalog):
            output.row("lost", lost_fields(lost), "")
        return EXIT_SUCCESS
    if versions:
        output.text(table(VERSION_HEADS, [_version_cells(row) for row in versions]))
    if media:
        output.text(table(MEDIUM_HEADS, [_medium_cells(row, media) for row in media]))
    for lost in _lost(media, catalog):
        output.remark(lost.text)
    if not rows:
        output.remark(
            "none"
            if below is None
            else f"no version has fewer than {counted(below, 'copy', 'copies')}"
        )
    tell_interrupted(output, catalog)
    return EXIT_SUCCESS


def _lost(media: list[CopyRow], catalog: Path | None) -> list[LostMedium]:
    """The media that are not where they were and take something along: of those that are shown, or
    of all where versions are."""
    shown = {row.medium.medium for row in media}
    lost = (lost for lost in api.lost_media(catalog) if lost.versions)
    return [lost for lost in lost if not shown or lost.info.medium in shown]


def _version_cells(row: VersionCopies) -> tuple[str, ...]:
    record = row.version.record
    return (
        str(row.version),
        short_id(record.object_id),
        time_text(record.finished_ns),
        record.outcome,
        str(row.copies),
    )


def _medium_cells(row: CopyRow, media: list[CopyRow]) -> tuple[str, ...]:
    return (
        row.medium.device,
        short_id(row.medium.medium),
        row.medium.pool,
        f"{row.frames_held} of {row.frames_needed}",
        _state(row),
        time_text(row.verified_ns) if row.verified_ns else "not all",
        _origin(row, {other.medium.medium: other.medium.device for other in media}),
        row.medium.location,
    )


def _state(row: CopyRow) -> str:
    """What is not there because it made room is no fault."""
    if row.complete:
        return "complete"
    if row.frames_held + row.frames_freed >= row.frames_needed:
        return "freed" if not row.frames_held else "partly freed"
    return "part of a set" if row.medium.membership else "incomplete"


def _origin(row: CopyRow, devices: Mapping[bytes, str]) -> str:
    """backup, mirror, or the devices that it was copied from."""
    return ", ".join(devices[medium] for medium in row.copied_from) or row.role or "-"
