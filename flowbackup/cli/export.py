"""flowbackup export: a version as an archive."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from flowbackup import api
from flowbackup.cli.options import (
    Command,
    address_option,
    as_of_option,
    catalog_option,
    exclude_option,
    include_option,
    output_options,
)
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary, summary_text
from flowbackup.errors import UsageError


@click.command(
    cls=Command,
    examples=(
        "flowbackup export latest --tar | tar -x -C /tmp/back --xattrs --xattrs-include='*'",
        "flowbackup export site:etc --as-of 2026-07-31 --tar --output etc.tar",
    ),
)
@click.argument("query", metavar="OBJECT[:PATH]")
@click.option("--tar", required=True, is_flag=True, help="As a tar archive (pax, for GNU tar).")
@click.option(
    "--output", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="Into this new file, and not to standard output.",
)  # fmt: skip
@include_option
@exclude_option
@as_of_option
@address_option
@catalog_option
@output_options
@click.pass_obj
def export(
    output: Output,
    query: str,
    tar: bool,
    file: Path | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    as_of: str,
    address: str,
    catalog: Path | None,
) -> int:
    """Write OBJECT, or PATH inside it, as an archive to standard output or a file.

    Names are the bytes that they are; links, holes, times in ns and extended attributes come along.
    An archive that cannot be finished has no end, and the exit code is not 0.
    """
    request = api.RestoreRequest(
        catalog=catalog, include=include, exclude=exclude, as_of=as_of, address=address
    )
    with _opened(file, output) as out, show_progress(output) as monitor:
        report = api.export_tar(query, out, request, monitor)
    if file is not None:
        return show_summary(report, output)
    if report.exit_code:
        output.remark(summary_text(report, output))
    return report.exit_code


@contextmanager
def _opened(file: Path | None, output: Output) -> Iterator[BinaryIO]:
    """Where the archive goes.  Raises UsageError."""
    if file is None:
        if output.json:
            raise UsageError(
                "standard output is the archive", remedy="with --json, write it to a file: --output"
            )
        if sys.stdout.isatty():
            raise UsageError("a terminal takes no archive", remedy="write | tar -x, or --output")
        yield sys.stdout.buffer
        return
    try:
        opened = file.open("xb")
    except OSError as error:
        raise UsageError(
            f"cannot write {file}: {error.strerror}", remedy="name a new file"
        ) from error
    with opened:
        yield opened
