"""Admission: who may take its devices, in random orders of everything that can happen at once."""

from __future__ import annotations

import random
from collections.abc import Generator
from dataclasses import dataclass, field

import pytest

from flowbackup.flow.admission import LOOK_SECONDS, Admission, Enter, GiveUp, Obstacle, Take, Wait
from flowbackup.model.queue import DoorView, Ticket, Waiting

NAMES = "abcde"
ME, OTHER = b"m" * 16, b"o" * 16


def door(medium: str, *standing: Waiting, holder: str = "") -> DoorView:
    return DoorView(f"disk {medium}", medium.encode(), holder, standing)


def test_a_session_draws_one_ticket_behind_everybody_and_takes_devices_in_one_order() -> None:
    admission = Admission(ME, 60, 0)
    early = Waiting(Ticket(7, OTHER), "other")
    step = admission.looked([door("b", early), door("a")], 0)
    assert step == Enter(Ticket(8, ME))
    mine = Waiting(Ticket(8, ME), "me")
    step = admission.looked([door("b", early, mine), door("a", mine)], 0)
    assert step == Wait(LOOK_SECONDS, (Obstacle("disk b", "other", is_waiting=True),))
    late = Waiting(Ticket(9, OTHER), "late")
    assert admission.looked([door("b", mine, late), door("a", mine, late)], 0.5) == Take((1, 0))
    assert admission.ticket == Ticket(8, ME)


def test_of_two_who_drew_one_number_the_same_one_is_first_everywhere() -> None:
    views = [door("a"), door("b")]
    admissions = {session: Admission(session, 60, 0) for session in (ME, OTHER)}
    tickets = []
    for admission in admissions.values():
        step = admission.looked(views, 0)
        assert isinstance(step, Enter)
        tickets.append(Waiting(step.ticket, "somebody"))
    views = [door("a", *tickets), door("b", *tickets)]
    assert isinstance(admissions[ME].looked(views, 0), Take)
    assert isinstance(admissions[OTHER].looked(views, 0), Wait)


def test_the_end_of_the_time_names_every_device_and_who_has_it() -> None:
    admission = Admission(ME, 1.2, 10)
    busy = [door("a", holder="first"), door("b"), door("c", holder="second")]
    assert isinstance(admission.looked(busy, 10), Enter)
    obstacles = (Obstacle("disk a", "first"), Obstacle("disk c", "second"))
    assert admission.looked(busy, 10) == Wait(0.5, obstacles)
    step = admission.looked(busy, 11)
    assert isinstance(step, Wait) and step.seconds == pytest.approx(0.2)
    assert admission.looked(busy, 11.2) == GiveUp(pytest.approx(1.2), obstacles)
    assert [o.describe() for o in obstacles] == [
        'device "disk a" is in use by first', 'device "disk c" is in use by second',
    ]  # fmt: skip
    kept = Obstacle("disk b", "third", is_waiting=True)
    assert kept.describe() == 'device "disk b" is kept for third, which came first'


def test_who_does_not_wait_is_refused_at_once_and_never_stands_in_a_queue() -> None:
    standing = Waiting(Ticket(3, OTHER), "other")
    for busy in (door("a", holder="holder"), door("a", standing)):
        assert isinstance(Admission(ME, 0, 5).looked([busy], 5), GiveUp)
    admission = Admission(ME, 0, 5)
    assert isinstance(admission.looked([door("a")], 5), Enter)
    assert isinstance(admission.looked([door("a")], 5), Take)
    assert admission.refused("disk a", "quicker", 5) == GiveUp(0, (Obstacle("disk a", "quicker"),))


# Random orders: sessions are generators that yield wherever another one may come between.


@dataclass
class Disks:
    """Devices as their doors see them.  hides: holders are not seen, as on another machine."""

    hides: bool
    holder: dict[str, str] = field(default_factory=dict)
    queues: dict[str, dict[str, Ticket]] = field(default_factory=dict)

    def look(self, name: str) -> DoorView:
        standing = (Waiting(t, who) for who, t in self.queues.get(name, {}).items())
        holder = "" if self.hides else self.holder.get(name, "")
        return DoorView(name, name.encode(), holder, tuple(sorted(standing)))

    def stands(self, who: str) -> bool:
        return any(who in queue for queue in self.queues.values())


