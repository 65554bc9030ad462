"""A loss as a value: what happens when, and how a session must end then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from tests.runtime.losses.moments import Moment
from tests.runtime.losses.world import GROUPS, World

CREW = "flowbackup.runtime.crew"
COMPLETE, RELAY, FAILED = "complete", "relay-only", "failed"


def nothing(world: World) -> None:
    """What most scenarios prepare, and mend, and some do."""


@dataclass(frozen=True, slots=True)
class Expected:
    """states: of the devices in the report, those of replaced ones included.  copies: durable ones
    of each object, 0 for one that failed.  says: found in the problems.  exit_code 0 or 4, and
    everything was read once, unless it is said otherwise."""

    states: Sequence[str]
    exit_code: int
    copies: tuple[int, int]
    says: str = ""
    reads_all: bool = True


@dataclass(frozen=True, slots=True)
class Scenario:
    """prepare: before the session; mend: behind it, so that the next command finds what it needs.
    unsealed: devices that may keep a segment without its seal.  beyond_repair: devices that cannot
    take what they lack.  rates: of devices that are slow.  limits: names and values of waits that
    are shorter than usual.  agent_killed: the target for pauses is meant."""

    fault: str
    moment: Moment
    act: Callable[[World], None]
    expected: Expected
    prepare: Callable[[World], None] = nothing
    mend: Callable[[World], None] = nothing
    groups: str = GROUPS
    options: str = ""
    through_cache: bool = False
    extra_devices: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    unsealed: Sequence[str] = ()
    beyond_repair: Sequence[str] = ()
    rates: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    limits: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    agent_killed: bool = False

    def __str__(self) -> str:
        return f"{self.fault}: {self.moment}"
