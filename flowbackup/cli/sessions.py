"""flowbackup sessions: what ran, and how it ended."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.catalog.rows import SessionRow
from flowbackup.cli.columns import table
from flowbackup.cli.interrupted import tell_interrupted
from flowbackup.cli.names import long_id, short_id, time_text
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


def session_fields(row: SessionRow) -> dict[str, object]:
    return {
        "session": long_id(row.session),
        "kind": row.kind,
        "graph": row.graph_name,
        "host": row.host,
        "state": row.state.value,
        "started_ns": row.started_ns,
        "finished_ns": row.finished_ns,
        "outcome": row.outcome.value if row.outcome else None,
        "exit_code": row.exit_code,
        "engine": row.engine,
        "duration_seconds": round(row.duration_seconds, 3),
        "files": row.files,
        "bytes_source": row.bytes_source,
        "bytes_read": row.bytes_read,
        "bytes_new": row.bytes_new,
        "problems": len(row.problems),
        "copied_from": _copied_from(row),
    }


def _copied_from(row: SessionRow) -> list[str]:
    """The media that a session of copies has read."""
    return [device.medium for device in row.devices if device.role == "restore" and device.frames]


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
