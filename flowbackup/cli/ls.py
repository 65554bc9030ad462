"""flowbackup ls: what is inside a version."""

from __future__ import annotations

import stat
from pathlib import Path

import click

from flowbackup import api
from flowbackup.api.rows import entry_fields
from flowbackup.cli.names import path_text, time_text
from flowbackup.cli.options import Command, as_of_option, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.model.entry import FILE_TYPES, Entry, EntryKind


@click.command(
    cls=Command,
    examples=("flowbackup ls latest", "flowbackup ls site:etc -l -r --as-of 2026-07-31"),
)
@click.argument("query", metavar="OBJECT[:PATH]")
@click.option("-l", "--long", is_flag=True, help="Mode, owner, size and time of each entry.")
@click.option("-r", "--recursive", is_flag=True, help="Everything below, not only this folder.")
@as_of_option
@catalog_option
@output_options
@click.pass_obj
def ls(
    output: Output, query: str, long: bool, recursive: bool, as_of: str, catalog: Path | None
) -> int:  # fmt: skip
    """List what is inside OBJECT, or inside PATH of it."""
    text = long_text if long else short_text
    for entry in api.entries(query, catalog, recursive=recursive, as_of=as_of):
        output.row("entry", entry_fields(entry), text(entry))
    return EXIT_SUCCESS


def short_text(entry: Entry) -> str:
    """The path, with a slash behind a directory."""
    path = path_text(entry.path) or "."
    return f"{path}/" if entry.kind == EntryKind.DIRECTORY else path


def long_text(entry: Entry) -> str:
    """As `ls -l` has it, and the problem that an entry was saved with."""
    owner = path_text(entry.owner) or str(entry.uid)
    group = path_text(entry.group) or str(entry.gid)
    mode = stat.filemode(FILE_TYPES[EntryKind(entry.kind)] | entry.mode)
    line = f"{mode} {owner:<8} {group:<8} {entry.size:>12} {time_text(entry.mtime_ns)}"
    line += f" {path_text(entry.path) or '.'}"
    if entry.target is not None:
        line += f" -> {path_text(entry.target)}"
    if entry.hard_link is not None:
        line += f" = {path_text(entry.hard_link)}"
    return f"{line}  ({entry.problem})" if entry.problem else line
