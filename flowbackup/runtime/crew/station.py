"""A station: the Buffer and the MediaAgent of one media agent, as the session knows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from flowbackup.flow.outbox import Begins
from flowbackup.media.port import WriterStatistics
from flowbackup.plan.decided import AgentPlan
from flowbackup.process import ProcessIdentity
from flowbackup.runtime.edges.wiring import EdgeSettings
from flowbackup.runtime.engines.port import Engine, Handle


@dataclass(frozen=True, slots=True)
class Retired:
    """A device that failed and was replaced.  written: what was last heard of it."""

    plan: AgentPlan
    medium: bytes
    written: WriterStatistics


class Adopted(NamedTuple):
    """Who sends over an edge in the place of its source, which is lost for good.  epoch: under
    which it does."""

    by: str
    settings: EdgeSettings
    epoch: int


@dataclass(slots=True)
class Station:
    """The two actors of one media agent.  failure: why its copy cannot be complete, or "".
    buffer_lost, agent_lost: processes that are dead or were ended because they did not answer.
    cut_off: not everything comes to it any more, because a buffer in front of it is lost.  retired:
    its devices before, which failed and were replaced by the present one.  begins: what it is owed,
    where it was attached in the middle.  detached: it was let go in order.

    agent_epoch, buffer_epoch: of the present ones; agent_process, buffer_process: theirs.  epochs:
    how many were given away, also to such as did not come to work.  earlier: what media agents
    before the present one have written on the same device."""

    plan: AgentPlan
    buffer: Handle
    agent: Handle
    engine: Engine
    failure: str = ""
    buffer_lost: bool = False
    agent_lost: bool = False
    cut_off: bool = False
    retired: list[Retired] = field(default_factory=list)
    begins: Begins = field(default_factory=dict)
    detached: bool = False
    agent_epoch: int = 0
    agent_process: ProcessIdentity | None = None
    buffer_epoch: int = 0
    buffer_process: ProcessIdentity | None = None
    epochs: int = 0
    earlier: WriterStatistics = field(default_factory=WriterStatistics)

    @property
    def state(self) -> str:
        """In the words of DeviceReport."""
        if self.detached:
            return "detached"
        if not self.failure:
            return "lagging" if any(self.begins.values()) else "complete"
        return "failed" if self.buffer_lost or self.cut_off else "relay-only"

    def next_epoch(self) -> int:
        """Of a process that takes the place of another one, above all that were given before."""
        self.epochs += 1
        return self.epochs

    def lose_buffer(self) -> None:
        """Ends the buffer, whatever it is doing; everybody who waits for it hears that at
        once, even of one that is stopped."""
        if not self.buffer_lost:
            self.buffer_lost = True
            self.engine.end(self.buffer)

    def lose_agent(self) -> None:
        """Ends the media agent: it must not write any more when its slots are reused."""
        if not self.agent_lost:
            self.agent_lost = True
            self.engine.end(self.agent)
