"""Sessions at the doors of their devices: real locks, real processes, no Ray."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowbackup.errors import (
    DeviceError,
    DeviceLockedError,
    FlowbackupError,
    InterruptedSessionError,
)
from flowbackup.flow.admission import LOOK_SECONDS
from flowbackup.media.devices import directory
from flowbackup.media.labels.label import init_medium
from flowbackup.media.locks.door import DeviceDoor
from flowbackup.media.locks.lock import present_holder
from flowbackup.model.device import MediumInfo
from flowbackup.model.ids import new_id
from flowbackup.monitor import WAITING, RecordingMonitor
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.crew import crew as crew_module
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.crew.entrance import Entrance
from tests.runtime.contender import doors_of
from tests.targets import Target


@pytest.fixture
def places(tmp_path: Path) -> list[str]:
    """Three media, in the order of their ids."""
    found = {init_medium(str(tmp_path / n), name=n).medium: str(tmp_path / n) for n in "abc"}
    return [found[medium] for medium in sorted(found)]


class Contender:
    """Another process; see contender.py."""

    def __init__(self, name: str, seconds_max: float, places: Sequence[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.runtime.contender", name, str(seconds_max), *places],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


Contend = Callable[..., Contender]


@pytest.fixture
def contend() -> Iterator[Contend]:
    with ExitStack() as stack:

        def start(name: str, seconds_max: float, places: Sequence[str]) -> Contender:
            contender = Contender(name, seconds_max, places)
            stack.callback(contender.close)
            return contender

        yield start


def leftovers(places: Sequence[str]) -> list[str]:
    """What a session must not leave on a medium that nobody writes to."""
    queues = [name for place in places for name in os.listdir(place) if "queue" in name]
    holders = [present_holder(os.path.join(place, "flowbackup.lock")) for place in places]
    return queues + [holder for holder in holders if holder]


@pytest.mark.parametrize(
    ("count", "races"), [(1, 200), (3, 30), pytest.param(3, 200, marks=pytest.mark.slow)]
)
def test_of_those_who_race_for_a_device_exactly_one_wins(
    count: int, races: int, places: list[str], contend: Contend, target: Target
) -> None:
    """With three devices each comes with another order."""
    orders = [places[:count], places[:count][::-1], places[1:count] + places[:1]]
    racers = [contend(f"racer {number}", 0, order) for number, order in enumerate(orders)]
    assert [racer.hear() for racer in racers] == ["ready"] * len(racers)
    for race in range(races):
        for racer in racers:
            racer.say("go")
        answers = [racer.hear() for racer in racers]
        assert answers.count("won") == 1, (race, answers)
        winner = f"racer {answers.index('won')} (process"
        losers = [answer for answer in answers if answer != "won"]
        assert all(answer.startswith("11 ") for answer in losers)
        # Whoever was refused while all were still drawing tickets names another one of them.
        assert all("racer" in answer and "(process" in answer for answer in losers), losers
        late = contended(places[:count])
        assert winner in late
        for racer in racers:
            racer.say("end")
        assert [racer.hear() for racer in racers] == ["done"] * len(racers)
        assert leftovers(places) == []
    target("F15", cases=races, text="races of 3 processes for devices: exactly one won each")


def contended(places: Sequence[str]) -> str:
    """What somebody is told who comes now."""
    entrance = Entrance(new_id(), doors_of(places, "late"), 0, RecordingMonitor())
    with pytest.raises(DeviceLockedError) as caught:
        entrance.take()
    return str(caught.value)


@pytest.mark.parametrize("repeats", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_opposite_orders_never_end_in_a_deadlock(
    repeats: int, places: list[str], contend: Contend
) -> None:
    orders = [places, places[::-1], places[1:] + places[:1]]
    sessions = [contend(f"session {number}", 120, order) for number, order in enumerate(orders)]
    for session in sessions:
        session.hear()
        session.say(f"repeat {repeats}")
    assert [session.hear() for session in sessions] == ["done"] * len(sessions)
    assert leftovers(places) == []


def test_a_killed_holder_and_a_killed_waiter_are_in_nobodys_way(
    places: list[str], contend: Contend
) -> None:
    holder, waiter = contend("holder", 0, places[:1]), contend("waiter", 60, places[:2])
    for contender in (holder, waiter):
        contender.hear()
        contender.say("go")
        if contender is holder:
            assert contender.hear() == "won"
    while not stands(places[1], "waiter"):
        os.sched_yield()
    assert "kept for waiter" in contended(places[1:2])
    waiter.close()
    doors, monitor = doors_of(places[1:2], "third"), RecordingMonitor()
    Entrance(new_id(), doors, 0, monitor).take()
    assert "in use by holder" in contended(places[:1])
    holder.close()
    doors += doors_of(places[:1], "third")
    Entrance(new_id(), doors[1:], 0, monitor).take()
    for door in doors:
        door.unlock()
    assert leftovers(places) == []


def stands(place: str, who: str) -> bool:
    (door,) = doors_of([place], "looks")
    return any(who in waiting.holder for waiting in door.look().standing)


class Clock:
    """Goes on only when somebody waits; `at_wait` happens each time."""

    def __init__(self, at_wait: Callable[[], object] = lambda: None) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self._at_wait = at_wait

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        self._at_wait()


def held(place: str) -> DeviceDoor:
    (door,) = doors_of([place], 'session 0192 of graph "other"')
    door.lock()
    return door


@pytest.mark.parametrize("is_seen", [True, False], ids=["seen", "on another machine"])
def test_nothing_is_held_while_a_session_waits_and_it_says_for_whom(
    places: list[str], is_seen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A holder that cannot be seen is met by trying, when a device is in hand already."""
    if not is_seen:
        monkeypatch.setattr(directory, "present_holder", lambda path: "")
    other = held(places[1])
    seen: list[str] = []

    def look() -> None:
        seen.extend(present_holder(os.path.join(p, "flowbackup.lock")) for p in places)
        if len(clock.waits) == 3:
            other.unlock()

    clock, monitor = Clock(look), RecordingMonitor()
    doors = doors_of(places, "mine")
    Entrance(new_id(), doors, 60, monitor, clock=clock, sleep=clock.sleep).take()
    assert clock.waits == [LOOK_SECONDS] * 3
    assert [bool(holder) for holder in seen] == [False, True, False] * 3
    name = os.path.basename(places[1])
    (message,) = monitor.messages
    assert message.startswith(
        f'waiting: device "{name}" is in use by session 0192 of graph "other"'
    )
    (edge,) = monitor.snapshots[-1].edges
    assert monitor.snapshots[-1].stage == WAITING
    assert (edge.name, edge.state, edge.waiting_seconds) == (name, "waiting", 2 * LOOK_SECONDS)
    assert edge.waiting_for.startswith('session 0192 of graph "other" (process ')
    assert all("mine" in present_holder(os.path.join(p, "flowbackup.lock")) for p in places)
    for door in doors:
        door.unlock()
    assert leftovers(places) == []


