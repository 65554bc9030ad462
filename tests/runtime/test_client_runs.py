"""What clients are told of the user's words, and how long each is waited for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock, call

import pytest

from flowbackup.runtime.backup.runs import ClientRuns
from flowbackup.runtime.cancel import Cancel, Part


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def runs_of(cancel: Cancel, hooks: tuple[str, ...]) -> tuple[ClientRuns, Mock]:
    """One client, whose only object has these hooks."""
    client = Mock()
    plan: Any = SimpleNamespace(objects=(SimpleNamespace(hooks=hooks),))
    crew: Any = SimpleNamespace(clients={"web": client}, cancel=cancel)
    return ClientRuns(plan, crew, Mock()), client.cancel.remote


@pytest.mark.parametrize("hooks", [("a hook",), ()])
def test_each_word_is_handed_on_once(hooks: tuple[str, ...], clock: Clock) -> None:
    cancel = Cancel(clock)
    runs, told = runs_of(cancel, hooks)
    runs.hear()
    cancel.tell()
    runs.hear()
    runs.hear()
    clock.now += Part.READ.value[0]
    runs.hear()
    assert not runs.is_over, "hooks behind an object get some time"
    cancel.tell()
    runs.hear()
    runs.hear()
    assert told.call_args_list == [
        call(drain=True, now=False), call(drain=False, now=False), call(drain=False, now=True),
    ]  # fmt: skip


def test_hooks_have_longer_but_not_behind_the_second_word(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowbackup.runtime.backup.runs.time", SimpleNamespace(monotonic=clock))
    waited: dict[object, float] = {}
    for hooks in ((), ("a hook",)):
        for words in (0, 1, 2):
            cancel = Cancel(clock)
            runs, _ = runs_of(cancel, hooks)
            since = clock.now
            for _ in range(words):
                cancel.tell()
            clock.now += Part.READ.value[0] if words == 1 else 0.0
            if words:
                runs.hear()
            else:
                runs.end(drain=False)  # a group has failed
            told = clock.now
            while not runs.is_over and clock.now < since + 100:
                clock.now += 1 / 16
            waited[len(hooks), words] = round(clock.now - told, 2)
    assert waited[0, 0] == waited[0, 1] == waited[0, 2] == waited[1, 2] == 0.25
    assert 0.5 < waited[1, 1] < Part.WRITE.value[0] - Part.READ.value[0]
    assert waited[1, 0] > 30
