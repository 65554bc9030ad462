"""flowbackup submit: what a job tells is shown as if it ran here; its session bears its name."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowbackup.api import submitting
from flowbackup.api.moment import progress_fields
from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import InterruptedSessionError
from flowbackup.model.ids import id_text, new_id
from flowbackup.model.published import command_fields
from flowbackup.model.received import problem_of, progress_of, report_of
from flowbackup.model.report import Outcome
from flowbackup.monitor import EdgeState, Problem, Progress
from flowbackup.runtime import job
from flowbackup.runtime.cancel import Cancel
from tests.cli import samples
from tests.cli.conftest import RunCommand

SUMMARY = {"type": "summary", **command_fields(samples.report(Outcome.INCOMPLETE, 4))}
ERROR = {
    "type": "error", "kind": "GraphError", "exit_code": 10, "text": "no graph", "remedy": "mend it",
    "findings": ["g.yaml:1:1 wrong"],
}  # fmt: skip
GRAPH = """\
graph: g
clients: {web: {objects: {site: {path: /srv}}}}
devices: {nas: {path: /mnt/nas}}
backup_groups: {primary: {devices: [nas]}}
"""


class FakeServer:
    """A job server whose next job writes `lines` and ends as `end` says."""

    lines: tuple[str, ...] = ()
    end: tuple[str, int | None, str] = ("SUCCEEDED", 0, "")
    submitted: tuple[str, str, list[str]] = ("", "", [])
    stopped: tuple[str, ...] = ()

    def __init__(self, address: str) -> None:
        assert address == "http://head:8265"

    def submit(self, name: str, command: str, folder: Path) -> None:
        type(self).submitted = (name, command, [path.name for path in folder.iterdir()])

    def stop(self, name: str) -> None:
        type(self).stopped += (name,)

    def follow(self, name: str, hear: Callable[[str], None], look: Callable[[], None]) -> Any:
        from flowbackup.runtime.engines.ray_jobs import JobEnd

        for line in self.lines:
            hear(line)
            look()
        return JobEnd(*self.end)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> type[FakeServer]:
    from flowbackup.runtime.engines import ray_jobs

    fresh = type("FreshServer", (FakeServer,), {})
    monkeypatch.setattr(ray_jobs, "JobServer", fresh)
    return fresh


@pytest.fixture
def words(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "g.yaml").write_text(GRAPH)
    return ("submit", str(tmp_path / "g.yaml"), "--address", "http://head:8265")


def test_the_graph_and_the_options_of_the_run_are_sent(
    server: type[FakeServer], words: tuple[str, ...], flowbackup: RunCommand
) -> None:
    ran = flowbackup(*words, "--json", "--program", "/opt/f", "--", "--init", "--retry-lock", "2h")
    name, command, files = server.submitted
    assert command == "/opt/f run g.yaml --json --init --retry-lock 2h" and files == ["g.yaml"]
    assert ran.exit_code == 0
    assert ran.lines[0] == {"type": "submitted", "session": name, "address": "http://head:8265"}
    assert int(name[14]) == job.UUID_VERSION


@pytest.mark.parametrize(
    ("lines", "end", "exit_code", "shown"),
    [
        ([json.dumps(SUMMARY)], ("FAILED", 4, "log"), 4, "incomplete: graph"),
        ([json.dumps(SUMMARY)], ("STOPPED", None, ""), 4, "incomplete: graph"),
        ([json.dumps(ERROR)], ("FAILED", 10, "log"), 10, "g.yaml:1:1 wrong"),
        (["Traceback"], ("FAILED", 1, "log of it"), 1, "log of it"),
        ([], ("STOPPED", None, ""), 130, "the job is STOPPED"),
        ([], ("FAILED", None, "agent died"), 1, "agent died"),
        ([json.dumps(SUMMARY)], ("FAILED", 137, "killed behind it"), 137, "killed behind it"),
    ],
)
def test_the_exit_code_is_that_of_the_session(
    lines: list[str], end: tuple[str, int | None, str], exit_code: int, shown: str,
    server: type[FakeServer], words: tuple[str, ...], flowbackup: RunCommand,
) -> None:  # fmt: skip
    server.lines, server.end = tuple(lines), end
    ran = flowbackup(*words, "--wait")
    assert ran.exit_code == exit_code and shown in ran.out + ran.err
    last = flowbackup(*words, "--wait", "--json").lines[-1]
    assert last["exit_code"] == exit_code


def test_words_of_others_and_progress_are_shown(
    server: type[FakeServer], words: tuple[str, ...], flowbackup: RunCommand
) -> None:
    problem = {"type": "problem", "kind": "vanished", "text": "it went", "path": "a"}
    server.lines = ("a word of Ray", '{"no": "type"}', json.dumps(problem), json.dumps(SUMMARY))
    server.end = ("FAILED", 4, "")
    err = flowbackup(*words, "--wait").err
    assert all(text in err for text in ("a word of Ray", '{"no": "type"}', "vanished a: it went"))


def test_what_a_job_says_to_programs_stands_in_the_log_as_well(
    server: type[FakeServer], words: tuple[str, ...], flowbackup: RunCommand
) -> None:
    problem = {"type": "problem", "kind": "vanished", "text": "it went", "path": "a"}
    for end, event in ((SUMMARY, "session_ended"), (ERROR, "error")):
        server.lines = ("a word of Ray", json.dumps(problem), json.dumps(end))
        server.end = ("FAILED", end["exit_code"], "")
        ran = flowbackup(*words, "--wait", "--json", "--log-json")
        assert [line["type"] for line in ran.lines][-3:] == ["message", "problem", end["type"]]
        logged = [json.loads(line) for line in ran.err.splitlines()]
        assert "a word of Ray" in [line["message"] for line in logged]
        named = [line["event"] for line in logged if line["event"] in ("problem", event)]
        assert named == ["problem", event]


def test_the_first_signal_stops_the_job_and_the_second_leaves_it(
    server: type[FakeServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = Cancel(time.monotonic)

    class Cancelled:
        def __enter__(self) -> Cancel:
            return cancel

        def __exit__(self, *error: object) -> None: ...

    monkeypatch.setattr(submitting, "cancelled_by_signals", Cancelled)
    server.lines, server.end = ("1", "2", "3"), ("STOPPED", None, "")
    seen: list[str] = []

    def hear(fields: dict[str, Any]) -> None:
        seen.append(fields.get("text", ""))
        if fields.get("text") in hits:
            cancel.tell()

    hits = {"1"}
    assert submitting.wait_for_job("s", "http://head:8265", hear) == 130
    assert server.stopped == ("s",)
    hits = {"2"}
    with pytest.raises(InterruptedSessionError):
        submitting.wait_for_job("s", "http://head:8265", hear)
    assert seen[-2:] == ["1", "2"]


def test_cancel_by_the_job_server(server: type[FakeServer], flowbackup: RunCommand) -> None:
    assert flowbackup("cancel", "abc", "--address", "http://head:8265").exit_code == 0
    assert server.stopped == ("abc",)


def test_what_was_published_comes_back() -> None:
    report = samples.report(Outcome.INCOMPLETE, 4)
    problems = (Problem("a", "b", b"\xff/x"), Problem("c", "d", b"x", "nas"))
    report = replace(report, problems=problems, stages=(report,))
    fields = json.loads(json.dumps(command_fields(report)))
    assert command_fields(report_of(fields)) == fields
    assert tuple(problem_of(each) for each in fields["problems"]) == problems
    edge = EdgeState("a -> b", 1, 5, 4, 3, 8, "running", "b", 2.0)
    progress = Progress("backup", 1, 2, None, 4, (edge,))
    rates = {"a -> b": 1.0, "read": 1.0, "": 1.0}
    assert progress_of({**progress_fields(progress, _Any(rates)), "new": 1}) == progress


class _Any(dict[str, float]):
    def __missing__(self, name: str) -> float:
        return 0.0


def test_a_session_is_named_as_its_job_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, wanted = tmp_path / "c", new_id()
    tell = lambda text: monkeypatch.setenv(  # noqa: E731
        job.VARIABLE, json.dumps({"metadata": {"job_submission_id": text}})
    )
    tell(id_text(wanted))
    assert job.in_job() and job.session_id(catalog) == wanted
    with open_catalog(catalog) as opened:
        assert job.session_id(catalog) == wanted
        opened.begin_session(wanted, "backup", "g", "", "here", 1, "")
    assert job.session_id(catalog) != wanted
    for text in ("raysubmit_x", "", "6fa459ea-ee8a-4ca4-894e-db77e160355e", 7):
        tell(text)
        assert job.submission() is None
    for broken in ("", "[]", "{", '{"metadata": 3}'):
        monkeypatch.setenv(job.VARIABLE, broken)
        assert job.submission() is None


def test_a_command_in_a_job_joins_its_cluster(
    words: tuple[str, ...], flowbackup: RunCommand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowbackup import api

    addresses: list[str] = []

    def run(plan: Any, settings: api.RunSettings, monitor: Any) -> Any:
        addresses.append(settings.address)
        return samples.report()

    monkeypatch.setattr(api, "run_backup", run)
    flowbackup("run", words[1])
    monkeypatch.setenv(job.VARIABLE, "{}")
    flowbackup("run", words[1])
    assert addresses == ["", "auto"]
