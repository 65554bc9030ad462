"""What actors are told: frozen values, no handles, nothing secret (Ray stores arguments)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from flowbackup.errors import DeviceError
from flowbackup.flow.outbox import FROM_THE_START, Begins
from flowbackup.flow.sender import Lane
from flowbackup.flow.spread import Way
from flowbackup.model.device import DeviceTarget, FramePlace, MediumInfo
from flowbackup.model.frame import FrameDescriptor, FrameHeader
from flowbackup.model.ids import FrameId
from flowbackup.model.rate import NO_LIMIT, RateSchedule
from flowbackup.plan.decided import ObjectPlan, Transport
from flowbackup.process import ProcessIdentity
from flowbackup.runtime.edges.slab import PrivateMemory
from flowbackup.runtime.engines.port import Handle as Handle


@dataclass(frozen=True, slots=True)
class SlabSettings:
    """path: in shared memory of the actor's node.  owner: the process of the session.  memory: what
    the slab is a part of, where all actors are in that process, and the path only its name."""

    path: str
    slots: int
    slot_bytes: int
    owner: ProcessIdentity
    memory: PrivateMemory | None = None


@dataclass(frozen=True, slots=True)
class BufferSettings:
    """makes_slab: this buffer is the first of its chain on its node and owns the memory.
    receiving_slots: those of it that are filled with what comes from other nodes.  arrivals: the
    edges over which it comes, and how.  has_spares: a failed device may be replaced, so that its
    frames wait for that.  epoch: above 0 for one that takes the place of another buffer."""

    agent: str
    session: bytes
    slots: int
    slab: SlabSettings
    makes_slab: bool
    receiving_slots: tuple[int, ...]
    arrivals: tuple[tuple[str, Transport], ...]
    sync_bytes: int
    sync_seconds: float
    has_spares: bool = False
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """A coupling as its sender needs it.  streams: those whose frames take it.  frames_max: sent
    and not yet released at once."""

    name: str
    target: str
    transport: Transport
    streams: tuple[int, ...]
    frames_max: int
    rate: RateSchedule = NO_LIMIT


@dataclass(frozen=True, slots=True)
class MediaAgentSettings:
    agent: str
    session: bytes
    target: DeviceTarget
    slab: SlabSettings
    epoch: int
    holder: str
    need_bytes: int


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """own_slab: to be made by the client; None where it fills those of its heads.  slabs: the
    memory of each edge.  lanes and slots: the credit of this client at each of its edges, each slot
    with the buffer of the head that it stands for (see flow.sender).  stdin: where the standard
    input of the session's program stands open.  graph, catalog: for commands of the user."""

    client: str
    session: bytes
    own_slab: SlabSettings | None
    slabs: tuple[tuple[str, SlabSettings], ...]
    frame_bytes: int
    objects: tuple[ObjectPlan, ...]
    edges: tuple[EdgeSettings, ...]
    lanes: tuple[Lane, ...]
    slots: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]
    stdin: str = ""
    graph: str = ""
    catalog: str = ""
    zstd_level: int = 0


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """slab: the memory that this restore agent makes and reads into.  ways: see flow.spread."""

    agent: str
    session: bytes
    target: DeviceTarget
    slab: SlabSettings
    ways: tuple[Way, ...]


class ReadTask(NamedTuple):
    """A frame to be read at a place and sent to one agent of each of these groups.  named: (group,
    edge) where the agent is not to be chosen by its credit."""

    header: FrameHeader
    place: FramePlace
    groups: tuple[str, ...]
    named: tuple[tuple[str, str], ...] = ()


class Readings(NamedTuple):
    """What became of tasks.  failures: frames that could not be read, and why.  unread: those that
    were not begun, because the reader was told to end."""

    failures: tuple[tuple[FrameId, DeviceError], ...] = ()
    unread: tuple[FrameId, ...] = ()


class Offer(NamedTuple):
    """A frame on an edge.  bytes_refs: empty in shared memory; else what the transport needs to get
    its bytes, in a tuple because Ray would wait for a bare reference before the call begins."""

    floor: int
    frame: FrameDescriptor
    bytes_refs: tuple[object, ...]


class Reply(NamedTuple):
    """The answer to an offer, given when everything in it is released or something is wrong.
    asks: (stream, sequence) from which the sender shall send again."""

    released: tuple[FrameId, ...]
    asks: tuple[tuple[int, int], ...] = ()


class Job(NamedTuple):
    """Work for a writer: a frame, or None for a commit."""

    frame: FrameDescriptor | None


class Written(NamedTuple):
    """The answer to a call of jobs.  durable: what became durable, also where failure says why
    nothing more will."""

    durable: tuple[FrameId, ...]
    failure: DeviceError | None


class Coupled(NamedTuple):
    """A buffer behind an edge.  epoch: its own.  begins: what it is owed (see flow.outbox).
    sender_epoch: under which the sender stands on an edge that was another one's; None for an edge
    of its own."""

    settings: EdgeSettings
    target: Handle
    epoch: int = 0
    begins: Begins = FROM_THE_START
    sender_epoch: int | None = None


class Failure(NamedTuple):
    """Why something does not go on behind a buffer or a source.  edge: to whom, "" for its device.
    epoch: of the one that failed.  is_lost: it is a process that is dead, or as good as dead; what
    is owed to it is kept until the session has said who goes on."""

    edge: str
    epoch: int
    text: str
    is_lost: bool


class Durable(NamedTuple):
    """A frame under a commit of a device."""

    header: FrameHeader
    place: FramePlace


class Told(NamedTuple):
    """Frames that became durable, in the order of their writing, and the media on which they lie:
    of a device with a set of them also such as nobody has heard of yet.  made_good: what failed on
    the device and did no harm, or ""."""

    frames: tuple[Durable, ...] = ()
    media: tuple[MediumInfo, ...] = ()
    made_good: str = ""