@dataclass
class Session:
    name: str
    wants: list[str]
    seconds_max: float
    rounds: int
    outcome: str = ""


def live(session: Session, disks: Disks, now: list[float]) -> Generator[str, None, None]:
    """The shell of `runtime.crew.entrance` and a session, one call at a time."""
    admission = Admission(session.name.encode(), session.seconds_max, now[0])
    refused = ""
    while True:
        views = []
        for name in () if refused else session.wants:
            views.append(disks.look(name))
            yield "looked"
        step = (
            admission.refused(refused, disks.holder.get(refused, ""), now[0])
            if refused else admission.looked(views, now[0])
        )  # fmt: skip
        refused = ""
        match step:
            case Enter(ticket):
                for name in session.wants:
                    disks.queues.setdefault(name, {})[session.name] = ticket
                    yield "entered"
            case Wait(seconds, obstacles):
                assert obstacles and 0 < seconds <= LOOK_SECONDS
                assert session.name not in disks.holder.values(), "holds and waits"
                until = now[0] + seconds
                while now[0] < until:
                    yield "waits"
            case GiveUp():
                session.outcome = "gave up"
                break
            case Take(order):
                wanted = [session.wants[place] for place in order]
                assert wanted == sorted(wanted)
                taken = []
                for name in wanted:
                    if name in disks.holder:
                        refused = name
                        break
                    disks.holder[name] = session.name
                    taken.append(name)
                    yield "took"
                if refused:
                    for name in taken:
                        del disks.holder[name]
                    continue
                session.outcome = "ran"
                break
    for name in session.wants:
        disks.queues.get(name, {}).pop(session.name, None)
        yield "left"
    if session.outcome == "ran":
        for _ in range(session.rounds):
            assert all(disks.holder[name] == session.name for name in session.wants)
            yield "runs"
        for name in session.wants:
            del disks.holder[name]
            yield "gave back"


def play(seed: int, *, patient: bool) -> list[Session]:
    """Many sessions that come at random moments; the clock goes on when everybody waits, and at
    random."""
    dice = random.Random(seed)
    disks, now = Disks(hides=dice.random() < 0.3), [0.0]
    count = dice.randint(2, 6)
    sessions = [
        Session(
            f"{number:016d}",
            dice.sample(NAMES, dice.randint(1, 4)),
            1e9 if patient else dice.choice([0, 0, 3, 1e9]),
            dice.randint(1, 30),
        )
        for number in dice.sample(range(100), count)
    ]
    running: dict[str, Generator[str, None, None]] = {}
    coming = list(sessions)
    for _ in range(100_000):
        if coming and dice.random() < 0.1:
            session = coming.pop()
            running[session.name] = live(session, disks, now)
        elif running:
            name = dice.choice(list(running))
            if next(running[name], None) is None:
                del running[name]
        if dice.random() < 0.05:
            now[0] += 0.4
        if not coming and not running:
            return sessions
    raise AssertionError(f"seed {seed}: no end; {disks}")


@pytest.mark.parametrize("part", range(4))
def test_nobody_holds_and_waits_and_everybody_comes_to_an_end(part: int) -> None:
    for seed in range(part * 500, part * 500 + 500):
        sessions = play(seed, patient=False)
        assert all(s.outcome == "ran" for s in sessions if s.seconds_max == 1e9), seed
        # Whoever meets nobody that runs is let in: of those who come together one wins.
        assert any(s.outcome == "ran" for s in sessions), seed


def test_who_waits_without_end_always_runs() -> None:
    for seed in range(500):
        assert {s.outcome for s in play(seed, patient=True)} == {"ran"}, seed


def test_a_session_that_wants_everything_is_not_starved_by_a_stream_of_small_ones() -> None:
    """Small sessions follow each other so closely that the devices are never free together."""
    for seed in range(100):
        dice = random.Random(seed)
        disks, now = Disks(hides=False), [0.0]
        large = Session("l" * 16, list(NAMES), 1e9, 1)
        running = [live(large, disks, now)]
        count = 0
        while large.outcome != "ran":
            while len(running) < 6:
                count += 1
                small = Session(f"{count:016d}", [dice.choice(NAMES)], 1e9, 20)
                running.append(live(small, disks, now))
            one = dice.choice(running)
            if next(one, None) is None:
                running.remove(one)
            now[0] += 0.05
            assert count < 200, f"seed {seed}: {count} small sessions came first"
