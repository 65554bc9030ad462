"""Restore agents and copy groups: random days with several of both, and what must hold."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from functools import partial
from random import Random

import pytest

from flowbackup.errors import ProtocolError
from flowbackup.flow.actions import Ask, Break, Commit, Forward, Refuse, Release, Write
from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.commit import GroupCommit
from flowbackup.flow.spread import SpreadMachine, Way
from flowbackup.model.frame import Codec, FrameDescriptor, FrameHeader, FrameKind
from flowbackup.model.ids import FrameId

SLOTS = 4
DAYS = 200


def frame(number: int, slot: int = 0) -> FrameDescriptor:
    """Of some other session, with numbers that follow no order here."""
    header = FrameHeader(
        bytes([number % 3]) * 16, number * 7 % 5, number, FrameKind.DATA, Codec.PLAIN,
        bytes(16), 10, 5, 1, number.to_bytes(16, "big"),
    )  # fmt: skip
    return FrameDescriptor(header, "slab", slot)


def ways(*edges: str, group: str = "g") -> list[Way]:
    return [Way(edge, group, stream, 2) for stream, edge in enumerate(edges, 1)]


def test_a_slot_is_free_when_every_group_has_the_frame() -> None:
    machine = SpreadMachine([0], [Way("a", "one", 1, 2), Way("b", "two", 2, 2)])
    slot = machine.lend()
    assert slot == 0 and machine.lend() is None
    sent = machine.filled(frame(3), ["one", "two"])
    assert [(f.edge, f.frame.route) for f in sent] == [("a", (1, 0)), ("b", (2, 0))]
    assert machine.released("a", frame(3).header.frame_id, 0)
    assert machine.lend() is None
    assert not machine.released("a", frame(3).header.frame_id, 0)
    assert machine.released("b", frame(3).header.frame_id, 0)
    assert machine.is_empty and machine.lend() == 0


def test_who_is_gone_is_asked_for_nothing_more() -> None:
    machine = SpreadMachine([0], [Way("a", "g", 1, 2), Way("b", "g", 2, 2)])
    machine.lend()
    (sent,) = machine.filled(frame(3), ["g"])
    other = "b" if sent.edge == "a" else "a"
    assert [f.frame for f in machine.restarted(sent.edge, 1)] == [sent.frame]
    (again,) = machine.lost(sent.edge)
    assert again.edge == other
    assert machine.lost(sent.edge) == []
    assert machine.restarted(sent.edge, 2) == []
    assert machine.asked(sent.edge, 1, 0, 0) == []


def test_each_edge_numbers_what_goes_over_it() -> None:
    machine = SpreadMachine(range(9), [*ways("a"), Way("b", "two", 7, 9)])
    routes = []
    for number, groups in enumerate((["g", "two"], ["two"], ["two"], ["g"])):
        slot = machine.lend()
        assert slot is not None
        routes += [(f.edge, f.frame.route) for f in machine.filled(frame(number, slot), groups)]
    assert [route for edge, route in routes if edge == "a"] == [(1, 0), (1, 1)]
    assert [route for edge, route in routes if edge == "b"] == [(7, 0), (7, 1), (7, 2)]


def test_the_freest_agent_is_taken_unless_one_is_named() -> None:
    machine = SpreadMachine(range(9), ways("a", "b"))
    sent = [machine.filled(frame(n, n), ["g"])[0].edge for n in range(4)]
    assert Counter(sent) == {"a": 2, "b": 2}
    named = [machine.filled(frame(n, n), ["g"], {"g": "b"})[0].edge for n in range(4, 9)]
    assert set(named) == {"b"}


def test_what_a_lost_agent_had_not_released_goes_to_another_of_its_group() -> None:
    machine = SpreadMachine(range(2), [*ways("a", "b"), Way("c", "other", 9, 2)])
    for number in range(2):
        machine.lend()
        machine.filled(frame(number, number), ["g", "other"], {"g": "a"})
    machine.released("a", frame(0).header.frame_id, 0)
    (again,) = machine.lost("a")
    assert (again.edge, again.frame.header, again.frame.route) == ("b", frame(1).header, (2, 0))
    assert machine.groups == {"g", "other"}
    assert machine.lost("b") == [] and machine.groups == {"other"}
    for number in range(2):
        machine.released("c", frame(number).header.frame_id, 0)
    assert machine.is_empty and {machine.lend(), machine.lend()} == {0, 1}


def test_a_frame_that_is_on_its_way_is_not_read_again() -> None:
    machine = SpreadMachine(range(2), ways("a"))
    machine.filled(frame(1), ["g"])
    with pytest.raises(ProtocolError, match="read twice"):
        machine.filled(frame(1, 1), ["g"])


class _Day:
    """Readers, copy agents in groups, a network that shuffles what is sent, and losses."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.readers = [f"r{n}" for n in range(random.randint(1, 3))]
        self.agents = {
            f"g{g}.a{a}": f"g{g}"
            for g in range(random.randint(1, 3))
            for a in range(random.randint(1, 3))
        }
        self.edges = [(r, a) for r in self.readers for a in self.agents]
        numbered = enumerate(self.edges, 1)
        all_ways = [
            (r, Way(f"{r}>{a}", self.agents[a], n, SLOTS)) for n, (r, a) in numbered
        ]  # fmt: skip
        self.machines = {
            r: SpreadMachine(range(SLOTS), [way for owner, way in all_ways if owner == r])
            for r in self.readers
        }
        slots = SLOTS * len(self.readers)
        self.buffers = {
            a: BufferMachine(slots=slots, bytes_max=slots * 10, commit=GroupCommit(35, 0.5))
            for a in self.agents
        }
        self.now = 0.0
        self.network: deque[Callable[[], None]] = deque()
        self.volatile: dict[str, list[FrameId]] = {a: [] for a in self.agents}
        self.log: dict[str, list[FrameId]] = {a: [] for a in self.agents}
        self.lost: set[str] = set()
        self.sent: dict[FrameId, tuple[str, ...]] = {}

    def run(self) -> None:
        unread = list(range(self.random.randint(5, 25)))
        losses = self.random.randint(0, 2)
        for _ in range(20_000):
            if unread and self.random.random() < 0.3:
                self._read(unread)
            elif losses and self.random.random() < 0.02:
                losses -= 1
                self._lose()
            elif self.network:
                self.network.rotate(self.random.randrange(len(self.network)))
                arrive = self.network.popleft()
                # A message may come twice; what was asked for comes again anyhow.
                if self.random.random() < 0.1:
                    self.network.append(arrive)
                arrive()
            else:
                self.now += 0.3
                for name, buffer in self.buffers.items():
                    self._perform(name, buffer.ticked(self.now))
                if not unread and not self.network and self._is_over():
                    return
        raise AssertionError("the day does not end")

    def _is_over(self) -> bool:
        return all(machine.is_empty for machine in self.machines.values())

    def _read(self, unread: list[int]) -> None:
        reader = self.random.choice(self.readers)
        machine = self.machines[reader]
        slot = machine.lend()
        if slot is None:
            return
        if self.random.random() < 0.1:
            machine.give_back(slot)
            return
        item = frame(unread.pop(), slot)
        known = sorted(set(self.agents.values()))
        groups = tuple(self.random.sample(known, self.random.randint(1, len(known))))
        self.sent[item.header.frame_id] = groups
        self._send(machine.filled(item, groups))

    def _send(self, forwards: Iterable[Forward]) -> None:
        self.network += [partial(self._offer, forward) for forward in forwards]

    def _offer(self, forward: Forward) -> None:
        agent = forward.edge.partition(">")[2]
        buffer = self.buffers[agent]
        if agent not in self.lost:
            self._perform(
                agent, buffer.offered(forward.edge, 0, forward.floor, forward.frame, self.now)
            )

    def _perform(self, agent: str, actions: Iterable[object]) -> None:
        for action in actions if agent not in self.lost else ():
            match action:
                case Write(item):
                    self.volatile[agent].append(item.header.frame_id)
                case Commit():
                    done, self.volatile[agent] = self.volatile[agent], []
                    self.log[agent] += done
                    self.network.append(partial(self._committed, agent, tuple(done)))
                case Release(edge, epoch, frame_id):
                    reader = edge.partition(">")[0]
                    assert frame_id in self.log[agent]
                    self.network.append(
                        partial(self.machines[reader].released, edge, frame_id, epoch)  # type: ignore[arg-type]
                    )
                case Ask(edge, epoch, stream, sequence):
                    reader = edge.partition(">")[0]
                    self._send(self.machines[reader].asked(edge, stream, sequence, epoch))
                case Refuse() | Break():
                    raise AssertionError(action)

    def _committed(self, agent: str, frames: tuple[FrameId, ...]) -> None:
        self._perform(agent, self.buffers[agent].committed(frames, 0))

    def _lose(self) -> None:
        left = [agent for agent in self.agents if agent not in self.lost]
        if len(left) > 1:
            agent = self.random.choice(left)
            self.lost.add(agent)
            for reader, machine in self.machines.items():
                self._send(machine.lost(f"{reader}>{agent}"))


def test_random_days_bring_each_frame_to_one_agent_of_each_group() -> None:
    moved = 0
    for seed in range(DAYS):
        day = _Day(seed)
        try:
            day.run()
        except Exception as error:
            error.add_note(f"day {seed}")
            raise
        for machine in day.machines.values():
            assert sorted(machine.lend() for _ in range(SLOTS)) == list(range(SLOTS))  # type: ignore[type-var]
        for frame_id, groups in day.sent.items():
            for group in groups:
                members = [a for a, g in day.agents.items() if g == group]
                holders = [a for a in members if frame_id in day.log[a]]
                working = [a for a in members if a not in day.lost]
                assert not working or holders, (seed, frame_id, group)
                # Each once, but for what went to another when its agent was lost.
                assert len([a for a in holders if a in working]) <= 1, (seed, frame_id, holders)
                assert all(Counter(day.log[a])[frame_id] == 1 for a in holders)
                moved += len(holders)
    assert moved > DAYS * 10
