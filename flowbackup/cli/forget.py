"""flowbackup forget: versions that are kept no longer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from flowbackup import api
from flowbackup.api.keeping import calendar
from flowbackup.api.rows import decision_fields
from flowbackup.catalog.retention import Decision
from flowbackup.cli.columns import table
from flowbackup.cli.names import short_id, time_text
from flowbackup.cli.options import (
    Command,
    Decorated,
    Duration,
    catalog_option,
    output_options,
    retry_lock_option,
    tag_option,
)
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary
from flowbackup.model.retention import PERIODS, RetentionPolicy

HEADS = ("object", "id", "made", "", "why")


def keep_options(command: Decorated) -> Decorated:
    """--keep-last, --keep-daily, --keep-within, ...; as names of RetentionPolicy."""
    for period in reversed(PERIODS):
        command = _option(
            f"--keep-within-{period}", f"within_{period}_seconds", Duration(), "DURATION",
            f"The newest of each {_ONE[period]} that are not older, as in 30d.",
        )(command)  # fmt: skip
    command = _option(
        "--keep-within", "within_seconds", Duration(), "DURATION", "All that are not older."
    )(command)
    for period in reversed(PERIODS):
        command = _option(
            f"--keep-{period}", period, click.IntRange(min=0), "N",
            f"Of N {_ONE[period]}s that have versions the newest of each.",
        )(command)  # fmt: skip
    return _option("--keep-last", "last", click.IntRange(min=0), "N", "The newest N.")(command)


_ONE = {"hourly": "hour", "daily": "day"} | {
    period: period.removesuffix("ly") for period in PERIODS[2:]
}


def _option(
    flag: str, name: str, kind: click.ParamType[Any], metavar: str, text: str
) -> Callable[[Decorated], Decorated]:  # fmt: skip
    return click.option(flag, name, type=kind, default=0, metavar=metavar, help=text)


@click.command(
    cls=Command,
    examples=(
        "flowbackup forget --keep-last 3 --keep-daily 7 --keep-weekly 5 --dry-run",
        "flowbackup forget web/site@3",
    ),
)
@click.argument("objects", nargs=-1, metavar="[OBJECT...]")
@keep_options
@tag_option("--keep-tag", "All whose run had this tag; may be given several times.")
@click.option(
    "--copies", type=click.IntRange(min=1), default=1, metavar="K", show_default=True,
    help="Versions with fewer durable copies stay, and none goes because of them.",
)  # fmt: skip
@click.option(
    "--graph", type=click.Path(path_type=Path), metavar="GRAPH.yaml",
    help="What its retention: says, object by object, instead of --keep options.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would go and why; change nothing.")
@retry_lock_option
@catalog_option
@output_options
@click.pass_obj
def forget(
    output: Output, /, objects: tuple[str, ...], tags: tuple[str, ...], copies: int,
    graph: Path | None, dry_run: bool, retry_lock: float, catalog: Path | None, **keep: float,
) -> int:  # fmt: skip
    """Forget the versions of each OBJECT, or of all, that no rule keeps, or a named version.

    Of every version it says whether it stays, and why.  The last complete version of an object
    always stays, and so do versions dated in the future and those with too few copies; because of
    these two no other one goes.  Days and hours are those of this machine's time zone (TZ).  What
    media hold of a forgotten version is freed by `flowbackup prune`; there is no way back.
    """
    numbers = {name: int(value) for name, value in keep.items()}
    policy = RetentionPolicy(**numbers, tags=tags, copies=copies)
    request = api.ForgetRequest(catalog, policy, graph, dry_run, retry_lock)
    with show_progress(output) as monitor:
        found = api.forget(objects, request, monitor)
    if output.json:
        for decision in found.decisions:
            output.row("decision", decision_fields(decision), "")
    elif found.decisions and not output.quiet:
        output.text(table(HEADS, [_cells(decision) for decision in found.decisions]))
    going = sum(not decision.keeps for decision in found.decisions)
    stay = len(found.decisions) - going
    verb = "to be forgotten" if dry_run else "forgotten"
    output.remark(f"versions {verb}: {going}, kept: {stay}; days and hours of {calendar()}")
    if going and not dry_run:
        output.remark("flowbackup prune frees what only they needed")
    return show_summary(found.report, output)


def _cells(decision: Decision) -> tuple[str, ...]:
    version = decision.version
    return (
        str(version),
        short_id(version.object_id),
        time_text(version.record.finished_ns),
        "keep" if decision.keeps else "remove",
        "; ".join(decision.reasons) or "no rule keeps it",
    )
