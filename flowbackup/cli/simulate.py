"""flowbackup graph simulate: how long a graph would take, and what would hold it up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from flowbackup import plan as planning
from flowbackup.cli.options import Command, output_options
from flowbackup.cli.output import Output
from flowbackup.cli.prediction import show_prediction
from flowbackup.errors import EXIT_SUCCESS, UsageError
from flowbackup.plan.decided import Plan
from flowbackup.simulate.asked import Asked, scenario_of, seconds_since_start
from flowbackup.simulate.prediction import Loss, Prediction
from flowbackup.simulate.running import simulate as predict

Pair = tuple[str, str]


class Named(click.ParamType[Pair]):
    """A name and what is said of it, as in usb=80MB/s; only the latter where no name is needed."""

    def __init__(self, sign: str, *, may_lack: bool = False) -> None:
        self.name = f"name{sign}word"
        self._sign = sign
        self._may_lack = may_lack

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Pair:
        if isinstance(value, tuple):
            return value
        name, found, word = str(value).partition(self._sign)
        if not found and self._may_lack:
            return "", name
        if not (found and name and word):
            self.fail(f'"{value}" is not of the form NAME{self._sign}WORD', param, ctx)
        return name, word


@click.command(
    cls=Command,
    short_help="Predict how long it takes, and what happens if something breaks.",
    examples=(
        "flowbackup graph simulate nightly.yaml --size 2TB --rate usb=80MB/s",
        "flowbackup graph simulate nightly.yaml --size web/site=2TB --fail usb@600s --json",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--rate", "rates", type=Named("="), multiple=True, metavar="NAME=RATE[@TIME]",
    help="Of a device, or of what a client reads, as in usb=80MB/s; with a time, from then on.",
)  # fmt: skip
@click.option(
    "--size", "sizes", type=Named("=", may_lack=True), multiple=True, metavar="[OBJECT=]SIZE",
    help="Of one object, as in web/site=2TB, or of each of them; 100 GiB if not said.",
)  # fmt: skip
@click.option(
    "--fail", "fails", type=Named("@"), multiple=True, metavar="NAME@TIME",
    help="This device or node dies then, as in usb@600s.",
)  # fmt: skip
@click.option(
    "--lost", "lost", type=Named("@"), multiple=True, metavar="DEVICE@TIME",
    help="Tell what would be lost if this device died then.",
)  # fmt: skip
@click.option(
    "--room", "rooms", type=Named("="), multiple=True, metavar="DEVICE=SIZE",
    help="What a device takes before it is full.",
)  # fmt: skip
@click.option(
    "--network", default="0", metavar="RATE", help="That each node sends and receives at most."
)
@click.option(
    "--jitter", type=click.FloatRange(0, 0.9), default=0.0, metavar="PART",
    help="A frame takes up to this part of its time more or less, as in 0.2.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, help="Of all that is left to chance.")
@click.option("--exact", is_flag=True, help="Follow every frame, however long it takes.")
@output_options
@click.pass_obj
def simulate(
    output: Output, file: Path, rates: Sequence[Pair], sizes: Sequence[Pair],
    fails: Sequence[Pair], lost: Sequence[Pair], rooms: Sequence[Pair], network: str,
    jitter: float, seed: int, *, exact: bool,
) -> int:  # fmt: skip
    """Run FILE on a virtual clock: how long it takes, who waits for whom, what is lost if a device
    dies.  Nothing is read or written."""
    plan, warnings = planning.load_checked(file)
    for finding in warnings:
        output.remark(str(finding))
    asked = Asked(
        rates=rates, sizes=_sizes(sizes, plan), fails=fails, rooms=rooms, network=network,
        jitter=jitter, seed=seed, exact=exact,
    )  # fmt: skip
    found = predict(plan, scenario_of(plan, asked))
    losses = (*found.losses, *(_loss(found, name, moment) for name, moment in lost))
    show_prediction(found, losses, output)
    return EXIT_SUCCESS


def _sizes(sizes: Sequence[Pair], plan: Plan) -> dict[str, str]:
    """Of each object: what was said of it, or of all of them."""
    names = [f"{item.client}/{item.name}" for item in plan.objects]
    at_large = {name: word for named, word in sizes if not named for name in names}
    return {**at_large, **{name: word for name, word in sizes if name}}


def _loss(found: Prediction, name: str, moment: str) -> Loss:
    try:
        return found.if_lost(name, seconds_since_start(moment))
    except KeyError:
        raise UsageError(f'--lost {name}@{moment}: there is no device "{name}"') from None
    except ValueError as fault:
        raise UsageError(f"--lost {name}@{moment}: {fault}") from None
