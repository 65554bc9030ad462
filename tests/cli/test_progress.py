"""What is seen while something runs, on a clock that the test moves."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from flowbackup.api.moment import done_text, edge_state_text, progress_line, stage_text
from flowbackup.api.rates import READ, RateMeter
from flowbackup.cli.live import LiveTable
from flowbackup.cli.output import Output
from flowbackup.cli.progress import LINE_SECONDS, JsonProgress, LineProgress, show_progress
from flowbackup.cli.summary import PROBLEMS_SHOWN_MAX
from flowbackup.monitor import WAITING, EdgeState, Problem, Progress
from tests.cli import samples


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_is_of_now_and_not_of_the_whole_run() -> None:
    meter = RateMeter(started=0.0, window_seconds=3.0)
    for second in range(1, 11):
        meter.rates(samples.moment(second * 10**6), float(second))
    rates = meter.rates(samples.moment(10 * 10**6), 14.0)
    assert rates[READ] == 0.0
    rates = meter.rates(samples.moment(40 * 10**6), 17.0)
    assert rates["web -> primary.nas"] == pytest.approx(10e6)


def test_two_moments_further_apart_than_the_window_still_give_a_rate() -> None:
    meter = RateMeter(started=0.0, window_seconds=3.0)
    assert meter.rates(samples.moment(50 * 10**6), 10.0)[READ] == pytest.approx(5e6)


def test_unknown_totals_are_called_unknown() -> None:
    assert done_text(samples.moment(1 << 20)) == (
        "7 files (total unknown), 1 MiB read (total unknown)"
    )
    assert done_text(samples.moment(1 << 20, totals=True)) == "7 of 10 files, 1 MiB of 5 MiB read"


def test_the_line_names_who_is_waited_for() -> None:
    progress = samples.moment(1 << 20, waiting_for="usb")
    line = progress_line(progress, {READ: 5e6, "web -> primary.nas": 4e6})
    assert line == (
        "backup: 7 files (total unknown), 1 MiB read (total unknown) at 5 MB/s; "
        "web -> primary.nas 4 MB/s buffer 6/8 durable 512 KiB waiting for usb since 14 s"
    )


def test_a_session_that_waits_for_devices_says_only_that() -> None:
    edge = EdgeState("usb", 0, 0, 0, 0, 0, "waiting", "session 0192 (process 7 on vm)", 14.2)
    line = progress_line(Progress(WAITING, edges=(edge,)), {READ: 0.0, "usb": 0.0})
    assert line == (
        "waiting for devices: usb waiting for session 0192 (process 7 on vm) since 14 s"
    )
    assert stage_text(Progress(WAITING, edges=(edge,)), {READ: 0.0}) == "waiting for devices"


def test_a_short_wait_is_no_news() -> None:
    edge = EdgeState("a -> b", 0, 1, 1, 8, 8, waiting_for="b", waiting_seconds=0.4)
    assert edge_state_text(edge) == "running"


def test_elsewhere_one_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    monitor = LineProgress(Output(), clock)
    for _ in range(100):
        clock.now += LINE_SECONDS / 40
        monitor.progress(samples.moment(1))
    monitor.problem(Problem("vanished", "gone", path=b"a\nb"))
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert len(lines) == 3
    assert lines[2] == "problem: vanished a\\nb: gone"


def test_a_flood_of_problems_is_not_told_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    monitor = LineProgress(Output(), Clock())
    for number in range(100):
        monitor.problem(Problem("exists", "left as it is", path=b"%d" % number))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == PROBLEMS_SHOWN_MAX + 1
    assert lines[-1] == "more problems: the summary counts them"


def test_the_time_before_the_first_byte_makes_nothing_slower() -> None:
    meter = RateMeter(started=0.0, window_seconds=10.0)
    nothing = Progress("backup", edges=(samples.edge(moved=0),))
    for second in (4.0, 9.0):
        meter.rates(nothing, second)
    rates = meter.rates(samples.moment(10 * 10**6), 10.0)
    assert rates[READ] == pytest.approx(10e6)


def test_before_anything_is_read_nothing_is_said_of_rates() -> None:
    assert progress_line(Progress("starting"), {READ: 0.0}) == "starting"
    found = Progress("starting", files_total=3, bytes_total=5 << 20)
    assert progress_line(found, {READ: 0.0}) == "starting: 3 files, 5 MiB to read"


def test_programs_get_states_at_most_once_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    monitor = JsonProgress(Output(json=True), clock)
    for _ in range(10):
        monitor.progress(samples.moment(1))
        clock.now += 0.25
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_the_live_table_has_a_row_for_each_edge() -> None:
    clock = Clock()
    stream = io.StringIO()
    console = Console(file=stream, width=140, force_terminal=True, color_system=None)
    live = LiveTable(console, clock)
    clock.now += 2
    live.progress(
        Progress(
            "backup",
            edges=(
                samples.edge(moved=200 * 10**6),
                samples.edge("primary.nas -> offsite.usb", 100 * 10**6, "usb", level=1),
            ),
        )
    )
    live.problem(Problem("unreadable", "[red]EACCES", path=b"x"))
    console.print(live.render())
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    first, second = (line for line in text.splitlines() if "->" in line)
    assert "100 MB/s" in first
    assert "6/8" in first
    assert first.rstrip().endswith("running")
    assert second.startswith("  primary.nas -> offsite.usb")
    assert second.rstrip().endswith("waiting for usb since 14 s")
    assert "unreadable x: [red]EACCES" in text  # a name is never taken for markup
    assert ", 1 problem\n" in re.sub(" +\n", "\n", text)


def test_the_rate_of_a_table_without_news_falls_to_nothing() -> None:
    clock = Clock()
    stream = io.StringIO()
    console = Console(file=stream, width=140, color_system=None)
    live = LiveTable(console, clock)
    for _ in range(20):
        clock.now += 0.5
        live.progress(samples.moment(200 * 10**6))
        live.render()
    console.print(live.render())
    assert "MB/s" not in stream.getvalue()


def test_quiet_wins_over_json_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress(Output(json=True, quiet=True)) as monitor:
        monitor.message("x")
        monitor.progress(samples.moment(1))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("outcome", ["success", "incomplete", "failed"])
def test_only_success_is_green(outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert ("\x1b[32m" in Output().styled("x", outcome)) == (outcome == "success")
    monkeypatch.setenv("NO_COLOR", "1")
    assert Output().styled("x", outcome) == "x"


def test_nothing_is_painted_before_there_is_something_to_tell() -> None:
    """Until then somebody may be typing a passphrase."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    with LiveTable(console) as live:
        live.message("before")
        assert stream.getvalue() == "before\n"
        live.progress(samples.moment(1))
        live.message("behind")
        assert "\x1b[" in stream.getvalue()
