"""The part of the api that has graphs run at set times."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowbackup.catalog.location import catalog_of
from flowbackup.errors import UsageError
from flowbackup.model.device import HERE
from flowbackup.model.location import DIRECTORY
from flowbackup.plan.decided import Plan
from flowbackup.schedule.calendar import parse_calendar
from flowbackup.schedule.due import next_runs as next_runs
from flowbackup.schedule.task import Task


@dataclass(frozen=True, slots=True)
class ScheduleRequest:
    """at: a time as of `parse_calendar`.  program: flowbackup where the graph is run, with its
    whole path if that is a machine.  options: of the run, further words.  catalog: None for that of
    the graph or the default one.  file: where the graph is, "" for where it was read; on a cluster
    that is another place."""

    at: str
    program: str = "flowbackup"
    options: tuple[str, ...] = ()
    catalog: Path | None = None
    passphrase: Path | None = None
    metrics: Path | None = None
    address: str = ""
    file: str = ""


def schedule_task(plan: Plan, request: ScheduleRequest) -> Task:
    """The run of a plan that was read from a file.  Raises UsageError."""
    far = [node.name for node in plan.nodes if node.labels]
    if far and not request.address:
        raise UsageError(
            f"graph {plan.graph} names nodes of a cluster: {', '.join(far)}",
            remedy="say with --address which cluster",
        )
    file = request.file or os.path.abspath(plan.path)
    catalog = os.path.abspath(catalog_of(request.catalog, plan.catalog))
    words = [request.program, "run", file, "--catalog", catalog, *request.options]
    if request.address:
        words += ["--address", request.address]
    writable = [os.path.dirname(catalog), *_near_places(plan)]
    if request.metrics:
        metrics = os.path.abspath(request.metrics)
        words += ["--metrics", metrics]
        writable.append(os.path.dirname(metrics))
    return Task(
        plan.graph, file, tuple(words), parse_calendar(request.at), tuple(dict.fromkeys(writable)),
        is_confined=not _runs_programs(plan),
        passphrase=os.path.abspath(request.passphrase) if request.passphrase else "",
    )  # fmt: skip


def _near_places(plan: Plan) -> Iterator[str]:
    """Directories of this machine to which a run may write."""
    for part in (plan, *plan.stages):
        for agent in part.agents:
            if agent.node == HERE and agent.device.kind == DIRECTORY:
                yield agent.device.location
        for group in part.groups:
            near = (spare.device for spare in group.spares if spare.node == HERE)
            yield from (device.location for device in near if device.kind == DIRECTORY)


def _runs_programs(plan: Plan) -> bool:
    streams = (item.stream for item in plan.objects)
    has_commands = any(stream and (stream.command or stream.source) for stream in streams)
    return has_commands or bool(plan.hooks) or any(item.hooks for item in plan.objects)
