"""flowbackup graph: check, plan, draw and simulate a graph file before a byte moves."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import click

from flowbackup import plan as planning
from flowbackup.cli.options import Command, Group, output_options
from flowbackup.cli.output import Output
from flowbackup.cli.plan import show_plan
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.units import counted

GRAPH_FILE = click.Path(path_type=Path)
FORMS = ("text", "mermaid", "svg")


LATER = {"recommend": "flowbackup.cli.recommend", "simulate": "flowbackup.cli.simulate"}
"""Commands that are imported when they are called: to check a graph needs none of the machines."""


class GraphGroup(Group):
    """The commands below, and those of LATER."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *LATER])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in LATER:
            command = getattr(importlib.import_module(LATER[cmd_name]), cmd_name)
            assert isinstance(command, click.Command)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(
    cls=GraphGroup,
    examples=(
        "flowbackup graph check nightly.yaml",
        "flowbackup graph draw nightly.yaml --output chain.svg",
    ),
)
def graph() -> None:
    """Check, plan, draw and simulate graph files."""


@graph.command(
    cls=Command,
    short_help="Find every fault, with place, reason and remedy.",
    examples=("flowbackup graph check graphs/mirror.yaml", "flowbackup graph check x.yaml --json"),
)
@click.argument("file", type=GRAPH_FILE)
@output_options
@click.pass_obj
def check(output: Output, file: Path) -> int:
    """Check FILE: every fault at once, with its place, reason and remedy."""
    plan, warnings = planning.load_checked(file)
    for finding in warnings:
        output.remark(str(finding))
    parts = (plan, *plan.stages)
    levels = {agent.name: agent.level for part in parts for agent in part.agents}
    counts = {
        "objects": len(plan.objects),
        "agents": len(levels),
        "couplings": sum(edge.source in levels for part in parts for edge in part.edges),
        "levels": 1 + max(levels.values()),
        **_present(
            stages=len(plan.stages),
            hooks=len(plan.hooks) + sum(len(item.hooks) for item in plan.objects),
            notices=len(plan.notices),
        ),
        "warnings": len(warnings),
    }
    words = ", ".join(counted(count, name.removesuffix("s")) for name, count in counts.items())
    output.row("check", {"file": str(file), "graph": plan.graph, **counts}, f"OK {file}: {words}")
    return EXIT_SUCCESS


def _present(**counts: int) -> dict[str, int]:
    """Those of which there are any."""
    return {name: count for name, count in counts.items() if count}


@graph.command(
    "plan",
    cls=Command,
    short_help="Show placement, memory and the bottleneck.",
    examples=("flowbackup graph plan graphs/mirror.yaml", "flowbackup graph plan x.yaml --json"),
)
@click.argument("file", type=GRAPH_FILE)
@output_options
@click.pass_obj
def plan_command(output: Output, file: Path) -> int:
    """Show what FILE would run where, how much memory it takes, and what is narrowest."""
    plan, warnings = planning.load_checked(file)
    for finding in warnings:
        output.remark(str(finding))
    show_plan(plan, output)
    return EXIT_SUCCESS


@graph.command(
    cls=Command,
    examples=(
        "flowbackup graph draw graphs/fan-out.yaml",
        "flowbackup graph draw graphs/fan-out.yaml --output chain.svg",
    ),
)
@click.argument("file", type=GRAPH_FILE)
@click.option(
    "--format", "form", type=click.Choice(FORMS), help="Else what the name of --output says."
)
@click.option("--output", "target", type=click.Path(path_type=Path), help="Write to this file.")
def draw(file: Path, form: str | None, target: Path | None) -> int:
    """Draw FILE as text, Mermaid or SVG."""
    if form is None:
        endings = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid"}
        form = endings.get(target.suffix, "text") if target else "text"
    picture = planning.draw(planning.load_plan(file), form)
    if target is None:
        click.echo(picture, nl=False)
        return EXIT_SUCCESS
    try:
        target.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise click.FileError(str(target), error.strerror) from None
    return EXIT_SUCCESS


@graph.command(
    cls=Command,
    examples=("flowbackup graph schema > graph.schema.json", "flowbackup graph schema | less"),
)
def schema() -> int:
    """Print the JSON Schema of graph files, for editors."""
    from flowbackup.spec.schema import graph_schema  # noqa: PLC0415  pydantic only where needed

    click.echo(json.dumps(graph_schema(), indent=2))
    return EXIT_SUCCESS
