"""flowbackup why: which rule decided?"""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.names import one_line, path_fields, path_text
from flowbackup.cli.options import Command, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS


@click.command(
    cls=Command,
    examples=(
        "flowbackup why /srv/www/cache/index.html",
        "flowbackup why /srv/www/dump.sql --graph nightly.yaml",
    ),
)
@click.argument("path", metavar="PATH")
@click.option(
    "--graph",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Ask this graph, and not those that ran.",
)
@catalog_option
@output_options
@click.pass_obj
def why(output: Output, path: str, graph: Path | None, catalog: Path | None) -> int:
    """Tell whether PATH would be backed up now, and which rule decides about it.

    Rules are the keys of an object in the graph, as `exclude`, and lines of .flowbackupignore files
    in its tree: of those that match, the last one of the deepest file decides.
    """
    for row in api.why(path, graph, catalog):
        fields = {
            "object": row.data_object, **path_fields(row.path), "kept": row.is_kept,
            "rule": row.rule,
        }  # fmt: skip
        verdict = "backed up with" if row.is_kept else "left out of"
        reason = one_line(row.rule) or "no rule leaves it out"
        place = path_text(row.path) or "."
        output.row("why", fields, f"{place}: {verdict} {row.data_object}: {reason}")
    return EXIT_SUCCESS
