"""Events of a run: the newest state, never a queue, and an end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from flowbackup.ui import events as events_module
from flowbackup.ui.events import ALIVE_SECONDS, PAUSE_SECONDS, Events, stream
from flowbackup.ui.refusal import Refused
from flowbackup.ui.values.runs import RunEvent


def event(message: str = "", state: str = "running") -> RunEvent:
    return RunEvent.model_validate(
        {
            "id": "i", "kind": "run", "title": "t", "session": None, "graph": "", "state": state,
            "outcome": None, "exit_code": None, "started_ns": "1", "by_page": True,
            "progress": None, "problems_total": 0, "message": message,
        }
    )  # fmt: skip


class Run:
    """Says a word more each time that somebody pauses."""

    def __init__(self, words: int) -> None:
        self.now = 0
        self.words = words
        self.reads = 0
        self.pauses: list[float] = []

    def read(self) -> RunEvent:
        self.reads += 1
        return event(str(self.now), "running" if self.now < self.words else "ended")

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += 1


def data(text: str) -> dict[str, Any]:
    kind, _, rest = text.partition("\n")
    assert kind == "event: state" and rest.endswith("\n\n")
    found: dict[str, Any] = json.loads(rest.removeprefix("data: "))
    return found


async def collected(parts: AsyncIterator[str]) -> list[str]:
    return [part async for part in parts]


def test_each_state_comes_once_and_the_end_is_the_last() -> None:
    run = Run(3)
    told = asyncio.run(collected(stream(run.read, run.pause)))
    assert [data(text)["message"] for text in told] == ["0", "1", "2", "3"]
    assert [data(text)["state"] for text in told] == ["running"] * 3 + ["ended"]


def test_it_comes_once_or_twice_a_second() -> None:
    run = Run(5)
    asyncio.run(collected(stream(run.read, run.pause)))
    assert run.pauses == [PAUSE_SECONDS] * 5
    assert 0.5 <= PAUSE_SECONDS <= 1


def test_who_is_slow_gets_the_newest_and_nothing_waits_for_him() -> None:
    run = Run(10_000)

    async def slow() -> list[str]:
        parts = stream(run.read, run.pause)
        first = await anext(parts)
        run.now = 9_000  # Much has happened meanwhile, and nobody looked.
        second = await anext(parts)
        await parts.aclose()  # type: ignore[attr-defined]
        return [first, second]

    told = asyncio.run(slow())
    assert [data(text)["message"] for text in told] == ["0", "9001"]
    assert run.reads == 2


def test_where_nothing_changes_there_is_a_sign_of_life_only() -> None:
    states: Iterator[RunEvent] = iter([event("same")] * 60 + [event("same", "ended")])

    async def pause(_: float) -> None:
        """At once."""

    told = asyncio.run(collected(stream(lambda: next(states), pause)))
    assert len([text for text in told if text.startswith("event")]) == 2
    signs = [text for text in told if text.startswith(":")]
    assert 1 <= len(signs) <= 60 * PAUSE_SECONDS / ALIVE_SECONDS + 1


def test_only_so_many_look_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "BROWSERS_MAX", 2)

    async def crowd() -> None:
        run = Run(1000)
        events = Events(run.pause)
        looking = [events.answer(run.read).body_iterator for _ in range(2)]
        for each in looking:
            await anext(each)  # type: ignore[arg-type]
        with pytest.raises(Refused) as caught:
            events.answer(run.read)
        assert caught.value.status_code == 429
        await looking[0].aclose()  # type: ignore[union-attr]
        events.answer(run.read)

    asyncio.run(crowd())
