"""flowbackup submit: have a cluster run a graph, and hear of it from afar."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from flowbackup import plan as planning
from flowbackup.api.submitting import SubmitRequest, wait_for_job
from flowbackup.api.submitting import submit as submit_graph
from flowbackup.cli.options import Command, output_options
from flowbackup.cli.output import Output, write_json
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary
from flowbackup.errors import EXIT_SUCCESS
from flowbackup.model.received import problem_of, progress_of, report_of
from flowbackup.monitor import Monitor
from flowbackup.plan.machine import Machine


@click.command(
    cls=Command,
    examples=(
        "flowbackup submit nightly.yaml --address http://head:8265 --wait",
        "flowbackup submit nightly.yaml --address http://head:8265 -- --retry-lock 2h --init",
    ),
)
@click.argument("graph", type=click.Path(path_type=Path), metavar="GRAPH.yaml")
@click.argument("options", nargs=-1, metavar="[-- RUN OPTIONS]")
@click.option(
    "--address", required=True, envvar="RAY_API_SERVER_ADDRESS", show_envvar=True, metavar="URL",
    help="Of Ray's job server, as http://head:8265.",
)  # fmt: skip
@click.option("--wait", is_flag=True, help="Follow it, and end with its exit code.")
@click.option(
    "--program", default="flowbackup", metavar="PATH", help="flowbackup, as the head finds it."
)
@output_options
@click.pass_obj
def submit(
    output: Output, graph: Path, options: tuple[str, ...], address: str, wait: bool, program: str
) -> int:
    """Have the head of a Ray cluster run GRAPH, with the RUN OPTIONS of `flowbackup run`.

    The graph is sent there; what it names is what the nodes of the cluster have, and so is the
    catalog.  The id of the job is that of the session.  With --wait, Ctrl-C ends the session in
    order, and a second one only stops listening.
    """
    # What memory there is, the head looks at.
    planning.load_plan(graph, machine=Machine())
    session = submit_graph(graph, SubmitRequest(address, program, options))
    text = f"session {session} is submitted"
    if not wait:
        output.row("submitted", {"session": session, "address": address}, text)
        output.remark(f"flowbackup cancel {session} --address {address} ends it in order")
        return EXIT_SUCCESS
    output.remark(text)
    output.log.belongs_to(session)
    # What the job says in JSON is handed on as it is: with a log, only that is made here.
    shown = replace(output, json=False) if output.log_json else output
    heard = _Heard(shown, only_logs=output.json)

    def hear(fields: dict[str, Any]) -> None:
        if output.json:
            write_json(fields)
        if output.log_json or not output.json:
            heard.hear(fields, monitor)

    with show_progress(shown) as monitor:
        exit_code = wait_for_job(session, address, hear)
    heard.show()
    return exit_code


class _Heard:
    """What a job tells, as if it ran here: an end is shown behind the progress."""

    def __init__(self, output: Output, *, only_logs: bool) -> None:
        self._output = output
        self._only_logs = only_logs
        self._ends: list[dict[str, Any]] = []

    def hear(self, fields: dict[str, Any], monitor: Monitor) -> None:
        if fields["type"] == "message":
            monitor.message(fields["text"])
        elif fields["type"] == "problem":
            monitor.problem(problem_of(fields))
        elif fields["type"] == "progress":
            monitor.progress(progress_of(fields))
        else:
            self._ends.append(fields)

    def show(self) -> None:
        for fields in self._ends:
            if fields["type"] == "summary" and self._only_logs:
                self._output.log.ended(report_of(fields))
            elif fields["type"] == "summary":
                show_summary(report_of(fields), self._output)
            elif fields["type"] == "error":
                self._output.plain_error(
                    fields["kind"], fields["text"], fields["exit_code"], fields.get("remedy", "")
                )
                for finding in fields.get("findings", ()):
                    self._output.remark(f"  {finding}")
