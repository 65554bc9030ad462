"""The one line that commands which only look add, when a session was interrupted."""

from __future__ import annotations

from pathlib import Path

from flowbackup import api
from flowbackup.catalog.unfinished import GOING_ON
from flowbackup.cli.names import short_id
from flowbackup.cli.output import Output


def tell_interrupted(output: Output, catalog: Path | None) -> None:
    """Which session was interrupted last, and what to do about it; programs read `state` in
    `sessions --json`."""
    if output.json:
        return
    for row in api.interrupted(catalog)[:1]:
        graph = f" of graph {row.graph_name}" if row.graph_name else ""
        name = f"{row.kind} session {short_id(row.session)}{graph}"
        output.remark(f"{name} was interrupted; {GOING_ON[row.kind]}")
