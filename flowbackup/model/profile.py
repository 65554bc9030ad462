"""Where the time of a session went: seconds, and who spent them on what.

Those of the session itself follow each other and are its whole duration.  Clients, agents and edges
work at the same time, so that their seconds have no sum; where somebody spends all of his, there
the session is slow.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NOTEWORTHY_SECONDS = 0.0005
"""Less is shown as nothing."""


class Role(StrEnum):
    """Who works."""

    SESSION = "session"
    CLIENT = "client"
    AGENT = "agent"
    EDGE = "edge"
    DEVICE = "device"


class Work(StrEnum):
    """On what."""

    CHECKING = "checking"
    """Graph, catalog and devices, before anything is begun."""
    STARTING = "starting"
    """The engine."""
    OPENING = "opening"
    """Devices, memory and actors."""
    RUNNING = "running"
    """Data flows."""
    SEALING = "sealing"
    """The media get their ends."""
    RECORDING = "recording"
    """The catalog is told, and everybody goes."""

    SCANNING = "scanning"
    """Directories are listed, names are chosen and opened."""
    READING = "reading"
    HASHING = "hashing, compressing"
    HASHING_BESIDE = "hashing, compressing beside"
    """By other threads together, while the first one reads."""
    WAITING = "waiting for credit"
    """No slot is free: the devices are slower."""
    ENDING = "waiting for the end"
    """Everything was read, and is not durable yet."""
    FRAMES = "waiting for frames"
    """A restore is faster than the media."""
    MAKING = "making files"
    OTHER = "other work"
    """The rest of a client: metadata, manifest, sealing, and putting it all together."""

    WRITING = "writing"
    SYNCING = "syncing"
    IDLE = "idle"
    """Nothing is there to be written."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What one of them has spent on one kind of work.  target: of an edge that waits, for whom."""

    role: Role
    name: str
    work: Work
    seconds: float
    target: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """seconds: of the whole session."""

    seconds: float
    spent: tuple[Spent, ...]


@dataclass(frozen=True, slots=True)
class ClientTimes:
    """seconds: of its run until now; the others are parts of it, but for hashing beside."""

    seconds: float = 0.0
    scan_seconds: float = 0.0
    read_seconds: float = 0.0
    hash_seconds: float = 0.0
    hash_beside_seconds: float = 0.0
    wait_seconds: float = 0.0
    end_seconds: float = 0.0

    def spent(self, name: str) -> tuple[Spent, ...]:
        known = (
            self.scan_seconds + self.read_seconds + self.hash_seconds + self.wait_seconds
            + self.end_seconds
        )  # fmt: skip
        parts = (
            (Work.SCANNING, self.scan_seconds),
            (Work.READING, self.read_seconds),
            (Work.HASHING, self.hash_seconds),
            (Work.OTHER, max(0.0, self.seconds - known)),
            (Work.WAITING, self.wait_seconds),
            (Work.ENDING, self.end_seconds),
            (Work.HASHING_BESIDE, self.hash_beside_seconds),
        )
        return tuple(Spent(Role.CLIENT, name, work, seconds) for work, seconds in parts)


NO_TIMES = ClientTimes()
