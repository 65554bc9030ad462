"""flowbackup up, down: a Ray that is kept for the commands that need one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flowbackup import api
from flowbackup.cli.names import time_text
from flowbackup.cli.options import Command, output_options
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS

if TYPE_CHECKING:
    from flowbackup.api.warming import WarmRay


@click.command(cls=Command, examples=("flowbackup up", "flowbackup up --json"))
@output_options
@click.pass_obj
def up(output: Output) -> int:
    """Keep a Ray for the commands of this user that run on Ray, until `flowbackup down`.

    They find it without an --address and need not start one of their own.  It listens on loopback,
    with a token that only this user can read, and its workers have the environment of this command:
    so have programs that objects and their hooks run on it.  One that is up already stays.
    """
    warm, is_new = api.up()
    verb = "is up" if is_new else "was up already"
    output.row("ray", {**warm_fields(warm), "started": is_new}, f"Ray {verb}: {warm_text(warm)}")
    return EXIT_SUCCESS


@click.command(cls=Command, examples=("flowbackup down", "flowbackup down --now"))
@click.option("--now", is_flag=True, help="Also while commands use it, whose sessions then fail.")
@output_options
@click.pass_obj
def down(output: Output, now: bool) -> int:
    """End the Ray that `flowbackup up` keeps, and all of its processes."""
    warm = api.down(now=now)
    if warm is None:
        output.row("ray", {"state": "down", "ended": False}, "no Ray was up")
    else:
        output.row("ray", {"state": "down", "ended": True}, "Ray is down")
    return EXIT_SUCCESS


def warm_fields(warm: WarmRay) -> dict[str, object]:
    """The published keys of a warm Ray; its token is none of them."""
    return {
        "state": state_of(warm),
        "address": warm.address,
        "pid": warm.keeper.pid,
        "started_ns": warm.started_ns,
        "made_of": warm.made_of,
        "difference": warm.difference(),
    }


def state_of(warm: WarmRay) -> str:
    """up; dead; or other, which is up and of versions that this command does not use."""
    if not warm.is_up:
        return "dead"
    return "other" if warm.difference() else "up"


def warm_text(warm: WarmRay) -> str:
    return f"{warm.address}, process {warm.keeper.pid}, since {time_text(warm.started_ns)}"


def tell_warm(output: Output) -> None:
    """Whether there is one, for who asks what runs."""
    warm = api.warm()
    if warm is None:
        return
    texts = {
        "up": f"Ray is up: {warm_text(warm)}",
        "dead": "the Ray of `flowbackup up` has died; `flowbackup up` starts another one",
        "other": f"Ray is up and not used, it has {warm.difference()}; `flowbackup down` ends it",
    }
    output.row("ray", warm_fields(warm), texts[state_of(warm)])
