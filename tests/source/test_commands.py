"""Commands that are run for their own sake: how they end, what is told of it, what is left."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from flowbackup.errors import InterruptedSessionError, SourceError
from flowbackup.process import identify
from flowbackup.source import command
from flowbackup.source.command import CommandLimits, run_command
from tests.runtime.left_behind import is_noted, members, wait_for
from tests.source.test_streams import assert_ended, time_behind

LIMITS = CommandLimits(30)


def run(text: str, limits: CommandLimits = LIMITS, **environment: str) -> None:
    run_command(("sh", "-c", text), "hook", environment, limits)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("echo no room; exit 3", "^hook ended with exit code 3: no room$"),
        ("echo no room >&2; exit 1", "exit code 1: no room"),
        ("kill -9 $$", "was killed by signal 9$"),
        ("head -c 9000000 /dev/zero | tr '\\0' x; echo end; exit 2", "xxxend$"),
    ],
)
def test_a_bad_end_is_told_with_the_last_that_was_said(text: str, told: str) -> None:
    with pytest.raises(SourceError, match=told) as caught:
        run(text)
    assert len(str(caught.value)) < 2200


def test_it_runs_in_the_root_without_input_and_with_what_it_is_told(tmp_path: Path) -> None:
    run(f"cat; pwd > {tmp_path}/told; echo $OWN >> {tmp_path}/told", OWN="mine")
    assert (tmp_path / "told").read_text() == "/\nmine\n"


def test_it_knows_no_secret_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "RAY_AUTH_TOKEN",
        "FLOWBACKUP_PASSPHRASE",
        "FLOWBACKUP_KEY",
        "FLOWBACKUP_UI_TOKEN",
    ):
        monkeypatch.setenv(name, "a secret of ours")
    monkeypatch.setenv("PASSWORD_OF_THE_USER", "his own")
    run(f"env > {tmp_path}/told")
    told = (tmp_path / "told").read_text()
    assert "a secret of ours" not in told and "PASSWORD_OF_THE_USER=his own" in told


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceError, match="hook cannot be started: No such file"):
        run_command(("/no/such/program",), "hook", {}, LIMITS)


def test_one_that_takes_too_long_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "pid"
    monkeypatch.setattr(command, "time", time_behind(note))
    text = f"echo waiting; trap '' TERM; sleep 300 & echo $! > {note}; sleep 300"
    with pytest.raises(SourceError, match=r"took longer than 2\.0 s: waiting"):
        run(text, CommandLimits(2))
    assert_ended(int(note.read_text()))


def test_what_a_good_one_leaves_behind_is_ended(tmp_path: Path) -> None:
    run(f"sleep 300 & echo $! > {tmp_path}/pid")
    assert_ended(int((tmp_path / "pid").read_text()))


def test_it_is_ended_with_the_session(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    limits = CommandLimits(30, partial(is_noted, note))
    with pytest.raises(InterruptedSessionError, match="hook was ended"):
        run(f"sleep 300 & echo $! > {note}; sleep 300", limits)
    assert_ended(int(note.read_text()))
    with pytest.raises(InterruptedSessionError, match="was not begun"):
        run(f"touch {tmp_path}/begun", limits)
    assert not (tmp_path / "begun").exists()


KILLED = """
import os, sys, threading
from flowbackup.source.command import CommandLimits, run_command
text = "sleep 300 & echo $$ $! > " + sys.argv[1] + "; sleep 300"
run = lambda: run_command(("sh", "-c", text), "hook", {}, CommandLimits(300))
threading.Thread(target=run, daemon=True).start()
threading.Event().wait(300)
"""


def test_it_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    owner = subprocess.Popen([sys.executable, "-c", KILLED, str(note)])
    wait_for(lambda: note.exists() and len(note.read_text().split()) == 2)
    owner.kill()
    owner.wait(60)
    for pid in note.read_text().split():
        wait_for(lambda pid=pid: identify(int(pid)).is_dead())  # type: ignore[misc]


def test_nothing_watches_a_command_any_more_that_has_ended(tmp_path: Path) -> None:
    run(f"echo $$ > {tmp_path}/pid; sleep 300 &")
    wait_for(lambda: not members(int((tmp_path / "pid").read_text())))


def test_a_command_is_no_parent_of_who_watches_it(tmp_path: Path) -> None:
    """It may wait for all of its children."""
    run(f"cat /proc/$$/task/$$/children > {tmp_path}/told; wait")
    children = (tmp_path / "told").read_text().split()
    assert len(children) <= 1, "the cat itself"
