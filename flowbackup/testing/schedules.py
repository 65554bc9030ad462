"""Random schedules for the machines of `flow/`: every order of events that a bad day can bring.

A schedule grows one or two trees of agents, lets a client send frames into them, and decides by
its seed alone which message arrives next, which writer works next and what breaks.  Messages are
late, doubled and out of order; buffers and writers are replaced, their old selves may go on;
devices fail for good; agents are given up with and without adoption.  What must hold is checked at
every step (`check_safe`, `check_credit`, `ModelDevice.commit`, `_offer`, `_work`) and at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from random import Random

from flowbackup.errors import PeerLostError
from flowbackup.flow.actions import Action, Ask, Break, Commit, Forward, Refuse, Release, Write
from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.commit import GroupCommit
from flowbackup.flow.sender import SenderMachine
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.testing.forest import (
    Agent,
    Life,
    ModelWriter,
    Violation,
    check_break,
    check_credit,
    check_safe,
    grow_forest,
    make_frame,
    make_lanes,
)

FRAME_BYTES_MAX = 100
SYNC_SECONDS = 0.5
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


_Message = tuple[Life | None, Callable[[], None]]
"""Who sent it, None for the client and the session; and what happens when it arrives."""


class Schedule:
    """One random day.  `run` raises Violation, or an error of the machines, naming the seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._random = random = Random(seed)
        self._now = 0.0
        self._steps = 0
        self._network: list[_Message] = []
        self._spread = random.choice((1, 2, 4, 100))
        self._doubling = random.choice((0.0, 0.05, 0.2))
        self._slots = random.randint(2, 6)
        self._sync_bytes = random.randint(50, 400)
        self._unsent = random.randint(3, 14)
        self._faults_left = random.randint(0, 6)
        self._faults: list[str] = []
        self._object = 0
        self._frames: dict[FrameId, FrameDescriptor] = {}
        self._memory: dict[tuple[str, int], FrameId] = {}
        self._acknowledged: set[FrameId] = set()
        border = random.randint(1, self._slots - 1)
        self._agents = grow_forest(random, border)
        self._lanes = make_lanes(self._agents, self._slots, border)
        self._pinned = (0, border)
        self._edges = {agent.edge: agent for agent in self._agents}
        self._sources = {agent.edge: agent.parent for agent in self._agents}
        self._writers: list[ModelWriter] = []
        for agent in self._agents:
            self._live(agent)
        self._sender = SenderMachine(
            bytes(16), self._lanes, {lane.edge: range(self._slots) for lane in self._lanes}
        )

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

    def _live(self, agent: Agent) -> Life:
        """A new self, which knows what its device has committed and nothing else."""
        epoch = agent.life.epoch + 1 if agent.lives else 0
        outboxes = [child.outbox() for child in agent.children]
        machine = BufferMachine(
            slots=self._slots, bytes_max=self._slots * FRAME_BYTES_MAX,
            commit=GroupCommit(self._sync_bytes, SYNC_SECONDS), successors=outboxes,
            epoch=epoch, durable=agent.device.log,
        )  # fmt: skip
        life = Life(agent, epoch, machine, outboxes)
        agent.lives.append(life)
        self._writers.append(life.writer)
        log = agent.device.log
        self._perform(life, machine.device_restarted(life.writer.epoch, log, self._now))
        if not agent.device.alive:
            self._perform(life, machine.device_failed())
        return life

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

    def _tick(self, seconds: float) -> None:
        self._now += seconds
        for agent in self._agents:
            for life in agent.lives:
                self._perform(life, life.machine.ticked(self._now))

    def _post(self, origin: Life | None, arrive: Callable[[], None]) -> None:
        self._network.append((origin, arrive))

    def _deliver(self, *, double: bool) -> None:
        network = self._network
        i = self._random.randrange(min(self._spread, len(network)))
        _, arrive = network[i] if double else network.pop(i)
        arrive()

    def _send(self) -> None:
        pinned = self._pinned if self._random.random() < 0.2 else None
        try:
            lent = self._sender.lend([lane.edge for lane in self._lanes], pinned)
        except PeerLostError:
            self._unsent = 0
            return
        if lent is None:
            return
        if self._random.random() < 0.1:
            self._sender.give_back()
            return
        self._unsent -= 1
        end = self._random.random() < 0.25
        frame = make_frame(
            lent, self._object, end, self._random.randint(1, FRAME_BYTES_MAX), self._unsent
        )
        self._object += end
        self._frames[lent.frame] = frame
        self._memory[lent.lane.edge, lent.slot] = lent.frame
        self._forward(self._sender.filled(frame))

    def _forward(self, *forwards: Forward | None) -> None:
        for forward in forwards:
            if forward is not None:
                self._post(None, partial(self._offer, 0, forward))

    # The network: what arrives.

    def _offer(self, sender_epoch: int, forward: Forward) -> None:
        edge = forward.edge
        for life in self._edges[edge].lives:
            if life.epoch != forward.epoch:
                continue
            actions = life.machine.offered(
                edge, sender_epoch, forward.floor, forward.frame, self._now
            )
            known = life.predecessor_epochs.get(edge, 0)
            if sender_epoch < known and not all(isinstance(a, Refuse) for a in actions):
                raise Violation(f"{edge}: a predecessor of epoch {sender_epoch} was heard")
            life.predecessor_epochs[edge] = max(known, sender_epoch)
            self._perform(life, actions)

    def _released(self, release: Release) -> None:
        edge, epoch, frame = release
        source = self._sources[edge]
        if source is None:
            if self._sender.released(edge, frame, self._frames[frame].slot, epoch):
                self._acknowledged.add(frame)
                check_safe(self._edges[edge], self._frames[frame], self._agents)
            return
        for life in source.lives:
            outbox = life.outboxes.get(edge)
            had = outbox is not None and frame in outbox
            actions = life.machine.released(edge, frame, epoch)
            if had and outbox is not None and frame not in outbox and life.is_present:
                check_safe(self._edges[edge], self._frames[frame], self._agents)
            self._perform(life, actions)

    def _asked(self, ask: Ask) -> None:
        source = self._sources[ask.edge]
        arguments = (ask.edge, ask.stream, ask.sequence, ask.epoch)
        if source is None:
            self._forward(*self._sender.asked(*arguments))
        else:
            for life in source.lives:
                self._perform(life, life.machine.asked(*arguments))

    def _hear(self, life: Life, event: Callable[[], Iterable[Action]]) -> None:
        self._perform(life, event())

    def _predecessor_restarted(self, life: Life, edge: str, epoch: int) -> None:
        known = life.predecessor_epochs
        known[edge] = max(known.get(edge, 0), epoch)
        self._perform(life, life.machine.predecessor_restarted(edge, epoch))

    def _perform(self, life: Life, actions: Iterable[Action]) -> None:
        present = life.is_present
        for action in actions:
            if isinstance(action, Forward):
                self._post(life, partial(self._offer, life.epoch, action))
            elif isinstance(action, Release):
                if present:
                    check_safe(life.agent, self._frames[action.frame], self._agents)
                self._post(life, partial(self._released, action))
            elif isinstance(action, Write):
                if present and not life.agent.device.alive:
                    raise Violation(f"{life.agent.name} writes to a device that failed")
                life.writer.queue.append(action.frame)
            elif isinstance(action, Commit):
                life.writer.queue.append(None)
            elif isinstance(action, Ask):
                self._post(life, partial(self._asked, action))
            elif isinstance(action, Break):
                if present:
                    check_break(life, self._frames)
                self._post(life, partial(self._give_up, life.agent))
            elif action.fatal:
                raise Violation(f"{action.edge} refused {action.frame}: {action.reason}")
        check_credit(life, self._now)

    def _work(self) -> bool:
        """One writer does one thing.  False when none has anything to do."""
        busy = [writer for writer in self._writers if writer.queue]
        if not busy:
            return False
        writer = self._random.choice(busy)
        life = writer.life
        frame = writer.queue.popleft()
        if frame is not None:
            held = self._memory[life.agent.head.edge, frame.slot]
            if held != frame.header.frame_id and not writer.is_fenced:
                raise Violation(f"{frame.header.frame_id} is written when its slot holds {held}")
            writer.volatile.append(frame.header.frame_id)
        elif writer.volatile:
            if not writer.is_fenced:
                life.agent.device.commit(writer.volatile)
            report = partial(life.machine.committed, tuple(writer.volatile), writer.epoch)
            self._post(life, partial(self._hear, life, report))
            writer.volatile.clear()
        return True

    # What breaks.

    def _break_something(self) -> None:
        alive = [a for a in self._agents if not a.lost and not a.life.machine.broken]
        if not alive:
            return
        agent = self._random.choice(alive)
        fault = self._random.choices(
            (self._restart_buffer, self._restart_writer, self._fail_device, self._give_up),
            (5, 5, 2, 1),
        )[0]
        self._faults.append(f"{fault.__name__.strip('_')} {agent.name}")
        fault(agent)

    def _restart_buffer(self, agent: Agent) -> None:
        old = agent.life
        life = self._live(agent)
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

    def _restart_writer(self, agent: Agent) -> None:
        if not agent.device.alive:
            return
        life, old = agent.life, agent.life.writer
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
        self._perform(agent.life, agent.life.machine.device_failed(agent.life.writer.epoch))

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
        heirs = parent.adopt(agent.children if adopt else [], agent.slots)
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
            owed = head is agent.head and agent in head.owing(descriptor.slot)
            if owed != (frame in agent.device.log):
                raise Violation(f"{frame}: owed by {agent.name}: {owed}, but its log differs")

    def _head(self, frame: FrameId) -> Agent:
        return self._edges[self._lanes[frame.stream].edge]
