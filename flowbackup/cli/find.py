"""flowbackup find: names in all versions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import click

from flowbackup import api
from flowbackup.api.looking import KINDS
from flowbackup.api.rows import found_fields
from flowbackup.catalog.rows import VersionRow
from flowbackup.cli.ls import long_text, short_text
from flowbackup.cli.options import Command, Size, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS


@click.command(
    cls=Command,
    examples=(
        "flowbackup find '*.conf' 'hosts'",
        "flowbackup find --in site:etc --type file --size-min 1MiB --newer 2026-07-31 -l",
    ),
)
@click.argument("patterns", nargs=-1, metavar="[PATTERN]...")
@click.option("--regex", default="", metavar="REGEX", help="Found anywhere in the path (RE2).")
@click.option("-i", "--ignore-case", is_flag=True, help="Take a for A, in patterns and REGEX.")
@click.option(
    "--in", "query", default="", metavar="OBJECT[:PATH]", help="Only there; all versions of a name."
)
@click.option(
    "--type",
    "kinds",
    multiple=True,
    type=click.Choice(list(KINDS)),
    help="May be given several times.",
)
@click.option("--size-min", type=Size(), metavar="SIZE", help="Files of SIZE or more.")
@click.option("--size-max", type=Size(), metavar="SIZE", help="Files of SIZE or less.")
@click.option("--newer", default="", metavar="TIME", help="Changed at TIME or later.")
@click.option("--older", default="", metavar="TIME", help="Changed before TIME.")
@click.option("-l", "--long", is_flag=True, help="Mode, owner, size and time of each entry.")
@catalog_option
@output_options
@click.pass_obj
def find(
    output: Output,
    patterns: tuple[str, ...],
    regex: str,
    ignore_case: bool,
    query: str,
    kinds: tuple[str, ...],
    size_min: int | None,
    size_max: int | None,
    newer: str,
    older: str,
    long: bool,
    catalog: Path | None,
) -> int:
    """Find names in all versions of all objects: those that match any PATTERN and all options.

    PATTERN is one of names (*.conf), or with a slash one of whole paths (etc/*.conf), where * runs
    over slashes.  What is the same in several versions is one row that names them all.  Only the
    catalog is asked, so that what is on media that are away is found, too.
    """
    request = api.FindRequest(
        patterns, regex, ignore_case, query, kinds, size_min, size_max, newer, older
    )
    text = long_text if long else short_text
    count = 0
    for row in api.find(request, catalog):
        count += 1
        output.row("found", found_fields(row), f"{versions_text(row.versions)}  {text(row.entry)}")
    if not count and not output.json:
        output.remark("nothing was found")
    return EXIT_SUCCESS


def versions_text(versions: Sequence[VersionRow]) -> str:
    """Versions of one object as "web/site@1-3,7"."""
    record = versions[0].record
    numbers = [version.number for version in versions]
    breaks = [at for at, (one, next_) in enumerate(pairwise(numbers), 1) if next_ != one + 1]
    edges = pairwise((0, *breaks, len(numbers)))
    runs = [(numbers[first], numbers[last - 1]) for first, last in edges]
    spans = ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
    return f"{record.client}/{record.name}@{spans}"
