"""What is assumed of everything that a plan does not say: frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flowbackup.plan.decided import Plan
from flowbackup.units import GIB

ASSUMED_RATE = 200_000_000
"""Bytes per second of a device of which nothing is known: a disk that turns."""
ASSUMED_READ_RATE = 1_000_000_000
"""Bytes per second of a client: about what one core cuts into chunks and hashes."""
ASSUMED_OBJECT_BYTES = 100 * GIB
CALL_SECONDS = 0.0005
"""Between asking a buffer or device for something and its beginning: half of the millisecond that
the engine alone takes for a frame and level."""
UNLIMITED = 0
"""As a rate, or a size."""


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """rate: bytes per second.  latency_seconds: of each frame besides.  sync_seconds: what a commit
    costs.  jitter: a frame takes up to this part of its time more or less, as the seed says.
    size_bytes: what it takes before it is full.  disk: devices of one node that name the same one
    share it, and the rates are those of the disk."""

    rate: float = UNLIMITED
    latency_seconds: float = 0.0
    sync_seconds: float = 0.0
    jitter: float = 0.0
    size_bytes: int = UNLIMITED
    disk: str = ""


@dataclass(frozen=True, slots=True)
class LinkModel:
    """The network between two nodes, each direction by itself, beside what their ports allow.
    rate: bytes per second."""

    rate: float = UNLIMITED
    latency_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ClientModel:
    """read_rate: of its storage.  hash_rate: of one core.  file_seconds: what a file costs beside
    its bytes."""

    read_rate: float = UNLIMITED
    hash_rate: float = UNLIMITED
    file_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ObjectModel:
    size_bytes: int = ASSUMED_OBJECT_BYTES
    files: int = 1


@dataclass(frozen=True, slots=True)
class NodeModel:
    """cores: what its clients hash with and its agents check digests with; 0 for as many as they
    want.  digest_rate: bytes that a core checks per second.  network_rate: bytes per second that
    all its links together send, and that they receive."""

    cores: int = UNLIMITED
    digest_rate: float = UNLIMITED
    network_rate: float = UNLIMITED


@dataclass(frozen=True, slots=True)
class Event:
    """What happens to a device or node.  rate: from then on; 0 for a failure."""

    name: str
    at_seconds: float
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """devices, clients and nodes by name, objects by "client/name", links by (from node, to node).
    What is not named is as the default says.  seed: of all that is left to chance; the same one
    gives the same run.  exact: every frame is followed, none is leapt over.
    day, minute: of the week, when it begins, for couplings whose rate depends on the hour."""

    devices: Mapping[str, DeviceModel] = field(default_factory=dict)
    links: Mapping[tuple[str, str], LinkModel] = field(default_factory=dict)
    clients: Mapping[str, ClientModel] = field(default_factory=dict)
    objects: Mapping[str, ObjectModel] = field(default_factory=dict)
    nodes: Mapping[str, NodeModel] = field(default_factory=dict)
    events: tuple[Event, ...] = ()
    device: DeviceModel = DeviceModel(ASSUMED_RATE)
    link: LinkModel = LinkModel()
    client: ClientModel = ClientModel(ASSUMED_READ_RATE)
    object: ObjectModel = ObjectModel()
    node: NodeModel = NodeModel()
    call_seconds: float = CALL_SECONDS
    seed: int = 0
    exact: bool = False
    day: int = 0
    minute: int = 0


def with_declared(scenario: Scenario, plan: Plan) -> tuple[Scenario, tuple[str, ...]]:
    """The scenario with what the plan declares of devices of which the scenario says nothing; and
    the devices of which nobody says anything, so that they are assumed to be as the default."""
    devices, assumed = dict(scenario.devices), []
    agents = [agent for part in (plan, *plan.stages) for agent in part.agents]
    targets = [agent.device for agent in agents]
    targets += [spare.device for group in plan.groups for spare in group.spares]
    for target in dict.fromkeys(targets):
        if target.name in devices:
            continue
        rate: float = min(filter(None, (target.rate, target.rate_limit)), default=UNLIMITED)
        if not rate and target.kind != "null":
            assumed.append(target.name)
            continue
        devices[target.name] = replace(scenario.device, rate=rate)
    return replace(scenario, devices=devices), tuple(assumed)
