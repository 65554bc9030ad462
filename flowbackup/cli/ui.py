"""flowbackup ui: the page on which chains are drawn, watched and read back."""

from __future__ import annotations

import os
from pathlib import Path

import click

from flowbackup.cli.options import Command, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS


@click.command(
    cls=Command,
    examples=(
        "flowbackup ui",
        "flowbackup ui --root /srv/graphs --root /mnt --port 8370 --no-browser",
    ),
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
    help="Where it listens; with another one, others can reach it.",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="0, as without: any."
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option(
    "--root", "roots", multiple=True, metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder that the page may use: for graphs, devices, sources and restores; may be given "
    "several times. Without it, the present one.",
)  # fmt: skip
@catalog_option
@output_options
@click.pass_obj
def ui(
    output: Output, host: str, port: int, no_browser: bool, roots: tuple[Path, ...],
    catalog: Path | None,
) -> int:  # fmt: skip
    """Show the page on which chains are drawn, watched and read back, until Ctrl-C.

    Whoever has the address, with the token in it, may do on the page what the page can do as you:
    read and write below the folders of --root, but run no programs.  What it has started goes on
    when the page is closed, and when this command ends.
    """
    from flowbackup.ui.serving import is_near, serve, show  # noqa: PLC0415  for this alone
    from flowbackup.ui.settings import Settings, state_folder  # noqa: PLC0415

    settings = Settings(
        roots=roots or (Path.cwd(),), state=state_folder(), host=host, port=port, catalog=catalog
    )

    def listening(address: str) -> None:
        output.row("listening", {"address": address, "pid": os.getpid()}, address)
        if not is_near(host):
            output.remark("others can reach it, and nothing is encrypted on the way: see README.md")
        if not no_browser:
            show(address)

    serve(settings, listening)
    return EXIT_SUCCESS
