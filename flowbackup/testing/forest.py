"""The world that a random schedule happens to: trees of agents with modelled devices, and the
rules that are checked at each step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from random import Random

from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.outbox import FROM_THE_START, Begins, Outbox
from flowbackup.flow.sender import Lane, Lent
from flowbackup.model.frame import Codec, FrameDescriptor, FrameHeader, FrameKind
from flowbackup.model.ids import FrameId

LEVELS_MAX = 4
AGENTS_MAX = 7
LOWER_STREAMS = frozenset({0, 2})
ALL_STREAMS = frozenset(range(4))
"""Two of each head: of its slots below a border, and of the others."""


class Violation(AssertionError):
    """A machine broke a rule."""


class ModelDevice:
    """Keeps what was committed, whatever happens to its writers."""

    def __init__(self, begins: Begins) -> None:
        self.alive = True
        self.log: dict[FrameId, None] = {}
        self.next_sequence = dict(begins)

    def commit(self, frames: Iterable[FrameId]) -> None:
        """Effect exactly once, and in sequence."""
        for frame in frames:
            expected = self.next_sequence.get(frame.stream, 0)
            if frame.sequence != expected:
                raise Violation(f"{frame} is committed where {expected} is next")
            self.log[frame] = None
            self.next_sequence[frame.stream] = expected + 1


class Life:
    """One self of an agent: its buffer and the writer that works for it at present."""

    def __init__(
        self, agent: Agent, epoch: int, machine: BufferMachine, outboxes: Iterable[Outbox]
    ) -> None:
        self.agent = agent
        self.epoch = epoch
        self.machine = machine
        self.outboxes = {outbox.edge: outbox for outbox in outboxes}
        self.predecessor_epochs: dict[str, int] = {}
        self.writer = ModelWriter(self)

    @property
    def is_present(self) -> bool:
        """Zombies, and the agents that were given up, may say what they like."""
        return self is self.agent.life and not self.agent.lost


class ModelWriter:
    """Works through its queue when the schedule lets it.  Replaced, it does so still and believes
    that its commits succeed, but nothing of it reaches the device.  is_absent: a buffer has come
    back, and its media agent has not."""

    def __init__(self, life: Life) -> None:
        life.agent.writer_epoch += 1
        self.epoch = life.agent.writer_epoch
        self.life = life
        self.queue: deque[FrameDescriptor | None] = deque()
        self.volatile: list[FrameId] = []
        self.is_absent = False

    def put(self, frame: FrameDescriptor | None) -> None:
        """A frame to write, or None for a commit; one that was told to stop takes no more."""
        if not (self.life.agent.leaving or self.is_absent):
            self.queue.append(frame)

    @property
    def is_fenced(self) -> bool:
        agent = self.life.agent
        is_ended = agent.lost and not agent.detached
        return is_ended or not agent.device.alive or agent.life.writer is not self


class Agent:
    """A place in the tree.  streams: those that take the coupling that leads here.  begins: of
    every stream the first frame that is owed to it.  leaving: its writer was told to stop.
    detached: nobody waits for it any more; it has not been ended, though."""

    def __init__(
        self, name: str, parent: Agent | None, streams: frozenset[int],
        begins: Begins = FROM_THE_START,
    ) -> None:  # fmt: skip
        self.name = name
        self.parent = parent
        self.streams = streams
        self.edge = f"{parent.name if parent else 'client'}>{name}"
        self.head: Agent = parent.head if parent else self
        self.children: list[Agent] = []
        self.begins = begins
        self.device = ModelDevice(begins)
        self.writer_epoch = 0
        self.lost = False
        self.leaving = self.detached = False
        self.lives: list[Life] = []

    @property
    def life(self) -> Life:
        return self.lives[-1]

    def owing(self, frame: FrameDescriptor) -> Iterator[Agent]:
        """This agent and all behind it to which the stream of the frame leads and that were there
        before it."""
        yield self
        stream, sequence = frame.route
        for child in self.children:
            if stream in child.streams and sequence >= child.begins.get(stream, 0):
                yield from child.owing(frame)

    def outbox(self) -> Outbox:
        """The sender's half of the edge that leads here."""
        epoch = self.life.epoch if self.lives else 0
        return Outbox(self.edge, self.streams, epoch, self.begins)

    def adopt(self, orphans: Iterable[Agent], streams: frozenset[int]) -> list[Outbox]:
        """Takes over what stood behind a lost successor to which these streams led."""
        heirs: list[Outbox] = []
        for orphan in orphans:
            orphan.parent = self
            orphan.edge = f"{self.name}>{orphan.name}"
            orphan.streams &= streams
            self.children.append(orphan)
            heirs.append(orphan.outbox())
        self.life.outboxes.update({heir.edge: heir for heir in heirs})
        return heirs

    def subtree(self) -> Iterator[Agent]:
        yield self
        for child in self.children:
            yield from child.subtree()


