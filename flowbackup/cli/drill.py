"""flowbackup drill: would it come back?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from flowbackup import api
from flowbackup.cli.options import Command, address_option, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary


class Sample(click.ParamType[int | Fraction]):
    """A number of entries, or a share of them written as "5%"."""

    name = "N|N%"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | Fraction:
        sample = _sample(str(value))
        if sample is None:
            self.fail(f'"{value}" is no sample; write 50 (entries) or 5%', param, ctx)
        return sample


def _sample(text: str) -> int | Fraction | None:
    try:
        if not text.endswith("%"):
            return int(text) if int(text) > 0 else None
        share = Fraction(text[:-1]) / 100
    except (ValueError, ZeroDivisionError):
        return None
    return share if 0 < share <= 1 else None


@click.command(
    cls=Command,
    examples=("flowbackup drill", "flowbackup drill web/site@3 --sample 5% --target /tmp/drill"),
)
@click.argument("query", required=False, metavar="[OBJECT]")
@click.option(
    "--sample",
    type=Sample(),
    help="So many entries of each object, or a share of them; else about 100, and 1 GiB.",
)
@click.option(
    "--seed",
    type=int,
    help="Which part of the object; else the one behind that of the last drill.",
)
@click.option(
    "--target",
    default="",
    type=click.Path(file_okay=False),
    help="A new folder in which the restored files stay.",
)
@address_option
@catalog_option
@output_options
@click.pass_obj
def drill(
    output: Output,
    query: str | None,
    sample: int | Fraction | None,
    seed: int | None,
    target: str,
    address: str,
    catalog: Path | None,
) -> int:
    """Restore a part of OBJECT to a temporary place, and compare it with the source.

    Without OBJECT, of the newest version of every object.  Each drill takes another part, so that
    in time everything has had its turn.  What has changed at the source since is only restored.
    """
    request = api.DrillRequest(
        catalog=catalog, sample=sample, seed=seed, target=target, address=address
    )
    with show_progress(output) as monitor:
        report = api.drill(query, request, monitor)
    return show_summary(report, output)
