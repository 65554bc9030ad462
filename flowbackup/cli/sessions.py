"""flowbackup sessions: what ran, and how it ended."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.api.rows import session_fields
from flowbackup.catalog.rows import SessionRow
from flowbackup.cli.columns import table
from flowbackup.cli.interrupted import tell_interrupted
from flowbackup.cli.names import short_id, time_text
from flowbackup.cli.options import Command, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.units import format_seconds, format_size

HEADS = ("session", "started", "kind", "graph", "outcome", ">files", ">read", ">new", ">time")


@click.command(cls=Command, examples=("flowbackup sessions", "flowbackup sessions --json"))
@catalog_option
@output_options
@click.pass_obj
def sessions(output: Output, catalog: Path | None) -> int:
    """List the sessions that ran, newest first."""
    rows = api.sessions(catalog)
    if output.json:
        for row in rows:
            output.row("session", session_fields(row), "")
    elif rows:
        output.text(table(HEADS, [_cells(row) for row in rows]))
    else:
        output.remark("no sessions yet; flowbackup backup PATH --to DIR makes the first")
    tell_interrupted(output, catalog)
    return EXIT_SUCCESS


def _cells(row: SessionRow) -> tuple[str, ...]:
    finished = row.outcome is not None
    return (
        short_id(row.session),
        time_text(row.started_ns),
        row.kind,
        row.graph_name or "-",
        row.outcome.value if row.outcome else row.state.value,
        str(row.files) if finished else "-",
        format_size(row.bytes_read) if finished else "-",
        format_size(row.bytes_new) if finished else "-",
        format_seconds(row.duration_seconds) if finished else "-",
    )
