"""The plan: frozen values that the runtime and the simulator read and nobody changes.

Names: an agent is "group.device" (`primary.nas`), an edge "source -> target".
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from flowbackup.model.chunking import FIXED, Chunking
from flowbackup.model.device import DeviceTarget
from flowbackup.model.hook import Hook, Notice
from flowbackup.model.rate import NO_LIMIT, RateSchedule
from flowbackup.model.retention import RetentionPolicy
from flowbackup.model.source_rules import EVERYTHING, SourceRules

INDEX_RESERVE_DIVISOR = 64
"""A slot is a frame plus 1/64 of it for the chunk index, so that 8 MiB of small files of 3 KiB or
more still fill one frame exactly."""

SLAB_HEADER_BYTES = 4096
"""In front of the slots of a slab: whose it is.  A page, so that slots begin at one."""


def slot_bytes(frame_bytes: int) -> int:
    """Memory of one slot: the frame's content and its chunk index, whole pages."""
    return frame_bytes + max(4096, frame_bytes // INDEX_RESERVE_DIVISOR // 4096 * 4096)


class Transport(StrEnum):
    """How a frame crosses an edge: shared memory on one node, another way between nodes."""

    SHARED_MEMORY = "shared memory"
    DIRECT = "direct"
    OBJECT_STORE = "object-store"


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """One media agent and its buffer.  role: backup, mirror, restore or copy.  level: couplings
    behind the group that begins the chain.  node: name from the graph, "here" for the machine of
    the command.  slots: frames that its buffer may hold at once.  slab: the memory in which it
    receives frames; those of a predecessor on its node lie in that one's."""

    name: str
    group: str
    role: str
    level: int
    node: str
    device: DeviceTarget
    slots: int
    slab: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class EdgePlan:
    """A coupling of two agents, or of a client and a head agent (level 0).

    first_slot, last_slot: the range [first, last) of the source's buffers that is coupled.
    into: the range of the target's buffers that takes their frames, None for the same numbers.
    when_slow: block or detach; lag_bytes_max: how far behind before detaching (0: no limit).
    spread: the group of the target where each frame goes to one agent of it only, else "".
    """

    name: str
    source: str
    target: str
    transport: Transport
    first_slot: int
    last_slot: int
    required: bool = True
    when_slow: str = "block"
    lag_bytes_max: int = 0
    spread: str = ""
    rate: RateSchedule = NO_LIMIT
    into: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class SparePlan:
    """A device that takes the place of a failed one of its group, on the node of that one."""

    device: DeviceTarget
    node: str


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """assign: frame or object, what is given to the agent with most credit.  devices_min: with
    fewer devices that work, the group fails, and with it the session, unless that copies: then the
    other groups go on; 0 where the graph does not say."""

    name: str
    role: str
    assign: str
    devices_min: int
    spares: tuple[SparePlan, ...] = ()


@dataclass(frozen=True, slots=True)
class CopySelection:
    """What a copy group of a stage takes: versions for which everything here holds.

    group: its name.  after: session or command.  objects: patterns of client/name, none for all.
    versions: session, latest or all.  since_seconds: not older, 0 for any age.  pool: with a copy
    on its media, "" for any.  below: with fewer durable copies, 0 for any number.  required:
    whether a session without this copy is complete."""

    group: str
    after: str = "session"
    objects: tuple[str, ...] = ()
    versions: str = "latest"
    since_seconds: int = 0
    pool: str = ""
    below: int = 0
    required: bool = True


@dataclass(frozen=True, slots=True)
class SlabPlan:
    """Shared memory of one node: a header and slots x slot_bytes, made by its owner (an agent or a
    client), used by every agent of the chain on that node."""

    name: str
    node: str
    owner: str
    slots: int
    slot_bytes: int
    users: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        return SLAB_HEADER_BYTES + self.slots * self.slot_bytes


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """What a data object without a path is read from: what these words write when they are run as a
    command; a source that a package brings, with what it is told; a table that the program gives
    which runs the session; or, without any of these, its standard input.
    silent_seconds_max: how long it may give nothing.  given: where the bytes of the table stand
    open in that program, and how they ended; nothing where nobody gives it."""

    command: tuple[str, ...] = ()
    silent_seconds_max: int = 3600
    source: str = ""
    options: tuple[tuple[str, str | int | float | bool], ...] = ()
    is_table: bool = False
    given: tuple[str, str] | None = None

    @property
    def is_standard_input(self) -> bool:
        return not (self.command or self.source or self.is_table)

    def __str__(self) -> str:
        if self.command or self.source:
            return shlex.join(self.command) or f"source {self.source}"
        return "a table" if self.is_table else "standard input"


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """A data object: the tree or file at `path` on the node of its client, or a stream there, and
    then the path is "".  heads: the agents of
    the backup group that it goes to; buffers: the range of their buffers it may use, or None;
    assign: as that of the group; rules: what of it is left out; hooks: around reading it;
    retention: which of its versions are kept, None for all; chunking: where its content is cut."""

    client: str
    name: str
    node: str
    path: str
    group: str
    heads: tuple[str, ...]
    buffers: tuple[int, int] | None = None
    assign: str = "frame"
    rules: SourceRules = EVERYTHING
    stream: StreamPlan | None = None
    hooks: tuple[Hook, ...] = ()
    retention: RetentionPolicy | None = None
    chunking: Chunking = FIXED


@dataclass(frozen=True, slots=True)
class NodePlan:
    """labels: what a Ray node must carry to be this one; empty for "here"."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StagingPlan:
    """A device whose frames make room: those of versions that have so many durable copies on other
    devices, and were finished so long ago."""

    device: DeviceTarget
    node: str
    copies: int
    keep_seconds: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that was decided for one graph, or for one stage of it: what one restore group
    reads and the chains behind it write, when the backup and the stages before have ended.

    frame_bytes: content of a frame; sync_bytes, sync_seconds: when an agent commits; copies: how
    many durable copies make an object complete (0: one on every required agent).
    memory_bytes: node -> bytes of its slabs, of the stage that has most.  selections: what the
    copy groups of a stage take.  stages: in their order.  staging: devices whose frames make room.
    hooks, notices: around a session, none of a stage.  zstd_level: of compression, 0 for none.
    key: path of the key file with which clients encrypt, "" for none.
    bottleneck: the sentence that `graph plan` prints.  engine: auto, local or ray.
    graph_text: the file that was written, for the media; path: where it came from, or "".
    """

    graph: str
    path: str
    frame_bytes: int
    sync_bytes: int
    sync_seconds: float
    copies: int
    nodes: tuple[NodePlan, ...]
    agents: tuple[AgentPlan, ...]
    edges: tuple[EdgePlan, ...]
    slabs: tuple[SlabPlan, ...]
    objects: tuple[ObjectPlan, ...]
    memory_bytes: tuple[tuple[str, int], ...]
    bottleneck: str
    graph_text: str
    catalog: str = ""
    groups: tuple[GroupPlan, ...] = ()
    selections: tuple[CopySelection, ...] = ()
    stages: tuple[Plan, ...] = ()
    staging: tuple[StagingPlan, ...] = ()
    hooks: tuple[Hook, ...] = ()
    notices: tuple[Notice, ...] = ()
    engine: str = "auto"
    zstd_level: int = 0
    key: str = ""

    def agent(self, name: str) -> AgentPlan:
        """The agent of that name.  Raises KeyError."""
        return next_named(self.agents, name)

    def group(self, name: str) -> GroupPlan:
        """The group of that name.  Raises KeyError."""
        for group in self.groups:
            if group.name == name:
                return group
        raise KeyError(name)

    def edges_from(self, source: str) -> tuple[EdgePlan, ...]:
        return tuple(edge for edge in self.edges if edge.source == source)

    def edges_into(self, target: str) -> tuple[EdgePlan, ...]:
        return tuple(edge for edge in self.edges if edge.target == target)

    @property
    def slot_bytes(self) -> int:
        return slot_bytes(self.frame_bytes)


def next_named(agents: tuple[AgentPlan, ...], name: str) -> AgentPlan:
    for agent in agents:
        if agent.name == name:
            return agent
    raise KeyError(name)


def with_rates(plan: Plan, rates: Mapping[str, RateSchedule]) -> Plan:
    """The plan with other limits of some couplings, by their names."""
    edges = (replace(edge, rate=rates.get(edge.name, edge.rate)) for edge in plan.edges)
    return replace(plan, edges=tuple(edges))