def test_the_end_of_the_time_names_the_holder_and_gives_the_place_back(places: list[str]) -> None:
    other, clock = held(places[0]), Clock()
    entrance = Entrance(
        new_id(), doors_of(places, "mine"), 90, RecordingMonitor(), clock=clock, sleep=clock.sleep
    )
    with pytest.raises(DeviceLockedError, match=r"after waiting for 1:30") as caught:
        entrance.take()
    error = caught.value
    assert (error.exit_code, error.device) == (11, os.path.basename(places[0]))
    assert f'session 0192 of graph "other" (process {os.getpid()} on ' in error.message
    assert ", since 2" in error.message and "--retry-lock" in error.remedy
    other.unlock()
    assert leftovers(places) == []


def test_let_in_is_kept_for_the_session_until_its_agents_have_the_locks(
    places: list[str],
) -> None:
    clock = Clock()
    entrance = Entrance(
        new_id(), doors_of(places, "first"), 5, RecordingMonitor(), clock=clock, sleep=clock.sleep
    )
    entrance.wait()
    assert all(not present_holder(os.path.join(p, "flowbackup.lock")) for p in places)
    text = contended(places[1:2])
    assert "is kept for first (process" in text and "which came first" in text
    # Somebody who does not stand in queues, as a spare device is taken, comes between.
    other = held(places[2])
    with pytest.raises(DeviceLockedError) as refused:
        doors_of(places[2:], "first")[0].lock()
    other.unlock()
    entrance.try_again(refused.value)
    assert clock.waits == [LOOK_SECONDS]
    entrance.leave()
    assert leftovers(places) == []


