"""Hooks at their moments, without a session: order, what fails with them, and what is told."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest

from flowbackup.errors import HookError, InterruptedSessionError
from flowbackup.model.hook import Hook, When
from flowbackup.model.report import Outcome
from flowbackup.monitor import Problem
from flowbackup.runtime.actors.object_hooks import Busy
from flowbackup.runtime.hooks.running import Hooks
from flowbackup.source import command
from tests.runtime.gates import leaping_time
from tests.runtime.left_behind import is_noted
from tests.source.test_streams import assert_ended


class World:
    """Hooks that note their names in a file."""

    def __init__(self, folder: Path) -> None:
        self.note = folder / "note"
        self.pid = folder / "pid"
        self.hooks: list[Hook] = []
        self.problems: list[Problem] = []

    def add(
        self, when: str, text: str = "", *, fails: bool = False, behind: bool = False,
        seconds: float = 30,
    ) -> None:  # fmt: skip
        number = len(self.hooks) + 1
        line = f"echo {number}$FLOWBACKUP_OUTCOME$FLOWBACKUP_EXIT_CODE >> {self.note}; {text}"
        words = ("/bin/sh", "-c", line)
        self.hooks.append(Hook(number, When(when), words, fails, behind, seconds))

    def made(self) -> Hooks:
        return Hooks(self.hooks, {}, self.problems.append, "web/site: ")

    @property
    def noted(self) -> list[str]:
        return self.note.read_text().split() if self.note.exists() else []


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def never() -> bool:
    return False


def test_the_first_before_that_must_not_fail_and_does_is_the_last(world: World) -> None:
    world.add("before", "echo soft; exit 1")
    world.add("before", "echo hard; exit 2", fails=True)
    world.add("before")
    error = world.made().begin(never, never)
    assert isinstance(error, HookError) and "exit code 2: hard" in str(error)
    assert world.noted == ["1", "2"]
    (problem,) = world.problems
    assert problem.kind == "hook_failed"
    assert problem.text == 'web/site: hook 1 (before "/bin/sh") ended with exit code 1: soft'


def test_all_of_those_behind_run_and_the_outcome_is_what_they_leave(world: World) -> None:
    world.add("success")
    world.add("failed")
    world.add("after", "exit 5", fails=True)
    world.add("after", "exit 6", fails=True)
    world.add("failed", "exit 7", fails=True)
    error = world.made().end(Outcome.SUCCESS, 0, never)
    assert "exit code 5" in str(error)
    assert world.noted == ["3success0", "4success0", "2failed1", "5failed1"]
    assert [problem.text[-1] for problem in world.problems] == ["6", "7"], "nothing is swallowed"


@pytest.mark.parametrize("outcome", list(Outcome))
def test_only_those_of_the_outcome_run(outcome: Outcome, world: World) -> None:
    for when in When:
        world.add(when.value)
    assert world.made().end(outcome, 9, never) is None
    named = {"success": 3, "incomplete": 4, "failed": 5}[outcome.value]
    assert world.noted == [f"2{outcome.value}9", f"{named}{outcome.value}9"]


def test_nobody_waits_for_the_background_before_the_end(world: World, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    world.add(
        "before", f"while [ ! -e {gate} ]; do sleep 0.02; done; echo late; exit 3", behind=True
    )
    hooks = world.made()
    assert hooks.begin(never, never) is None
    assert world.problems == []
    gate.touch()
    hooks.settle()
    assert [problem.text[-19:] for problem in world.problems] == ["h exit code 3: late"]


def test_one_that_takes_too_long_in_the_background_is_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "time", leaping_time(world.pid))
    world.add("before", f"sleep 300 & echo $! > {world.pid}; sleep 300", behind=True, seconds=60)
    hooks = world.made()
    hooks.begin(never, never)
    hooks.settle()
    assert "took longer than" in world.problems[0].text
    assert_ended(int(world.pid.read_text()))


def test_the_word_of_the_user_ends_it_whatever_it_may_do(world: World) -> None:
    world.add("before", f"sleep 300 & echo $! > {world.pid}; sleep 300")
    world.add("after", "", fails=True)
    told = partial(is_noted, world.pid)
    hooks = world.made()
    assert isinstance(hooks.begin(told, never), InterruptedSessionError)
    assert_ended(int(world.pid.read_text()))
    assert isinstance(hooks.end(Outcome.FAILED, 130, told), InterruptedSessionError)
    assert world.noted == ["1"], "none is begun when nobody waits any more"


def test_who_ends_a_process_waits_for_its_commands() -> None:
    busy = Busy()
    busy.wait_none(0)
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        with busy.one():
            entered.set()
            leave.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait(60)
    busy.wait_none(0.05)
    assert thread.is_alive()
    leave.set()
    busy.wait_none(60)
    thread.join(60)
    assert not thread.is_alive()