def grow_forest(random: Random) -> list[Agent]:
    """One or two trees, predecessors first; some edges couple only the slots below the border."""
    agents = [Agent(f"head{i}", None, ALL_STREAMS) for i in range(random.choice((1, 1, 1, 2)))]
    levels = dict.fromkeys(agents, 1)
    for i in range(random.randint(0, AGENTS_MAX - len(agents))):
        parent = random.choice([agent for agent in agents if levels[agent] < LEVELS_MAX])
        agent = Agent(f"a{i}", parent, LOWER_STREAMS if random.random() < 0.2 else ALL_STREAMS)
        levels[agent] = levels[parent] + 1
        parent.children.append(agent)
        agents.append(agent)
    return agents


def make_lanes(agents: Iterable[Agent], slots: int, border: int) -> list[Lane]:
    """Slots that take the same way are one lane: those below the border, and the others."""
    heads = [agent for agent in agents if agent.parent is None]
    ranges = ((0, border), (border, slots))
    return [
        Lane(head.edge, 2 * i + j, first, last)
        for i, head in enumerate(heads) for j, (first, last) in enumerate(ranges)
    ]  # fmt: skip


def make_frame(
    lent: Lent, object_number: int, end: bool, payload_bytes: int, content: int
) -> FrameDescriptor:
    """What a client puts into a lent slot; `end` marks the last frame of the object."""
    header = FrameHeader(
        *lent.frame, FrameKind.CATALOG if end else FrameKind.DATA, Codec.PLAIN,
        object_number.to_bytes(16, "big"), payload_bytes, 0, 0, content.to_bytes(16, "big"),
    )  # fmt: skip
    return FrameDescriptor(header, "slab", lent.slot)


def check_safe(agent: Agent, frame: FrameDescriptor, agents: Iterable[Agent]) -> None:
    """Released by an agent means: durable on every device from there on that works and that the
    frame is owed to, and on one at least."""
    frame_id = frame.header.frame_id
    for owing in agent.owing(frame):
        if owing.device.alive and frame_id not in owing.device.log:
            raise Violation(f"{frame_id}: released by {agent.name}, not durable on {owing.name}")
    if not any(frame_id in other.device.log for other in agents):
        raise Violation(f"{frame_id}: released by {agent.name}, durable nowhere")


def check_credit(life: Life) -> None:
    """Never negative, never exceeded, and spent for what is held and nothing else."""
    window, held = life.machine.credit()
    if not 0 <= window.slots_used <= window.slots_max or window.slots_used != held:
        raise Violation(f"{life.agent.name} holds {held} frames in {window}")
    if not 0 <= window.bytes_used <= window.bytes_max or (window.bytes_used > 0) != (held > 0):
        raise Violation(f"{life.agent.name} holds {held} frames in {window}")


def check_break(life: Life, frames: Iterable[FrameId]) -> None:
    """An agent gives up only without a device, and without a successor for all that it holds."""
    agent = life.agent
    if agent.device.alive:
        raise Violation(f"{agent.name} gives up with a good device")
    behind = [each for child in agent.children for each in child.subtree()]
    held = [frame for frame in frames if life.machine.holds(frame)]
    if behind and all(any(frame in each.device.log for each in behind) for frame in held):
        raise Violation(f"{agent.name} gives up, and its successors have all that it holds")
