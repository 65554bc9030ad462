"""What the page starts lives by itself: its keeper writes down what it says, and any server, the
one that started it or a later one, tells the same."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowbackup.process import descendants, identify
from flowbackup.ui import jobs as jobs_module
from flowbackup.ui.jobs import JOB, JOBS_KEPT, Job, Jobs
from flowbackup.ui.keeper import END, PROCESS, PROGRESS, ROWS, ROWS_BYTES_MAX, note, write_whole
from flowbackup.ui.refusal import Refused
from flowbackup.ui.run_states import MESSAGES_SHOWN, PROBLEMS_SHOWN, Listener

EDGE = {
    "name": "web -> primary.nas", "level": 0, "bytes_moved": 7, "bytes_durable": 5,
    "bytes_per_second": 3, "slots_used": 1, "slots": 8, "state": "running", "waiting_for": "nas",
    "waiting_seconds": 1.5,
}  # fmt: skip
PROGRESS_ROW = {
    "type": "progress", "stage": "backup", "files": 1, "files_total": None, "bytes_read": 7,
    "bytes_total": None, "bytes_per_second": 3, "edges": [EDGE],
}  # fmt: skip
SUMMARY = {"type": "summary", "outcome": "success", "exit_code": 0, "session": "s"}
SAYS = """
import json, signal, sys, time
rows = json.loads(sys.argv[1])
for row in rows:
    print(json.dumps(row), flush=True)
if "wait" in sys.argv:
    try:
        signal.sigwait({signal.SIGINT}) if "deaf" in sys.argv else time.sleep(600)
    except KeyboardInterrupt:
        print(json.dumps({"type": "error", "kind": "Interrupted", "exit_code": 130, "text": "x"}))
        sys.exit(130)
"""


def lines(*rows: dict[str, Any]) -> list[bytes]:
    return [json.dumps(row).encode() + b"\n" for row in rows]


def wait_until(done: Callable[[], bool]) -> None:
    latest = time.monotonic() + 60
    while not done():
        assert time.monotonic() < latest
        time.sleep(0.01)


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Whose commands say what they are told to."""
    monkeypatch.setattr(jobs_module, "PROGRAM", SAYS)
    return Jobs(tmp_path / "state")


def start(jobs: Jobs, *rows: dict[str, Any], words: tuple[str, ...] = ()) -> Job:
    return jobs.start(
        "run", "nightly", (json.dumps(rows), *words), catalog=Path("/c"), graph="/g.yaml"
    )


def test_a_keeper_keeps_the_last_progress_and_every_other_row(tmp_path: Path) -> None:
    rows = io.BytesIO()
    later = {**PROGRESS_ROW, "files": 2}
    said = [{"type": "message", "text": "a"}, PROGRESS_ROW, {"type": "problem"}, later, SUMMARY]
    note([*lines(*said), b"no json\n", b"[1]\n"], tmp_path, rows)
    assert json.loads((tmp_path / PROGRESS).read_text()) == later
    kept = rows.getvalue().splitlines()
    assert [json.loads(line) for line in kept[:3]] == [said[0], said[2], SUMMARY]
    assert kept[3:] == [b"no json", b"[1]"]


def test_a_command_that_says_too_much_fills_no_disk(tmp_path: Path) -> None:
    rows = io.BytesIO()
    problem = {"type": "problem", "text": "x" * 100_000}
    note(lines(*[problem] * 200, SUMMARY), tmp_path, rows)
    kept = rows.getvalue().splitlines()
    assert len(rows.getvalue()) < ROWS_BYTES_MAX + 1000
    assert json.loads(kept[-1]) == SUMMARY
    assert json.loads(kept[-2]) == {"type": "left_out", "rows": 200 - (len(kept) - 2)}


def test_a_job_is_told_from_beginning_to_end_and_the_same_by_another_server(
    jobs: Jobs, tmp_path: Path
) -> None:
    problem = {"type": "problem", "kind": "unreadable", "text": "no", "path": "a/b"}
    medium = {"type": "medium", "device": "usb"}
    job = start(jobs, {"type": "message", "text": "hello"}, PROGRESS_ROW, problem, medium, SUMMARY)
    wait_until(lambda: jobs.is_over(job))
    state = Listener(jobs).state(job)
    assert (state.state, state.outcome, state.exit_code, state.session) == (
        "ended",
        "success",
        0,
        "s",
    )
    assert state.messages == ["hello"] and state.rows == [medium] and state.summary == SUMMARY
    assert [(p.kind, p.path) for p in state.problems] == [("unreadable", "a/b")]
    assert state.progress is not None and state.progress.files_total is None
    (edge,) = state.progress.edges
    assert (edge.source, edge.target, edge.waiting_for) == ("web", "primary.nas", "nas")

    later = Jobs(tmp_path / "state")
    assert later.all() == [job] and later.find(job.job) == job
    assert Listener(later).state(job) == state


def test_a_job_goes_on_when_its_server_is_gone(jobs: Jobs, tmp_path: Path) -> None:
    job = start(jobs, PROGRESS_ROW, words=("wait",))
    wait_until(lambda: jobs.process(job) is not None)
    process = jobs.process(job)
    assert process is not None and process.is_alive()
    assert os.getsid(process.pid) != os.getsid(0)
    assert not {process.pid, job.keeper["pid"]} & {*descendants(os.getpid())}
    assert Listener(jobs).row(job).state == "running"

    later = Jobs(tmp_path / "state")
    wait_until(lambda: Listener(later).progress(job) is not None)
    later.end(job, now=False)
    wait_until(lambda: later.is_over(job))
    state = Listener(later).state(job)
    assert (state.state, state.outcome, state.exit_code) == ("ended", "failed", 130)
    assert state.error is not None and state.error["kind"] == "Interrupted"
    with pytest.raises(Refused):
        later.end(job, now=False)


