"""Random schedules for the machines of `flow/`: every order of events that a bad day can bring.

A schedule grows one or two trees of agents, lets a client send frames into them, and decides by
its seed alone which message arrives next, which writer works next and what breaks.  Messages are
late, doubled and out of order; buffers and writers are replaced, their old selves may go on;
devices fail for good; agents are given up with and without adoption; mirrors are attached to any
agent in the middle, and detached again.  What must hold is checked at every step (`check_safe`,
`check_credit`, `ModelDevice.commit`, `_offer`, `_write_next`) and at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from flowbackup.flow.outbox import Outbox
from flowbackup.model.ids import FrameId
from flowbackup.testing.forest import (
    ALL_STREAMS,
    LOWER_STREAMS,
    Agent,
    Life,
    ModelWriter,
    Violation,
)
from flowbackup.testing.traffic import SYNC_SECONDS, Traffic

STEPS_MAX = 30_000
"""A schedule takes a few hundred steps; one that needs so many does not end."""


@dataclass(frozen=True, slots=True)
class ScheduleReport:
    """What a schedule went through; all counts.  faults: by their kind."""

    steps: int
    agents: int
    frames: int
    acknowledged: int
    doubles: int
    gaps: int
    refused: int
    faults: tuple[str, ...]


class Schedule(Traffic):
    """One random day.  `run` raises Violation, or an error of the machines, naming the seed."""

    def run(self) -> ScheduleReport:
        try:
            while self._unsent or self._faults_left:
                self._step()
            self._drain()
            self._check_end()
        except Exception as error:
            error.add_note(f"schedule with seed {self.seed}, step {self._steps}: {self._faults}")
            raise
        statistics = [
            life.machine.statistics(self._now) for agent in self._agents for life in agent.lives
        ]
        return ScheduleReport(
            steps=self._steps,
            agents=len(self._agents),
            frames=len(self._frames),
            acknowledged=len(self._acknowledged),
            doubles=sum(each.doubles for each in statistics),
            gaps=sum(each.gaps for each in statistics),
            refused=sum(each.refused for each in statistics),
            faults=tuple(fault.split()[0] for fault in self._faults),
        )

    def _count_step(self) -> None:
        self._steps += 1
        if self._steps > STEPS_MAX:
            raise Violation("the schedule does not end")

    def _step(self) -> None:
        self._count_step()
        random = self._random
        chance = random.random()
        if self._faults_left and chance < 0.03:
            self._faults_left -= 1
            self._break_something()
        elif self._unsent and chance < 0.15:
            self._send()
        elif chance < 0.18:
            self._tick(random.random() * SYNC_SECONDS)
        elif chance < 0.4 or not self._network:
            self._work()
        else:
            self._deliver(double=random.random() < self._doubling)

    def _drain(self) -> None:
        """No more faults and no more frames: everything must come to its end by itself."""
        ticks = 0
        while ticks < 3:
            self._count_step()
            if self._network and self._random.random() < 0.7:
                self._deliver(double=False)
            elif self._work():
                ticks = 0
            elif self._network:
                self._deliver(double=False)
            else:
                self._tick(SYNC_SECONDS)
                ticks += not any(writer.queue for writer in self._writers)

    # What breaks.

    def _break_something(self) -> None:
        alive = [a for a in self._agents if not a.lost and not a.life.machine.broken]
        if not alive:
            return
        agent = self._random.choice(alive)
        fault = self._random.choices(
            (
                self._restart_buffer, self._restart_writer, self._fail_device, self._give_up,
                self._attach, self._detach,
            ),
            (5, 5, 2, 1, 4, 2),
        )[0]  # fmt: skip
        self._faults.append(f"{fault.__name__.strip('_')} {agent.name}")
        fault(agent)

    def _restart_buffer(self, agent: Agent) -> None:
        old = agent.life
        is_late = agent.device.alive and self._random.random() < 0.4
        life = self._live(agent, has_writer=not is_late)
        if self._random.random() < 0.5:  # Dead and silent; else it goes on as a zombie.
            agent.lives.remove(old)
            old.writer.queue.clear()
            chance = self._random.random
            self._network = [m for m in self._network if m[0] is not old or chance() < 0.5]
        parent = agent.parent
        if parent is None:
            self._forward(*self._sender.head_restarted(agent.edge, life.epoch))
        else:
            news = partial(parent.life.machine.successor_restarted, agent.edge, life.epoch)
            self._hear(parent.life, news)
            self._post(None, partial(self._hear, parent.life, news))
        for child in agent.children:
            self._post(
                None, partial(self._predecessor_restarted, child.life, child.edge, life.epoch)
            )
        if is_late:
            self._post(None, partial(self._writer_comes, life))

    def _writer_comes(self, life: Life) -> None:
        """Behind its buffer, which has taken what it was sent again meanwhile."""
        if life.is_present and life.writer.is_absent:
            self._equip(life)

    def _restart_writer(self, agent: Agent) -> None:
        if not agent.device.alive:
            return
        life, old = agent.life, agent.life.writer
        if old.is_absent:
            return
        life.writer = ModelWriter(life)
        self._writers.append(life.writer)
        if self._random.random() < 0.5:
            old.queue.clear()
        failed = partial(life.machine.device_failed, old.epoch)
        restarted = partial(
            life.machine.device_restarted, life.writer.epoch, tuple(agent.device.log), self._now
        )
        self._hear(life, restarted)
        for late in (failed, restarted):
            self._post(None, partial(self._hear, life, late))

    def _fail_device(self, agent: Agent) -> None:
        agent.device.alive = False
        writer = agent.life.writer
        epoch = None if writer.is_absent else writer.epoch
        self._perform(agent.life, agent.life.machine.device_failed(epoch))

    def _attach(self, parent: Agent) -> None:
        """A new agent behind this one.  The source is asked for the border, and what it sends
        before the buffer hears of its new successor is late, doubled and lost like all else."""
        streams = LOWER_STREAMS if self._random.random() < 0.2 else ALL_STREAMS
        name = f"n{len(self._faults)}"
        self._post(
            None, partial(self._attached, name, parent, streams, self._sender.next_sequences())
        )

    def _attached(
        self, name: str, parent: Agent, streams: frozenset[int], begins: Mapping[int, int]
    ) -> None:  # fmt: skip
        machine = parent.life.machine
        is_there = any(agent.name == name for agent in self._agents)
        if is_there or parent.lost or parent.leaving or machine.broken:
            return
        outbox = Outbox(f"{parent.name}>{name}", streams)
        agent = Agent(name, parent, streams, machine.successor_attached(outbox, begins))
        parent.life.outboxes[agent.edge] = outbox
        parent.children.append(agent)
        self._agents.append(agent)
        self._edges[agent.edge] = agent
        self._sources[agent.edge] = parent
        self._live(agent)

    def _detach(self, agent: Agent) -> None:
        """In order: the writer ends behind the frame under way, and commits what it has; then
        nobody waits for it.  One that feeds others goes on without its device."""
        writer, parent = agent.life.writer, agent.parent
        if parent is None or not parent.device.alive or not agent.device.alive:
            return
        writer.queue.clear()
        if writer.volatile:
            writer.queue.append(None)
            self._write_next(writer)
        if agent.children:
            self._fail_device(agent)
        else:
            agent.leaving = True
            self._post(None, partial(self._detached, agent))

    def _detached(self, agent: Agent) -> None:
        parent = agent.parent
        if agent.lost or parent is None:
            return
        agent.lost = agent.detached = True
        parent.children.remove(agent)
        self._perform(parent.life, parent.life.machine.successor_detached(agent.edge))

    def _give_up(self, agent: Agent) -> None:
        """The predecessor detaches the agent and adopts what stands behind it, or does not."""
        if agent.lost:
            return
        parent = agent.parent
        adopt = parent is not None and self._random.random() < 0.7
        for each in [agent] if adopt else agent.subtree():
            each.lost = True
        if parent is None:
            self._sender.head_lost(agent.edge, "given up")
            return
        heirs = parent.adopt(agent.children if adopt else [], agent.streams)
        parent.children.remove(agent)
        self._edges.update((a.edge, a) for a in self._agents)
        self._sources.update((a.edge, a.parent) for a in self._agents)
        self._perform(parent.life, parent.life.machine.successor_detached(agent.edge, heirs))

    def _check_end(self) -> None:
        if not self._sender.is_empty:
            raise Violation(f"{self._sender.frames_out} frames are never released to the client")
        for agent in (agent for agent in self._agents if not agent.lost):
            if not agent.life.machine.is_empty:
                raise Violation(f"{agent.name} holds frames for ever")
            if agent.device.alive:
                self._check_complete(agent)
        for frame in self._frames.keys() - self._acknowledged:
            if not self._head(frame).lost:
                raise Violation(f"{frame} is not acknowledged")

    def _check_complete(self, agent: Agent) -> None:
        for frame, descriptor in self._frames.items():
            head = self._head(frame)
            owed = head is agent.head and agent in head.owing(descriptor)
            if owed != (frame in agent.device.log):
                raise Violation(f"{frame}: owed by {agent.name}: {owed}, but its log differs")

    def _head(self, frame: FrameId) -> Agent:
        return self._edges[self._lanes[frame.stream].edge]
