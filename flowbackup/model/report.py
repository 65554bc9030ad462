"""How a session ended: the value behind the summary of every command and the catalog's history."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flowbackup.model.profile import Profile
from flowbackup.monitor import Problem


class Outcome(StrEnum):
    """The only three ways to end."""

    SUCCESS = "success"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ObjectReport:
    """One data object of a session.  version counts the states of this object from 1, 0 where
    none was made; copies_durable counts the devices that hold all of its frames durably.
    bytes_known: of its content, what earlier sessions had made safe, so that it was neither read
    nor sent again; bytes_deduplicated: what was read, and found to be safe already; bytes_packed:
    what its new content takes in frames, compressed or not, with the index of its chunks."""

    name: str
    client: str
    object_id: str
    version: int
    outcome: Outcome
    copies_durable: int
    copies_required: int
    files: int = 0
    bytes_source: int = 0
    bytes_read: int = 0
    bytes_new: int = 0
    bytes_known: int = 0
    bytes_deduplicated: int = 0
    bytes_packed: int = 0


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """One media agent of a session.  state: complete, relay-only, failed, detached.

    medium: UUID of what it wrote to, "" where that is not known.  streams: those whose frames a
    backup meant to put there, () for all.  required: whether its copy was asked for.
    """

    name: str
    agent: str
    role: str
    level: int
    node: str
    state: str
    bytes_written: int
    frames: int
    syncs: int = 0
    medium: str = ""
    required: bool = True
    streams: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MediumUse:
    """What a medium gave to a restore, and what was found when it was looked at.

    fault: why it could not be read, "" if it could.  holder: who was writing to it, "" for nobody.
    verified_ns: when it was verified last, 0 for never.  reasons: why its copy was the first choice
    -> frames for which it was.
    """

    device: str
    medium: str
    location: str
    node: str
    fault: str
    holder: str
    verified_ns: int
    frames: int
    bytes_read: int
    reasons: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Detour:
    """A frame that was not taken from its first choice.  taken_from: the place of the copy that was
    used.  failures: of the copies that were tried before, in that order."""

    frame: str
    taken_from: str
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Which copies were used, and why."""

    media: tuple[MediumUse, ...] = ()
    detours: tuple[Detour, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptReport:
    """Segments of a device that stay for one reason.  text: the reason, of the first of
    them."""

    reason: str
    text: str
    segments: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class MovedReport:
    """What was written anew on another medium of the set, which is this one.  number: of it in the
    set."""

    medium: str
    number: int
    frames: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FreedReport:
    """What a device gave back, or in a dry run would, and what stays on it.  moved_frames,
    moved_bytes: what was written anew to give that back; moved_to: the part of it that went to
    other media of the set."""

    device: str
    medium: str
    segments: int
    frames: int
    size_bytes: int
    kept: tuple[KeptReport, ...] = ()
    moved_frames: int = 0
    moved_bytes: int = 0
    moved_to: tuple[MovedReport, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionReport:
    """The whole session.  start_seconds: until the first frame was accepted.  explanation: of a
    restore for which it was asked.  freed: by a session that made room.  stages: the sessions of
    copies, and those that made room, of the same command, each with a report of its own.  profile:
    where its time went, where that was measured."""

    session: str
    kind: str
    graph: str
    outcome: Outcome
    exit_code: int
    engine: str
    duration_seconds: float
    start_seconds: float
    files: int
    bytes_source: int
    bytes_read: int
    bytes_new: int
    objects: tuple[ObjectReport, ...] = ()
    devices: tuple[DeviceReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    explanation: Explanation | None = None
    freed: tuple[FreedReport, ...] = ()
    stages: tuple[SessionReport, ...] = ()
    profile: Profile | None = None

    @property
    def bytes_known(self) -> int:
        """Neither read nor sent, because earlier sessions had made it safe."""
        return sum(item.bytes_known for item in self.objects)

    @property
    def bytes_deduplicated(self) -> int:
        """Read and not sent, because it was found to be safe already."""
        return sum(item.bytes_deduplicated for item in self.objects)

    @property
    def bytes_packed(self) -> int:
        """What new content takes in frames; each device has so much of it, and of its records."""
        return sum(item.bytes_packed for item in self.objects)

    @property
    def worst(self) -> SessionReport:
        """The first of it and its stages that ended worst."""
        grades = [Outcome.SUCCESS, Outcome.INCOMPLETE, Outcome.FAILED]
        return max((self, *self.stages), key=lambda report: grades.index(report.outcome))
