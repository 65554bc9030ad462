"""The traffic of a random schedule: what is on its way between the machines, and how it arrives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from functools import partial
from random import Random

from flowbackup.errors import PeerLostError
from flowbackup.flow.actions import Action, Ask, Break, Commit, Forward, Refuse, Release, Write
from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.commit import GroupCommit
from flowbackup.flow.sender import SenderMachine, in_place
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

_Message = tuple[Life | None, Callable[[], None]]
"""Who sent it, None for the client and the session; and what happens when it arrives."""


class Traffic:
    """A client, a forest of agents, their writers and the network between them.  Everything that is
    late, doubled or out of order happens here; what breaks, a schedule says."""

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
        self._agents = grow_forest(random)
        self._lanes = make_lanes(self._agents, self._slots, border)
        self._pinned = (0, border)
        self._edges = {agent.edge: agent for agent in self._agents}
        self._sources = {agent.edge: agent.parent for agent in self._agents}
        self._writers: list[ModelWriter] = []
        for agent in self._agents:
            self._live(agent)
        slots = in_place(range(self._slots))
        self._sender = SenderMachine(
            bytes(16), self._lanes, {lane.edge: slots for lane in self._lanes}
        )

    @abstractmethod
    def _give_up(self, agent: Agent) -> None:
        """The session has heard that the agent can keep its promise no more."""

    def _live(self, agent: Agent, *, has_writer: bool = True) -> Life:
        """A new self, which knows what its device has committed and nothing else; or not even that,
        until it gets its writer."""
        epoch = agent.life.epoch + 1 if agent.lives else 0
        outboxes = [child.outbox() for child in agent.children]
        machine = BufferMachine(
            slots=self._slots, bytes_max=self._slots * FRAME_BYTES_MAX,
            commit=GroupCommit(self._sync_bytes, SYNC_SECONDS), successors=outboxes,
            epoch=epoch,
        )  # fmt: skip
        life = Life(agent, epoch, machine, outboxes)
        agent.lives.append(life)
        if has_writer:
            self._equip(life)
        else:
            life.writer.is_absent = True
        return life

    def _equip(self, life: Life) -> None:
        """Its writer begins behind the last commit of its device, or there is no device."""
        agent = life.agent
        if life.writer.is_absent:
            life.writer = ModelWriter(life)
        self._writers.append(life.writer)
        machine, log = life.machine, tuple(agent.device.log)
        if agent.device.alive:
            self._perform(life, machine.device_restarted(life.writer.epoch, log, self._now))
        else:
            self._perform(life, machine.device_failed())

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
                life.writer.put(action.frame)
            elif isinstance(action, Commit):
                life.writer.put(None)
            elif isinstance(action, Ask):
                self._post(life, partial(self._asked, action))
            elif isinstance(action, Break):
                if present:
                    check_break(life, self._frames)
                self._post(life, partial(self._give_up, life.agent))
            elif action.fatal:
                raise Violation(f"{action.edge} refused {action.frame}: {action.reason}")
        check_credit(life)

    def _work(self) -> bool:
        """One writer does one thing.  False when none has anything to do."""
        busy = [writer for writer in self._writers if writer.queue]
        if not busy:
            return False
        self._write_next(self._random.choice(busy))
        return True

    def _write_next(self, writer: ModelWriter) -> None:
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
