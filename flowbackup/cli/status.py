"""flowbackup status: what runs at this moment, and how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flowbackup import api
from flowbackup.api.moment import edge_state_text, progress_fields, stage_text
from flowbackup.api.rates import READ
from flowbackup.api.told import told_progress
from flowbackup.cli.columns import table
from flowbackup.cli.interrupted import tell_interrupted
from flowbackup.cli.names import one_line, short_id
from flowbackup.cli.options import Command, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.cli.warm import tell_warm
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.monitor import EdgeState, Progress
from flowbackup.units import format_rate, format_seconds, format_size

HEADS = ("edge", ">buffer", ">rate", ">durable", "state")


@click.command(cls=Command, examples=("flowbackup status", "flowbackup status latest --json"))
@click.argument("session", default="", metavar="[SESSION]")
@catalog_option
@output_options
@click.pass_obj
def status(output: Output, session: str, catalog: Path | None) -> int:
    """Show what the running sessions of this machine do, or one SESSION, and the Ray of `up`.

    Rates are those since the session began.  SESSION is the beginning of an id, or latest.
    """
    if not session:
        tell_warm(output)
    states = api.status(session, catalog)
    for state in states:
        if "fault" in state:
            output.row("status", state, f"session {short_id(state['session'])}: {state['fault']}")
            continue
        progress = told_progress(state)
        rates = _rates(progress, float(state["seconds"]))
        output.row("status", _fields(state, progress, rates), _text(state, progress, rates))
    if not states:
        output.remark("no session runs; flowbackup sessions lists those that ran")
    tell_interrupted(output, catalog)
    return EXIT_SUCCESS


def _rates(progress: Progress, seconds: float) -> dict[str, float]:
    over = max(seconds, 0.001)
    edges = {edge.name: edge.bytes_moved / over for edge in progress.edges}
    return {READ: progress.bytes_read / over, **edges}


def _fields(
    state: dict[str, Any], progress: Progress, rates: dict[str, float]
) -> dict[str, object]:
    return {
        "session": state["session"],
        "kind": state["kind"],
        "graph": state["graph"],
        "seconds": state["seconds"],
        **progress_fields(progress, rates),
        "agents": state["agents"],
    }


def _text(state: dict[str, Any], progress: Progress, rates: dict[str, float]) -> str:
    name, since = short_id(state["session"]), format_seconds(float(state["seconds"]))
    head = f"{state['kind']} of {state['graph']}, session {name}, running for {since}"
    rows = [_cells(edge, rates[edge.name]) for edge in progress.edges]
    why = [f"  {a['agent']} is {a['state']}: {a['why']}" for a in state["agents"] if a["why"]]
    indented = [f"  {line}" for line in table(HEADS, rows).splitlines()] if rows else []
    lines = [head, f"  {stage_text(progress, rates)}", *indented, *why]
    return "\n".join(one_line(line) for line in lines)


def _cells(edge: EdgeState, rate: float) -> tuple[str, ...]:
    return (
        edge.name,
        f"{edge.slots_used}/{edge.slots}",
        format_rate(rate),
        format_size(edge.bytes_durable),
        edge_state_text(edge),
    )
