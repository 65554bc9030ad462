"""flowbackup restore: files come back."""

from __future__ import annotations

from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.explanation import show_explanation
from flowbackup.cli.options import (
    Command,
    address_option,
    as_of_option,
    catalog_option,
    exclude_option,
    include_option,
    output_options,
    profile_option,
)
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary


@click.command(
    cls=Command,
    examples=(
        "flowbackup restore latest --target /tmp/back",
        "flowbackup restore site:etc --as-of 2026-07-31 --target /tmp/back --include '*.conf'",
    ),
)
@click.argument("query", metavar="OBJECT[:PATH]")
@click.option(
    "--target", required=True, type=click.Path(file_okay=False), help="The folder to restore into."
)
@include_option
@exclude_option
@click.option(
    "--overwrite",
    type=click.Choice(["never", "changed", "always"]),
    default="never",
    show_default=True,
    help="What to do with files that exist.",
)
@as_of_option
@click.option("--dry-run", is_flag=True, help="Say what would be restored, and write nothing.")
@click.option("--explain", is_flag=True, help="Tell which copies were used, or would be, and why.")
@profile_option
@address_option
@catalog_option
@output_options
@click.pass_obj
def restore(
    output: Output,
    query: str,
    target: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    overwrite: str,
    as_of: str,
    dry_run: bool,
    explain: bool,
    profile: bool,
    address: str,
    catalog: Path | None,
) -> int:
    """Put OBJECT, or PATH inside it, into a folder.

    OBJECT is the beginning of an id, a name (client/name, or name), a version of it (name@3), or
    "latest".  Each frame is read from the best copy, and from the next one where that is not good;
    --explain says which and why.  The default loses no existing file.

    PATTERN is one of names (*.conf), or with a slash one of whole paths (etc/*.conf), where * runs
    over slashes; a directory that matches is meant with everything in it.
    """
    request = api.RestoreRequest(
        catalog=catalog, overwrite=overwrite, include=include, exclude=exclude, dry_run=dry_run,
        as_of=as_of, explain=explain, address=address,
    )  # fmt: skip
    with show_progress(output) as monitor:
        report = api.restore(query, target, request, monitor)
    if report.explanation is not None:
        show_explanation(report.explanation, output)
    return show_summary(report, output, profile=profile)
