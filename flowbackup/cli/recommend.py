"""flowbackup graph recommend: what would serve a graph better, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from flowbackup import plan as planning
from flowbackup.cli.options import Command, Size, output_options
from flowbackup.cli.output import Output
from flowbackup.cli.simulate import Named, Pair
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.simulate.asked import Asked, scenario_of
from flowbackup.simulate.recommend import recommend as recommended
from flowbackup.spec import load_graph


@click.command(
    cls=Command,
    short_help="Propose buffers, sync size and order of levels, with reasons.",
    examples=(
        "flowbackup graph recommend nightly.yaml --rate usb=80MB/s",
        "flowbackup graph recommend nightly.yaml --memory 512MiB --json",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--rate", "rates", type=Named("="), multiple=True, metavar="NAME=RATE",
    help="Of a device, or of what a client reads, as in usb=80MB/s.",
)  # fmt: skip
@click.option("--memory", type=Size(), default=0, help="Of buffers on any one node, at most.")
@click.option(
    "--jitter", type=click.FloatRange(0, 0.9), default=0.0, metavar="PART",
    help="A frame takes up to this part of its time more or less; 0.3 if not said.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, help="Of all that is left to chance.")
@output_options
@click.pass_obj
def recommend(
    output: Output, file: Path, rates: Sequence[Pair], memory: int, jitter: float, seed: int
) -> int:
    """Try FILE with other buffers and syncs on a virtual clock, and say what to write instead.

    Nothing is changed.  Of the variants that are within a twentieth of the fastest, the one that
    takes least memory is proposed.
    """
    plan, _ = planning.load_checked(file)
    scenario = scenario_of(plan, Asked(rates=rates, jitter=jitter, seed=seed))
    advice = recommended(load_graph(file).spec, scenario, memory)
    if not advice:
        output.remark(f"{plan.graph} is good as it is")
    for item in advice:
        key = ".".join(item.keys)
        fields = {"keys": list(item.keys), "value": item.value, "reason": item.reason}
        output.row("recommendation", fields, f"{key}: {item.value}    # {item.reason}")
    return EXIT_SUCCESS
