"""flowbackup history: a path through time."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.api.rows import history_fields
from flowbackup.catalog.rows import HistoryRow
from flowbackup.cli.columns import table
from flowbackup.cli.find import versions_text
from flowbackup.cli.names import time_text
from flowbackup.cli.options import Command, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS

HEADS = ("versions", "made", "what", ">size", "changed")


@click.command(
    cls=Command,
    examples=("flowbackup history /srv/www/index.html", "flowbackup history site:etc/hosts"),
)
@click.argument("place", metavar="PATH")
@catalog_option
@output_options
@click.pass_obj
def history(output: Output, place: str, catalog: Path | None) -> int:
    """Show what became of PATH from version to version: when it was added, changed, removed.

    PATH is OBJECT:PATH, the path of what was backed up, or a path inside any object.
    """
    rows = api.history(place, catalog)
    for row in rows:
        if output.json:
            output.row("history", history_fields(row), "")
    output.text(table(HEADS, [_cells(row) for row in rows]))
    return EXIT_SUCCESS


def _cells(row: HistoryRow) -> tuple[str, ...]:
    what = f"{row.kind} ({', '.join(row.aspects)})" if row.aspects else str(row.kind)
    size, changed = "-", "-"
    if row.entry is not None:
        size, changed = str(row.entry.size), time_text(row.entry.mtime_ns)
    made = time_text(row.versions[0].record.finished_ns)
    return versions_text(row.versions), made, what, size, changed
