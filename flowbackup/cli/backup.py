"""flowbackup backup: the whole thing without a graph file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from flowbackup import api
from flowbackup.cli.options import (
    Command,
    Size,
    address_option,
    catalog_option,
    engine_option,
    full_option,
    init_option,
    metrics_option,
    output_options,
    profile_option,
    resume_option,
    retry_lock_option,
    tag_option,
)
from flowbackup.cli.output import Output
from flowbackup.cli.watched import run_watched
from flowbackup.errors import UsageError
from flowbackup.model.source_rules import SourceRules


@click.command(
    cls=Command,
    examples=(
        "flowbackup backup /srv/www --to /mnt/nas/backup",
        "pg_dump site | flowbackup backup --stdin site.sql --to /mnt/nas --mirror /mnt/usb",
    ),
)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--stdin", default="", metavar="NAME", help="Standard input becomes this object.")
@click.option("--to", required=True, metavar="DIR", help="The device to write to.")
@click.option(
    "--mirror",
    "mirrors",
    multiple=True,
    metavar="DIR",
    help="One more level of the chain; may be given several times.",
)
@click.option(
    "-e",
    "--exclude",
    multiple=True,
    metavar="PATTERN",
    help="Leave out what this matches, as in a .gitignore at the root of each PATH; repeatable.",
)
@click.option("--exclude-caches", is_flag=True, help="Leave out directories with a CACHEDIR.TAG.")
@click.option("--exclude-larger-than", type=Size(), help='Leave out files above this, as "4 GiB".')
@click.option("-x", "--one-file-system", is_flag=True, help="Leave out what is mounted below PATH.")
@click.option("--name", default="", help='The graph\'s name; "backup" unless given.')
@click.option("--frame-size", type=Size(), help='Content of a frame, as in "8 MiB".')
@click.option(
    "--compression",
    metavar="WHICH",
    help='How content is packed: "none", "zstd", or "zstd:9" for another level than 2.',
)
@click.option("--key", default="", metavar="FILE", help="Encrypt everything with this key.")
@click.option(
    "--save-graph",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the graph that this runs, to be changed and run again.",
)
@tag_option("--tag", "A word for the versions that this makes; may be given several times.")
@init_option
@retry_lock_option
@full_option
@resume_option
@engine_option
@profile_option
@address_option
@metrics_option
@catalog_option
@output_options
@click.pass_obj
def backup(
    output: Output,
    paths: tuple[str, ...],
    stdin: str,
    to: str,
    mirrors: tuple[str, ...],
    exclude: tuple[str, ...],
    exclude_caches: bool,
    exclude_larger_than: int | None,
    one_file_system: bool,
    name: str,
    frame_size: int | None,
    compression: str | None,
    key: str,
    save_graph: Path | None,
    tags: tuple[str, ...],
    init: bool,
    retry_lock: float,
    full: bool,
    resume: bool | None,
    engine: str | None,
    profile: bool,
    address: str,
    metrics: Path | None,
    catalog: Path | None,
) -> int:
    """Back up PATHs to a device, and on to its mirrors.

    A DIR that does not exist yet is made and becomes a medium; an empty one needs --init, because
    it may be a mount point without its disk.  Each PATH becomes a data object.  The source is read
    once, however many mirrors there are.  Lines of .flowbackupignore files in it are obeyed;
    `flowbackup why` tells which rule decided about a path.

    With --stdin, whatever comes is saved when it ends: whether the program in front of the pipe was
    content, nobody can tell.  A graph with `command: [pg_dump, site]` runs it and can.
    """
    if not paths and not stdin:
        raise UsageError("nothing is to be backed up", remedy="name a PATH, or --stdin NAME")
    rules = SourceRules(
        exclude=exclude, exclude_caches=exclude_caches, one_file_system=one_file_system,
        larger_than_bytes=exclude_larger_than or 0,
    )  # fmt: skip
    plan = api.quick_plan(
        paths, to, mirrors, name=name, frame_size=frame_size, rules=rules, stdin=stdin,
        compression=_compression(compression), key=key,
    )  # fmt: skip
    if save_graph is not None:
        save_text(save_graph, plan.graph_text)
        output.remark(f"graph written to {save_graph}; flowbackup run {save_graph} does the same")
    settings = api.RunSettings(
        catalog=catalog, address=address, create=True, init=init, wait_seconds_max=retry_lock,
        resume=resume, full=full, engine=engine, tags=tags,
    )  # fmt: skip
    run = partial(api.run_backup, plan, settings)
    return run_watched(plan, settings, output, metrics, run, profile=profile)


def _compression(text: str | None) -> str | dict[str, int] | None:
    """As a graph has it, which says what is wrong with it."""
    codec, _, level = (text or "").partition(":")
    return {codec: int(level)} if level.isdecimal() and len(level) < 9 else text


def save_text(path: Path, text: str) -> None:
    """Writes a new file.  Raises UsageError for one that exists with other content."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        if path.read_text(encoding="utf-8") != text:
            raise UsageError(
                f"{path} exists and holds something else", remedy="name a new file, or remove it"
            ) from error
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
