"""What is believed of a Ray that `flowbackup up` has told of, and what an empty actor becomes."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError, FlowbackupError
from flowbackup.process import ProcessIdentity, identify
from flowbackup.runtime.engines.host import Host
from flowbackup.runtime.engines.port import NO_GROUP, in_group
from flowbackup.runtime.engines.warm_state import (
    STATE_FILE,
    WarmRay,
    made_of,
    remove_state,
    usable_warm_ray,
    users_lock,
    warm_ray,
    write_state,
)
from flowbackup.runtime.user_directory import user_directory
from flowbackup.runtime.warm import switch

TOKEN = "5ecret"


@pytest.fixture(autouse=True)
def private_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def warm(tmp_path: Path) -> WarmRay:
    """One that this process says to keep."""
    return WarmRay(identify(), "127.0.0.1:1", str(tmp_path / "ray"), 7, made_of(), TOKEN)


def test_it_is_found_as_it_was_told(warm: WarmRay) -> None:
    assert warm_ray() is None
    write_state(warm)
    assert warm_ray() == usable_warm_ray() == warm
    assert stat.S_IMODE((user_directory() / STATE_FILE).stat().st_mode) == 0o600
    assert TOKEN not in repr(warm)
    remove_state()
    assert warm_ray() is None


@pytest.mark.parametrize(
    "keeper",
    [
        replace(identify(), boot="another boot"),
        replace(identify(), start_ticks=1),
        ProcessIdentity(identify().host, identify().boot, 2**22 - 1, 1),
    ],
)
def test_one_that_is_dead_is_not_used(warm: WarmRay, keeper: ProcessIdentity) -> None:
    write_state(replace(warm, keeper=keeper))
    found = warm_ray()
    assert found is not None and not found.is_up
    assert usable_warm_ray() is None


@pytest.mark.parametrize("part", ["flowbackup", "ray", "python", "prefix", "package"])
def test_one_of_other_versions_is_not_used_and_told(warm: WarmRay, part: str) -> None:
    write_state(replace(warm, made_of=warm.made_of | {part: "0.0"}))
    assert usable_warm_ray() is None
    found = warm_ray()
    assert found is not None and found.difference() == f"{part} 0.0 and not {warm.made_of[part]}"
    with pytest.raises(FlowbackupError, match=f"other versions is up: {part} 0.0"):
        switch.bring_up()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"keeper": {}}', '{"keeper": 3}'])
def test_a_file_that_says_something_else_is_none(text: str) -> None:
    path = user_directory() / STATE_FILE
    path.write_text(text)
    path.chmod(0o600)
    assert warm_ray() is None


def test_a_file_that_others_may_write_is_none(warm: WarmRay) -> None:
    write_state(warm)
    (user_directory() / STATE_FILE).chmod(0o660)
    assert warm_ray() is None


def test_who_uses_it_keeps_others_from_ending_it(warm: WarmRay) -> None:
    write_state(warm)
    with (
        users_lock(share=True, seconds_max=0) as first,
        users_lock(share=True, seconds_max=0) as two,
    ):
        assert first and two
        with pytest.raises(FlowbackupError, match="use the warm Ray"):
            switch.take_down()
    assert warm_ray() == warm


def test_what_a_dead_one_has_left_goes(warm: WarmRay, tmp_path: Path) -> None:
    left = tmp_path / "ray"
    left.mkdir()
    write_state(replace(warm, keeper=replace(identify(), start_ticks=1)))
    assert switch.take_down() is None
    assert warm_ray() is None and not left.exists()
    assert switch.take_down() is None


class Loop:
    def __init__(self, first: int) -> None:
        self.total = first

    async def add(self, more: int, *, times: int = 1) -> int:
        await asyncio.sleep(0)
        self.total += more * times
        return self.total

    def now(self) -> int:
        return self.total


class Blocking:
    def __init__(self) -> None:
        self.seen: list[int] = []

    @in_group("data")
    def add(self, number: int) -> list[int]:
        self.seen.append(number)
        return list(self.seen)

    @in_group("data")
    def fail(self) -> None:
        raise DeviceError("it is full", device="nas")


class Unmade:
    def __init__(self) -> None:
        raise DeviceError("not today")

    async def ask(self) -> None:
        pass


def in_host(ask: Callable[[Host], Awaitable[object]]) -> object:
    async def live() -> object:
        return await ask(Host())

    return asyncio.run(live())


def test_a_host_becomes_an_actor_of_coroutines() -> None:
    async def ask(host: Host) -> object:
        await host.become(Loop, (1,), {NO_GROUP: 1})
        sums = [await host.call("add", (2,), {}), await host.call("add", (2,), {"times": 2})]
        return [*sums, await host.call("now", (), {})]

    assert in_host(ask) == [3, 7, 7]


def test_a_host_becomes_one_that_blocks_and_keeps_the_order_of_calls() -> None:
    async def ask(host: Host) -> object:
        await host.become(Blocking, (), {NO_GROUP: 1, "data": 1})
        answers = await asyncio.gather(*(host.call("add", (n,), {}) for n in range(9)))
        with pytest.raises(DeviceError, match="it is full"):
            await host.call("fail", (), {})
        return answers[-1]

    assert in_host(ask) == list(range(9))


def test_what_cannot_be_made_is_told_by_its_calls() -> None:
    async def ask(host: Host) -> None:
        await host.become(Unmade, (), {NO_GROUP: 1})
        with pytest.raises(DeviceError, match="not today"):
            await host.call("ask", (), {})

    in_host(ask)


def test_one_taker_gets_it_and_a_dead_one_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(host: Host) -> object:
        dead = replace(identify(), pid=2**22 - 1)
        taken = [await host.take(dead), await host.take(identify()), await host.take(identify())]
        await asyncio.wait_for(host.wait_taken(), 1)
        return taken

    # The end of the taker, this process, would be that of the host, this process.
    monkeypatch.setattr("flowbackup.runtime.engines.host._end_behind", os.getpid)
    monkeypatch.setattr("threading.Thread.start", lambda thread: None)
    assert in_host(ask) == [False, True, False]
