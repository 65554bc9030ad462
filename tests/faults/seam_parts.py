"""The places of a session in one process: levels, the selves of their buffers, media agents."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from flowbackup.flow.buffer import BufferMachine
from flowbackup.flow.outbox import Begins
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.model.ids import FrameId
from flowbackup.runtime.actors.media_agent import MediaAgent
from flowbackup.runtime.edges.wiring import Job
from flowbackup.testing.crash_disk import CrashDisk


class Message(NamedTuple):
    """On its way.  sender: a Life or a Writer, None for the client and the session.  kind: what it
    is, for the count of the moments."""

    sender: object
    kind: str
    arrive: Callable[[], None]


@dataclass(eq=False)
class Writer:
    """A media agent, and the jobs that its buffer has for it.  found: what was durable when it
    began."""

    agent: MediaAgent
    device: DirectoryDevice
    disk: CrashDisk
    epoch: int
    found: list[FrameId]
    jobs: deque[Job] = field(default_factory=deque)
    calls: int = 0
    is_dead: bool = False

    def kill(self) -> None:
        """What it has written stands there; it makes no call any more, and its lock is free."""
        if self.is_dead:
            return
        self.is_dead = True
        self.disk.end()
        self.device.close()


@dataclass(eq=False)
class Life:
    """One self of a buffer."""

    level: Level
    epoch: int
    machine: BufferMachine
    writer: Writer


@dataclass(eq=False)
class Level:
    """A place in the chain.  edge: from its predecessor.  begins: what it is owed, where it was
    attached in the middle.  durable: what its media agents said is durable.  relays_only: no media
    agent is left.  is_lost: no buffer is left.  adopted_under: the epoch of its predecessor's
    heir, 0 for none."""

    number: int
    name: str
    edge: str
    place: Path
    begins: Begins = field(default_factory=dict)
    lives: list[Life] = field(default_factory=list)
    durable: dict[FrameId, None] = field(default_factory=dict)
    relays_only: bool = False
    is_lost: bool = False
    adopted_under: int = 0

    @property
    def life(self) -> Life:
        return self.lives[-1]

    @property
    def owes(self) -> bool:
        """Is its device to have everything that comes?"""
        return not self.is_lost and not self.relays_only

    @property
    def has_writer(self) -> bool:
        """One that lives."""
        return self.owes and not self.life.writer.is_dead

    def has(self, frame: FrameId) -> bool:
        """Does it owe nothing of this frame any more?"""
        before = frame.sequence < self.begins.get(frame.stream, 0)
        return before or not self.owes or frame in self.durable
