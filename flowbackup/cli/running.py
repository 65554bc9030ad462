"""flowbackup attach, detach, limit, cancel: changes of a running session, from another terminal."""

from __future__ import annotations

import os
from pathlib import Path

import click

from flowbackup import api
from flowbackup.api.submitting import stop_job
from flowbackup.cli.options import Command, Rate, catalog_option, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.model.location import whole_place
from flowbackup.units import format_rate


@click.command(
    cls=Command,
    examples=(
        "flowbackup attach latest --mirror /mnt/usb --init",
        "flowbackup attach 01940c --mirror vault --from offsite.usb",
    ),
)
@click.argument("session")
@click.option(
    "--mirror", required=True, metavar="DIR|DEVICE",
    help="A directory, with a slash in it, a bucket, a tape drive (tape:///dev/nst0), or the name "
    "of a device of the graph.",
)  # fmt: skip
@click.option(
    "--from", "source", default="", metavar="AGENT",
    help="Who feeds it: an agent, or its device; without it the one that begins the chain.",
)  # fmt: skip
@click.option("--init", is_flag=True, help="Make a medium of DIR if it is empty.")
@catalog_option
@output_options
@click.pass_obj
def attach(
    output: Output, session: str, mirror: str, source: str, init: bool, catalog: Path | None
) -> int:
    """Give a running SESSION one more mirror, from the next frames on.

    What was sent before, `flowbackup repair` puts there when the session has ended.  SESSION is the
    beginning of an id, or latest.  Everything is checked as if the mirror had stood in the graph;
    the session goes on whether it can be attached or not, and is complete without it.
    """
    place = whole_place(mirror) if os.sep in mirror else mirror
    agent = api.change_session(session, "attach", catalog, device=place, from_=source, init=init)
    output.row("attached", {"agent": agent}, f"{agent} is attached")
    output.remark(f"when the session has ended, `flowbackup repair {mirror}` brings what it missed")
    return EXIT_SUCCESS


@click.command(
    cls=Command,
    examples=("flowbackup detach latest usb", "flowbackup detach 01940c offsite.usb --json"),
)
@click.argument("session")
@click.argument("device")
@catalog_option
@output_options
@click.pass_obj
def detach(output: Output, session: str, device: str, catalog: Path | None) -> int:
    """Let a mirror of a running SESSION go, at the border of a frame.

    DEVICE is the name of a device or of its agent.  When this returns, the medium is sealed and
    nobody uses it any more.  Mirrors behind it go on.  The session does without this copy: if it
    was required, it ends with exit code 4, and `flowbackup repair` completes the copy.
    """
    agent = api.change_session(session, "detach", catalog, device=device)
    output.row("detached", {"agent": agent}, f"{agent} is detached, its medium can be taken away")
    return EXIT_SUCCESS


@click.command(
    cls=Command,
    examples=("flowbackup limit latest usb 20MB/s", "flowbackup limit 01940c usb none"),
)
@click.argument("session")
@click.argument("coupling")
@click.argument("rate", type=Rate())
@catalog_option
@output_options
@click.pass_obj
def limit(output: Output, session: str, coupling: str, rate: int, catalog: Path | None) -> int:
    """Say how fast a COUPLING of a running SESSION may be, from the next frame on.

    COUPLING is the name that the live table shows, as in "primary.nas -> offsite.usb", or the agent
    or device that it leads to.  RATE is bytes per second, or none.  The graph stays as it is.
    """
    edge = api.change_session(session, "limit", catalog, edge=coupling, rate=rate)
    said = format_rate(rate) if rate else "not limited"
    output.row("limited", {"edge": edge, "rate": rate or None}, f"{edge}: {said}")
    return EXIT_SUCCESS


@click.command(cls=Command, examples=("flowbackup cancel latest", "flowbackup cancel 01940c --now"))
@click.argument("session")
@click.option("--now", is_flag=True, help="At once, not at the border of the objects under way.")
@click.option(
    "--address", default="", metavar="URL",
    help="Of Ray's job server, for a submitted one; SESSION is its whole id then.",
)  # fmt: skip
@catalog_option
@output_options
@click.pass_obj
def cancel(output: Output, session: str, now: bool, address: str, catalog: Path | None) -> int:
    """End a running SESSION in order, as Ctrl-C does where it was started.

    It finishes the objects that are read within a second and cuts longer ones off behind a frame,
    with --now it ends at once; `flowbackup sessions` tells when.
    """
    if address:
        stop_job(session, address)
        now = False
    else:
        api.change_session(session, "cancel", catalog, now=now)
    when = "now" if now else "behind the objects under way"
    output.row("cancelled", {"now": now}, f"the session ends {when}")
    return EXIT_SUCCESS
