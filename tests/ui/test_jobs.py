"""What the page starts lives by itself: its keeper writes down what it says, and any server, the
one that started it or a later one, tells the same."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flowbackup.errors import PeerLostError
from flowbackup.process import descendants, identify
from flowbackup.ui import jobs as jobs_module
from flowbackup.ui.jobs import JOB, JOBS_KEPT, Job, Jobs
from flowbackup.ui.keeper import (
    END,
    KEEPER,
    PROCESS,
    PROGRESS,
    ROWS,
    ROWS_BYTES_MAX,
    SPARE,
    keep,
    note,
    reserve,
    write_value,
)
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
try:
    for row in rows:
        print(json.dumps(row), flush=True)
    if "wait" in sys.argv:
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


class FullDisk(io.BytesIO):
    """Takes so many bytes, and a row more where the spare room was given back; the last ones that
    go on it in part."""

    def __init__(self, spare: Path, room_bytes: int) -> None:
        super().__init__()
        self._spare = spare
        self._room_bytes = room_bytes

    def write(self, data: Any) -> int:
        if not self._spare.exists():
            return super().write(data)
        room = self._room_bytes - self.tell()
        if room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data[:room])


def test_on_a_full_disk_a_command_goes_on_and_its_end_is_kept(tmp_path: Path) -> None:
    reserve(tmp_path)
    message = {"type": "message", "text": "x" * 50}
    rows = FullDisk(tmp_path / SPARE, 3 * len(lines(message)[0]) + 20)
    os.symlink("/dev/full", tmp_path / f"{PROGRESS}.new")
    assert note(lines(*[message] * 10, PROGRESS_ROW, SUMMARY), tmp_path, rows) == 0
    kept = [json.loads(line) for line in rows.getvalue().splitlines()]
    assert kept == [message, message, message, {"type": "left_out", "rows": 7}, SUMMARY]


def test_a_disk_without_any_room_stops_no_command(jobs: Jobs, tmp_path: Path) -> None:
    job = written(jobs, tmp_path / "state", 1, {})
    folder = jobs.folder(job)
    reserve(folder)
    os.symlink("/dev/full", folder / ROWS)
    os.symlink("/dev/full", folder / f"{PROCESS}.new")
    os.symlink(tmp_path / "nowhere" / PROGRESS, folder / f"{PROGRESS}.new")
    said = [{"type": "message", "text": "a"}, PROGRESS_ROW, SUMMARY]
    words = [sys.executable, "-c", f"{SAYS}\nopen('done', 'x')", json.dumps(said)]
    assert keep(folder, ["env", "-C", str(tmp_path), *words]) == 0
    assert (tmp_path / "done").exists() and not (folder / SPARE).exists()
    (folder / ROWS).unlink()
    state = Listener(jobs).state(job)
    assert (state.state, state.exit_code) == ("ended", 0)
    assert state.messages == [
        "2 lines of it were not kept: the disk is full, or they were too many"
    ]


def test_nothing_is_started_where_nothing_can_be_kept(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(jobs_module.os, "posix_fallocate", full)
    with pytest.raises(PeerLostError, match="not started: No space left on device") as told:
        start(jobs, SUMMARY)
    assert str(tmp_path / "state") in told.value.remedy
    assert jobs.all() == [] and os.listdir(tmp_path / "state") == []


def test_a_command_of_which_nobody_could_find_anything_is_not_begun(
    jobs: Jobs, tmp_path: Path
) -> None:
    """The keeper cannot write down who it is."""
    folder = tmp_path / "folder"
    (folder / KEEPER).mkdir(parents=True)
    with pytest.raises(subprocess.CalledProcessError):
        jobs_module._start_keeper(folder, [json.dumps([SUMMARY])])
    wait_until(lambda: not any(str(folder) in command for command in commands()))
    assert not (folder / PROCESS).exists()


def commands() -> Iterator[str]:
    """The command lines of what runs here."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield path.read_bytes().decode(errors="replace")


def test_what_is_no_row_is_shown_as_a_message(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    job = written(jobs, tmp_path, 1, {})
    strange = [
        b"no json\n",
        b"\xff\x1b[2J\n",
        b"[1]\n",
        b"[" * 100_000 + b"\n",
        b"x" * 9000 + b"\n",
    ]
    rows = [{"type": "left_out", "rows": 3}, SUMMARY]
    (jobs.folder(job) / ROWS).write_bytes(b"".join((*strange, *lines(*rows))))
    write_value(jobs.folder(job) / PROGRESS, {"type": "progress"})
    state = Listener(jobs).state(job)
    assert state.messages[:3] == ["no json", r"\xff\x1b[2J", "[1]"]
    assert state.messages[-1].startswith("3 lines of it were not kept")
    assert all(len(message) <= 1000 for message in state.messages)
    assert state.summary == SUMMARY and state.progress is None


def test_a_line_that_is_too_deep_stops_no_command(tmp_path: Path) -> None:
    rows = io.BytesIO()
    note([b"[" * 100_000 + b"\n", *lines(SUMMARY)], tmp_path, rows)
    assert json.loads(rows.getvalue().splitlines()[-1]) == SUMMARY


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
            write_value(jobs.folder(job) / PROCESS, identify(command.pid).as_dict())

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
    write_value(place / JOB, fields)
    write_value(place / KEEPER, keeper)
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
        write_value(jobs.folder(written(jobs, folder, number, {})) / END, {"exit_code": 0})
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