def test_a_command_hears_ctrl_c_also_where_its_server_does_not(jobs: Jobs) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        job = start(jobs, PROGRESS_ROW, words=("wait",))
    finally:
        signal.signal(signal.SIGINT, before)
    wait_until(lambda: Listener(jobs).progress(job) is not None)
    jobs.end(job, now=False)
    wait_until(lambda: jobs.is_over(job))
    assert Listener(jobs).state(job).exit_code == 130


def test_a_cancel_at_once_behind_the_start_waits_for_the_command(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as command:

        def begin(seconds: float) -> None:
            write_whole(jobs.folder(job) / PROCESS, identify(command.pid).as_dict())

        jobs = Jobs(tmp_path, pause=begin)
        job = written(jobs, tmp_path, 1, identify().as_dict())
        try:
            jobs.end(job, now=False)
        except Refused:
            command.kill()
            raise
    assert command.returncode == -signal.SIGINT


def test_a_command_that_dies_without_a_word_is_told_by_its_exit_code(jobs: Jobs) -> None:
    job = start(jobs, PROGRESS_ROW, words=("wait", "deaf"))
    wait_until(lambda: jobs.process(job) is not None)
    process = jobs.process(job)
    assert process is not None
    os.kill(process.pid, 9)
    wait_until(lambda: jobs.is_over(job))
    state = Listener(jobs).state(job)
    assert (state.state, state.outcome, state.exit_code) == ("ended", "failed", -9)


def written(jobs: Jobs, folder: Path, number: int, keeper: dict[str, str | int]) -> Job:
    """A job as a server has left it."""
    job = Job(
        f"01940c00-0000-7000-8000-{number:012d}", "run", "t", ("run",), number, "/c", "", keeper
    )
    place = folder / job.job
    place.mkdir(parents=True)
    fields = {name: getattr(job, name) for name in Job.__slots__}
    write_whole(place / JOB, fields)
    return job


def test_a_job_whose_keeper_was_killed_is_lost(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    dead = identify().as_dict() | {"start_ticks": 1}
    job = written(jobs, tmp_path, 1, dead)
    (jobs.folder(job) / ROWS).write_bytes(
        lines({"type": "message", "text": "a"})[0] + b'{"type": "me'
    )
    state = Listener(jobs).state(job)
    assert (state.state, state.outcome, state.exit_code) == ("lost", "failed", 1)
    assert state.messages == ["a"]


def test_what_is_no_job_is_none(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    job = written(jobs, tmp_path, 1, {})
    (tmp_path / "other").mkdir()
    (tmp_path / job.job.replace("1", "2")).mkdir()
    assert jobs.all() == [job]
    for name in ("", "..", "../..", "other", "x" * 36, job.job.upper() + "/", f"{job.job}/.."):
        with pytest.raises(Refused):
            jobs.find(name)


def test_old_jobs_go_and_those_that_run_stay(jobs: Jobs, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    running = written(jobs, folder, 0, identify().as_dict())
    for number in range(1, JOBS_KEPT + 20):
        write_whole(jobs.folder(written(jobs, folder, number, {})) / END, {"exit_code": 0})
    job = start(jobs, SUMMARY)
    wait_until(lambda: jobs.is_over(job))
    found = jobs.all()
    assert len(found) == JOBS_KEPT + 2
    assert found[0] == job and found[-1] == running


def test_what_is_shown_of_a_job_has_an_end(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    job = written(jobs, tmp_path, 1, {})
    problem, message = {"type": "problem", "text": "p"}, {"type": "message", "text": "m"}
    (jobs.folder(job) / ROWS).write_bytes(b"".join(lines(*[problem] * 900, *[message] * 900)))
    state = Listener(jobs).state(job)
    assert (len(state.problems), state.problems_total) == (PROBLEMS_SHOWN, 900)
    assert len(state.messages) == MESSAGES_SHOWN


def test_rows_are_read_again_only_when_there_are_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(tmp_path)
    job = written(jobs, tmp_path, 1, {})
    path = jobs.folder(job) / ROWS
    path.write_bytes(lines({"type": "message", "text": "a"})[0])
    listener = Listener(jobs)
    first = listener.said(job)
    assert listener.said(job) is first
    with open(path, "ab") as file:
        file.write(lines({"type": "message", "text": "b"})[0])
    assert listener.said(job).messages == ("a", "b")


def test_a_job_and_its_folder_are_this_users_alone(jobs: Jobs) -> None:
    job = start(jobs, SUMMARY)
    assert jobs.folder(job).stat().st_mode & 0o077 == 0
    assert jobs.folder(job).parent.stat().st_mode & 0o077 == 0
    wait_until(lambda: jobs.is_over(job))
    assert (jobs.folder(job) / PROCESS).exists()


def test_the_command_that_is_shown_can_be_typed() -> None:
    job = Job("j", "run", "t", ("run", "/a b/x.yaml", "--json", "--tag", "it's"), 1, "/c")
    assert job.command == "flowbackup run '/a b/x.yaml' --tag 'it'\"'\"'s'"
