"""Standard error as a log: every line an object, every object of a session and a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowbackup.cli.log import LOG_SECONDS, JsonLog, Level, LoggedProgress
from flowbackup.cli.output import Output
from flowbackup.cli.progress import show_progress
from flowbackup.cli.summary import show_summary
from flowbackup.errors import NotFoundError
from flowbackup.model.ids import id_text
from flowbackup.model.report import Outcome
from flowbackup.monitor import Problem, RecordingMonitor
from tests.cli import samples
from tests.cli.conftest import FakeApi, RunCommand


def lines_of(text: str) -> list[dict[str, Any]]:
    """Raises ValueError where one is no object of JSON."""
    return [json.loads(line) for line in text.splitlines()]


def test_every_line_of_a_backup_is_an_object_and_after_its_begin_of_its_session(
    flowbackup: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www" / "page").write_text("text")
    catalog, nas = str(tmp_path / "catalog"), str(tmp_path / "nas")
    ran = flowbackup(
        "backup", str(tmp_path / "www"), "--to", nas, "--init", "--catalog", catalog,
        "--log-json", "--json",
    )  # fmt: skip
    assert ran.exit_code == 0, ran.err
    session = json.loads(ran.out.splitlines()[-1])["session"]
    lines = lines_of(ran.err)
    began = [line["event"] for line in lines].index("session_began")
    assert lines[began]["kind"] == "backup"
    assert {line["session"] for line in lines[began:]} == {session}
    device, ended = lines[-2:]
    assert (device["event"], device["device"], device["state"]) == ("device", "nas", "complete")
    assert device["node"] and device["level"] == "info" and device["level_of_chain"] == 0
    assert (ended["event"], ended["outcome"], ended["exit_code"]) == ("session_ended", "success", 0)
    times = [datetime.fromisoformat(line["time"]) for line in lines]
    assert times == sorted(times) and times[0].tzinfo == UTC


def test_people_read_nothing_beside_the_log(flowbackup: RunCommand, fake_api: FakeApi) -> None:
    fake_api("objects", NotFoundError("no object", remedy="make one"))
    ran = flowbackup("objects", "--log-json")
    (line,) = lines_of(ran.err)
    assert ran.out == ""
    assert (line["level"], line["event"], line["message"]) == ("error", "error", "no object")
    assert (line["kind"], line["exit_code"]) == ("NotFoundError", ran.exit_code)
    assert line["remedy"] == "make one" and "session" not in line


def test_an_unexpected_error_is_one_line_with_its_traceback(
    flowbackup: RunCommand, fake_api: FakeApi
) -> None:
    fake_api("objects", ZeroDivisionError("x"))
    (line,) = lines_of(flowbackup("objects", "--log-json", "-v").err)
    assert line["kind"] == "ZeroDivisionError"
    assert line["traceback"].rstrip().endswith("ZeroDivisionError: x")


def test_the_time_is_utc_and_sorts_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    JsonLog(lambda: 1_790_000_000.0).write(Level.INFO, "message", "x")
    (line,) = lines_of(capsys.readouterr().err)
    assert line["time"] == "2026-09-21T14:13:20.000000Z"


def test_a_problem_says_on_which_device_and_is_handed_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    behind = RecordingMonitor()
    monitor = LoggedProgress(JsonLog(), behind, lambda _: None)
    monitor.session_began(samples.SESSION, "repair", "nas")
    problem = Problem("device_failed", "no space", device="usb")
    monitor.problem(problem)
    _, line = lines_of(capsys.readouterr().err)
    assert (line["level"], line["event"]) == ("warning", "problem")
    assert (line["kind"], line["device"], line["message"]) == ("device_failed", "usb", "no space")
    assert line["session"] == id_text(samples.SESSION)
    assert (behind.problems, behind.sessions) == ([problem], [samples.SESSION])


@pytest.mark.parametrize(("tells_states", "count"), [(True, 2), (False, 0)])
def test_states_come_every_ten_seconds_or_not_at_all(
    tells_states: bool, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    clock: Callable[[], float] = lambda: now[0]  # noqa: E731
    monitor = LoggedProgress(
        JsonLog(), RecordingMonitor(), lambda _: None, tells_states=tells_states, clock=clock
    )
    for second in range(int(2 * LOG_SECONDS) + 5):
        now[0] = float(second)
        monitor.progress(samples.moment(1))
    assert len(lines_of(capsys.readouterr().err)) == count


@pytest.mark.parametrize(
    ("outcome", "level"),
    [(Outcome.SUCCESS, "info"), (Outcome.INCOMPLETE, "warning"), (Outcome.FAILED, "error")],
)
def test_the_level_of_an_end_is_that_of_its_outcome(
    outcome: Outcome, level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show_summary(samples.report(outcome, 0), Output(log_json=True))
    line = lines_of(capsys.readouterr().err)[-1]
    assert (line["event"], line["level"]) == ("session_ended", level)


def test_quiet_leaves_problems_and_drops_messages(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress(Output(log_json=True, quiet=True)) as monitor:
        monitor.message("x")
        monitor.problem(Problem("unreadable", "y", path=b"z"))
    (line,) = lines_of(capsys.readouterr().err)
    assert (line["event"], line["path"]) == ("problem", "z")