def test_who_tries_once_does_not_try_again(places: list[str]) -> None:
    entrance = Entrance(new_id(), doors_of(places, "first"), 0, RecordingMonitor())
    entrance.wait()
    with pytest.raises(DeviceLockedError, match=r'"usb" is in use by somebody'):
        entrance.try_again(DeviceLockedError("locked", device="usb", holder="somebody"))
    assert leftovers(places) == []


def test_a_waiting_session_can_be_cancelled(places: list[str]) -> None:
    other, cancel = held(places[0]), Cancel()
    clock = Clock(lambda: cancel.tell() if len(clock.waits) == 2 else None)
    entrance = Entrance(
        new_id(), doors_of(places, "mine"), 90, RecordingMonitor(), cancel=cancel, clock=clock,
        sleep=clock.sleep,
    )  # fmt: skip
    with pytest.raises(InterruptedSessionError):
        entrance.wait()
    assert len(clock.waits) == 2
    other.unlock()
    assert leftovers(places) == []


def test_a_medium_that_goes_while_a_session_waits_for_it_is_named(places: list[str]) -> None:
    other = held(places[0])
    clock = Clock(lambda: os.rename(places[1], places[1] + ".away"))
    entrance = Entrance(
        new_id(), doors_of(places, "mine"), 90, RecordingMonitor(), clock=clock, sleep=clock.sleep
    )
    with pytest.raises(DeviceError, match="expected medium"):
        entrance.wait()
    other.unlock()
    assert leftovers([places[0], places[2]]) == []


class Agent:
    """A media agent that answers at once."""

    def __init__(self, name: str, medium: bytes, locked: list[str], refuses: str = "") -> None:
        self.look = _Call(lambda: MediumInfo(medium, name, "", "", 1, 0, 512))
        self.lock = _Call(lambda: refuse(name) if name == refuses else locked.append(name))


class _Call:
    def __init__(self, act: Callable[[], object]) -> None:
        self.remote = lambda: act


def refuse(name: str) -> None:
    raise DeviceLockedError("taken", device=name, holder="somebody")


@pytest.mark.parametrize("refuses", ["", "b"])
def test_media_agents_lock_in_the_order_of_their_media(
    refuses: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked: list[str] = []

    def answer(
        act: Callable[[], object], who: str, faults: list[FlowbackupError], latest: object
    ) -> object | None:
        try:
            return act()
        except FlowbackupError as error:
            faults.append(error)
            return None

    monkeypatch.setattr(crew_module, "answer_of", answer)
    crew = Crew.__new__(Crew)
    crew.cancel = Cancel()
    media = {"c": b"3", "a": b"1", "d": b"4", "b": b"2"}
    crew.stations = {
        name: SimpleNamespace(agent=Agent(name, medium, locked, refuses))  # type: ignore[misc]
        for name, medium in media.items()
    }
    if refuses:
        with pytest.raises(DeviceLockedError):
            crew._lock_devices()
    else:
        crew._lock_devices()
    assert locked == (["a"] if refuses else ["a", "b", "c", "d"])
