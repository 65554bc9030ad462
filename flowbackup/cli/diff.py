"""flowbackup diff: two versions beside each other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from flowbackup import api
from flowbackup.api.rows import difference_fields
from flowbackup.catalog.rows import ChangeKind, DifferenceRow
from flowbackup.cli.ls import short_text
from flowbackup.cli.options import Command, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.units import format_size

SIGNS = {
    ChangeKind.ADDED: "+",
    ChangeKind.REMOVED: "-",
    ChangeKind.CHANGED: "M",
    ChangeKind.MOVED: ">",
}


@click.command(
    cls=Command,
    examples=("flowbackup diff site@2 site@3", "flowbackup diff web/site:etc db/site:etc --json"),
)
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@catalog_option
@output_options
@click.pass_obj
def diff(output: Output, before: str, after: str, catalog: Path | None) -> int:
    """Show what was added (+), removed (-), changed (M) and moved (>) from A to B, each of them
    OBJECT[:PATH].

    A name was moved if it is the same inode as one that is gone, or has the same content and the
    same name or time.  That something came or went is no change of the directory that it is in.
    """
    rows = api.diff(before, after, catalog)
    for row in rows:
        output.row("difference", difference_fields(row), _text(row))
    if not output.json:
        output.remark(_sum(rows))
    return EXIT_SUCCESS


def _text(row: DifferenceRow) -> str:
    entry = row.after or row.before
    assert entry is not None
    text = f"{SIGNS[row.kind]} "
    if row.kind is ChangeKind.MOVED and row.before is not None:
        text += f"{short_text(row.before)} -> "
    text += short_text(entry)
    return f"{text} ({', '.join(row.aspects)})" if row.aspects else text


def _sum(rows: list[DifferenceRow]) -> str:
    if not rows:
        return "no difference"
    count = Counter(row.kind for row in rows)
    text = ", ".join(f"{count[kind]} {kind}" for kind in ChangeKind if count[kind])
    more = sum(row.after.size for row in rows if row.after is not None)
    less = sum(row.before.size for row in rows if row.before is not None)
    sign = "-" if more < less else "+"
    return f"{text}; {sign}{format_size(abs(more - less))}"
