"""flowbackup tag: words for versions, by which retention keeps them."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.catalog.rows import VersionRow
from flowbackup.cli.columns import table
from flowbackup.cli.names import long_id, short_id, time_text
from flowbackup.cli.options import Command, catalog_option, output_options, tag_option
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS

HEADS = ("object", "id", "made", "tags")


@click.command(
    cls=Command,
    examples=("flowbackup tag site@3 --add release", "flowbackup tag site --all --remove draft"),
)
@click.argument("objects", nargs=-1, required=True, metavar="OBJECT...")
@tag_option("--add", "A word that they get; may be given several times.", "more")
@tag_option("--remove", "A word that they lose; may be given several times.", "less")
@click.option("--all", "every", is_flag=True, help="All versions of each OBJECT, not the newest.")
@catalog_option
@output_options
@click.pass_obj
def tag(
    output: Output, objects: tuple[str, ...], more: tuple[str, ...], less: tuple[str, ...],
    every: bool, catalog: Path | None,
) -> int:  # fmt: skip
    """Give versions words by which `forget --keep-tag` keeps them, or take them away.

    OBJECT is the newest version, as everywhere, OBJECT@3 that one.  Without --add and --remove the
    tags are shown.  The catalog knows them at once, media from the next backup of the object on:
    until then a rebuild finds the tags of before.
    """
    tagged = api.tag(objects, catalog, more=more, less=less, every=every)
    if output.json:
        for version, tags in tagged:
            output.row("version", _fields(version, tags), "")
    elif not output.quiet:
        output.text(table(HEADS, [_cells(version, tags) for version, tags in tagged]))
    return EXIT_SUCCESS


def _fields(version: VersionRow, tags: tuple[str, ...]) -> dict[str, object]:
    return {
        "client": version.record.client,
        "name": version.record.name,
        "version": version.number,
        "object_id": long_id(version.object_id),
        "finished_ns": version.record.finished_ns,
        "tags": list(tags),
    }


def _cells(version: VersionRow, tags: tuple[str, ...]) -> tuple[str, ...]:
    made = time_text(version.record.finished_ns)
    return str(version), short_id(version.object_id), made, ", ".join(tags)
