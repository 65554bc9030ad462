"""flowbackup schedule: have a graph run by itself, at set times."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from flowbackup import api
from flowbackup.api.scheduling import ScheduleRequest, schedule_task
from flowbackup.cli.options import (
    Command,
    Decorated,
    Group,
    address_option,
    catalog_option,
    output_options,
    retry_lock_option,
)
from flowbackup.cli.output import Output
from flowbackup.errors import EXIT_SUCCESS, UsageError
from flowbackup.schedule import cron, kuberay
from flowbackup.schedule.places import CronPlace, KuberayPlace, Place, SystemdPlace
from flowbackup.schedule.systemd import units
from flowbackup.schedule.task import Task

SYSTEMD, CRON, KUBERAY = "systemd", "cron", "kuberay"
FILE = click.Path(dir_okay=False, path_type=Path)
DIRECTORY = click.Path(file_okay=False, path_type=Path)


@click.group(
    cls=Group,
    examples=(
        "flowbackup schedule print nightly.yaml --at 02:30",
        'flowbackup schedule install nightly.yaml --at "Mon..Fri 22:00" --cron',
    ),
)
def schedule() -> None:
    """Have graphs run by themselves: by systemd, cron or KubeRay."""


def _place_options(command: Decorated) -> Decorated:
    """--systemd, --cron, --kuberay and where exactly; see `_place_of`."""
    for option in (
        click.option("--time-zone", default="", metavar="ZONE", help="KubeRay: of the times."),
        click.option("--namespace", default="default", show_default=True, help="KubeRay: its own."),
        click.option(
            "--cluster", default="flowbackup", show_default=True, metavar="NAME",
            help="KubeRay: the RayCluster that runs it.",
        ),
        click.option(
            "--directory", type=DIRECTORY, help="Files go there, and nobody is told of them."
        ),
        click.option(
            "--user/--system", "is_user", default=None,
            help="Of this user or of the machine; without it, of the machine for root.",
        ),
        click.option("--kuberay", "kind", flag_value=KUBERAY, help="A RayCronJob of KubeRay."),
        click.option("--cron", "kind", flag_value=CRON, help="A line of cron."),
        click.option(
            "--systemd", "kind", flag_value=SYSTEMD, default=SYSTEMD,
            help="A timer and a service, which is what happens without it.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def _task_options(command: Decorated) -> Decorated:
    """What is run when; see `_task_of`."""
    for option in (
        retry_lock_option,
        catalog_option,
        address_option,
        click.option("--metrics", type=FILE, help="Written by each run; see `run --metrics`."),
        click.option(
            "--passphrase-file", "passphrase", type=FILE,
            help="Only whoever runs it can read it; systemd hands it on as a credential.",
        ),
        click.option(
            "--file", default="", metavar="PATH",
            help="The graph file, where it is another one when it is run, as on a cluster.",
        ),
        click.option("--program", default="", metavar="PATH", help="flowbackup, where it is run."),
        click.option(
            "--at", required=True, metavar="TIME",
            help='As in "02:30", "Mon..Fri 22:00", "*:0/15", "*-*-01 04:00" or "daily".',
        ),
    ):  # fmt: skip
        command = option(command)
    return click.argument("graph", type=click.Path(path_type=Path), metavar="GRAPH.yaml")(command)


def _both(command: Callable[..., int]) -> Callable[..., int]:
    return _task_options(_place_options(output_options(click.pass_obj(command))))


@schedule.command(
    "print",
    cls=Command,
    examples=(
        "flowbackup schedule print nightly.yaml --at daily",
        'flowbackup schedule print nightly.yaml --at "Sun 04:00" --cron',
    ),
)
@_both
def print_command(output: Output, **options: Any) -> int:
    """Show what `install` would write, and write nothing."""
    task, place = _task_of(options), _place_of(options)
    for name, text in _texts(task, place).items():
        output.row("file", {"name": name, "text": text}, f"# {name}\n{text}" if name else text)
    return EXIT_SUCCESS


@schedule.command(
    cls=Command,
    examples=(
        "flowbackup schedule install nightly.yaml --at 02:30 --retry-lock 2h",
        "flowbackup schedule install nightly.yaml --at hourly --cron --user",
    ),
)
@_both
def install(output: Output, **options: Any) -> int:
    """Have GRAPH.yaml run at its times from now on.

    Its name is that of the graph, so that to install it again changes its times.  It runs as root
    for --system, and as this user for --user: under systemd only while the user is there, unless
    `loginctl enable-linger` says otherwise.
    """
    task, place = _task_of(options), _place_of(options)
    if isinstance(place, SystemdPlace) and place.directory is None:
        # Confined to directories, a service cannot make the first one.
        os.makedirs(task.writable[0], exist_ok=True)
    for name in filter(None, place.install(task)):
        output.row("installed", {"name": name, "graph": task.graph}, f"installed: {name}")
    return EXIT_SUCCESS


@schedule.command(
    cls=Command,
    examples=("flowbackup schedule remove nightly", "flowbackup schedule remove n.yaml --cron"),
)
@click.argument("graph", metavar="GRAPH")
@_place_options
@output_options
@click.pass_obj
def remove(output: Output, /, graph: str, **options: Any) -> int:
    """Take away what `install` has made for GRAPH, a name or a file; nothing else is touched."""
    name = api.load_plan(graph).graph if Path(graph).suffix in (".yaml", ".yml") else graph
    removed = _place_of(options).remove(name)
    for each in removed:
        output.row("removed", {"name": each, "graph": name}, f"removed: {each}")
    if not removed:
        output.remark(f"nothing is installed for graph {name} there")
    return EXIT_SUCCESS


def _task_of(options: dict[str, Any]) -> Task:
    on_cluster = options["kind"] == KUBERAY
    plan = api.load_plan(options["graph"])
    if on_cluster and not (options["file"] and options["catalog"]):
        raise UsageError(
            "the graph and the catalog are in the head of the cluster",
            remedy="say where, as in --file /etc/flowbackup/n.yaml --catalog /var/lib/flowbackup/c",
        )
    wait = options["retry_lock"]
    return schedule_task(
        plan,
        ScheduleRequest(
            at=options["at"],
            program=options["program"] or ("flowbackup" if on_cluster else _program()),
            options=("--retry-lock", f"{wait:g}s"),
            catalog=options["catalog"],
            passphrase=options["passphrase"],
            metrics=options["metrics"],
            address=options["address"] or ("auto" if on_cluster else ""),
            file=options["file"],
        ),
    )


def _place_of(options: dict[str, Any]) -> Place:
    is_user, directory = options["is_user"], options["directory"]
    if is_user is None:
        is_user = os.geteuid() != 0
    if options["kind"] == KUBERAY:
        where = kuberay.Place(options["cluster"], options["namespace"], options["time_zone"])
        return KuberayPlace(where)
    kind = SystemdPlace if options["kind"] == SYSTEMD else CronPlace
    return kind(is_user, directory)


def _texts(task: Task, place: Place) -> dict[str, str]:
    if isinstance(place, SystemdPlace):
        return units(task, is_user=place.is_user)
    if isinstance(place, CronPlace):
        return {"": cron.lines(task, "" if place.is_user else place.runs_as)}
    return {"": kuberay.manifest(task, place.place)}


def _program() -> str:
    """The one that is running, or the one of that name that a shell would find."""
    here = os.path.abspath(sys.argv[0])
    if os.path.basename(here) == "flowbackup" and os.access(here, os.X_OK):
        return here
    found = shutil.which("flowbackup")
    if found is None:
        raise UsageError("flowbackup is not on the path", remedy="say where, with --program PATH")
    return os.path.abspath(found)
