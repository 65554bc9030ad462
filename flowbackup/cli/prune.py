"""flowbackup prune: what no version needs any more goes from media."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from flowbackup import api
from flowbackup.cli.options import (
    Command,
    address_option,
    catalog_option,
    output_options,
    retry_lock_option,
)
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary

UNLIMITED = "unlimited"


class Percent(click.ParamType[Any]):
    """A part of a whole as "5%", or "unlimited"; None for the latter."""

    name = "percent"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction | str:
        if value == UNLIMITED or isinstance(value, Fraction):
            return value  # type: ignore[no-any-return]
        try:
            share = Fraction(str(value).removesuffix("%")) / 100
        except (ValueError, ZeroDivisionError):
            share = Fraction(-1)
        if not 0 <= share <= 1 or not str(value).endswith("%"):
            self.fail(f'"{value}" is no part of a medium; write 5% or {UNLIMITED}', param, ctx)
        return share


@click.command(
    cls=Command,
    examples=("flowbackup prune --dry-run", "flowbackup prune nas --max-unused 0%"),
)
@click.argument("devices", nargs=-1, metavar="[DEVICE...]")
@click.option(
    "--max-unused", type=Percent(), default="5%", show_default=True, metavar="PERCENT",
    help="So much of each medium may stay that no version needs; unlimited moves nothing.",
)  # fmt: skip
@click.option(
    "--copies", type=click.IntRange(min=1), default=1, metavar="K", show_default=True,
    help="Free nothing while a version has fewer durable copies.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would go and what stays; change nothing.")
@retry_lock_option
@address_option
@catalog_option
@output_options
@click.pass_obj
def prune(
    output: Output, devices: tuple[str, ...], max_unused: Fraction | str, copies: int,
    dry_run: bool, retry_lock: float, address: str, catalog: Path | None,
) -> int:  # fmt: skip
    """Free what no version needs any more, on each DEVICE, or on all that the catalog knows.

    Whole segments go; what versions need of sparse ones is first written to a new segment of the
    same device, synced and read back, one segment after the other; on another medium of its set
    where a medium is full.  Nobody else may use the catalog
    meanwhile: a backup could refer to what is about to go.  It may be killed at any moment: the
    next one goes on.  Devices of other nodes are pruned there, by the Ray cluster at --address.
    """
    limit = None if isinstance(max_unused, str) else max_unused
    request = api.PruneRequest(catalog, limit, copies, dry_run, address, retry_lock)
    with show_progress(output) as monitor:
        report = api.prune(devices, request, monitor)
    return show_summary(report, output)
