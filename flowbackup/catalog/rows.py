"""What the catalog answers with: small frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from flowbackup.errors import EXIT_INTERRUPTED
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.entry import Entry
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import FrameId, id_text
from flowbackup.model.record import VersionRecord
from flowbackup.model.report import DeviceReport, Outcome
from flowbackup.model.sameness import Aspect
from flowbackup.monitor import Problem
from flowbackup.units import counted

VERSIONS_NAMED_MAX = 8
"""So many in one message; the rest is a number."""


class SessionState(StrEnum):
    """finished: its end was recorded.  running: it was not, and its process lives or is out of
    sight on another host.  interrupted: its process is dead and recorded no end."""

    FINISHED = "finished"
    RUNNING = "running"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session; what only a finished one has is None or 0 before."""

    session: bytes
    kind: str
    graph_name: str
    graph_text: str
    host: str
    holder: str
    started_ns: int
    state: SessionState
    finished_ns: int | None = None
    outcome: Outcome | None = None
    exit_code: int | None = None
    engine: str = ""
    duration_seconds: float = 0.0
    start_seconds: float = 0.0
    files: int = 0
    bytes_source: int = 0
    bytes_read: int = 0
    bytes_new: int = 0
    devices: tuple[DeviceReport, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def is_interrupted(self) -> bool:
        """Its process is dead, or it was told to end before its time."""
        return self.state is SessionState.INTERRUPTED or self.exit_code == EXIT_INTERRUPTED

    def __str__(self) -> str:
        graph = f' of graph "{self.graph_name}"' if self.graph_name else ""
        return f"session {id_text(self.session)}{graph}"


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version; number counts the states of its object (client, name) from 1."""

    number: int
    record: VersionRecord

    @property
    def object_id(self) -> bytes:
        return self.record.object_id

    def __str__(self) -> str:
        return f"{self.record.client}/{self.record.name}@{self.number}"


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """One data object: how many versions it has, and the newest."""

    client: str
    name: str
    versions: int
    latest: VersionRow


@dataclass(frozen=True, slots=True)
class FrameRow:
    """A frame that a version needs.  header: None while no medium was seen to hold it."""

    frame: FrameId
    header: FrameHeader | None


@dataclass(frozen=True, slots=True)
class CopyRow:
    """What one medium holds, durable and undamaged, of the frames that a version needs.
    verified_ns: when that one of them was verified that waits longest for it, 0 if one never was.
    frames_freed: those that it had and does not hold any more, to make room.
    role: of the media agent that wrote them, "" where no session tells; copied_from: the media that
    they were copied from, none for a backup and its mirrors.
    """

    medium: MediumInfo
    frames_held: int
    frames_needed: int
    verified_ns: int = 0
    frames_freed: int = 0
    role: str = ""
    copied_from: tuple[bytes, ...] = ()

    @property
    def complete(self) -> bool:
        return self.frames_held == self.frames_needed


@dataclass(frozen=True, slots=True)
class ObjectStats:
    """What some versions take together.  name: of their object, "all" for all objects.
    bytes_source: the sizes of their files, summed over all versions; bytes_content: content that is
    kept for them, each chunk once; bytes_packed: what that takes on a medium, with the indexes of
    its chunks; bytes_lists: what their lists of files and records take."""

    name: str
    versions: int
    frames: int
    bytes_source: int
    bytes_content: int
    bytes_packed: int
    bytes_lists: int

    @property
    def dedup_factor(self) -> float | None:
        """How many times more the versions would take if each were kept whole; None where there is
        no content."""
        return round(self.bytes_source / self.bytes_content, 3) if self.bytes_content else None

    @property
    def compression_factor(self) -> float | None:
        """How many times more the content would take if it were not packed."""
        return round(self.bytes_content / self.bytes_packed, 3) if self.bytes_packed else None


@dataclass(frozen=True, slots=True)
class MediumStats:
    """What a medium holds, durable and not damaged, of all versions and sessions."""

    medium: MediumInfo
    frames: int
    bytes_held: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Of some objects, of them together, and of all media."""

    objects: tuple[ObjectStats, ...]
    total: ObjectStats
    media: tuple[MediumStats, ...]


@dataclass(frozen=True, slots=True)
class VersionCopies:
    """A version and how many durable copies it has: so many media may be lost, less one, and it
    can still be restored."""

    version: VersionRow
    copies: int


class TakenRow(NamedTuple):
    """A version that media take along which are lost: so many of its frames lie on no other."""

    version: VersionRow
    frames: int


@dataclass(frozen=True, slots=True)
class LostMedium:
    """A medium that cannot be read.  fault: why.  versions: those that no other medium within reach
    can give back as a whole."""

    info: MediumInfo
    fault: str
    versions: tuple[TakenRow, ...] = ()

    @property
    def text(self) -> str:
        """Why it cannot be read, and what it takes along."""
        if not self.versions:
            return f"{self.fault}; everything on it has another copy"
        shown = self.versions[:VERSIONS_NAMED_MAX]
        named = ", ".join(f"{row.version} ({counted(row.frames, 'frame')})" for row in shown)
        more = len(self.versions) - len(shown)
        return f"{self.fault}; it takes along {named}" + (f" and {more} more" if more else "")


@dataclass(frozen=True, slots=True)
class HitRow:
    """What a damaged place of a medium hits: a version, the kind of its frame, and the paths whose
    content lies in it (none for a manifest or catalog frame: then all of them need it)."""

    version: VersionRow
    frame: FrameId
    kind: int
    paths: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class VerificationRow:
    """One reading of a medium, or of a part of it.  bytes_total: what there was to read."""

    session: bytes
    medium: bytes
    started_ns: int
    finished_ns: int
    frames: int
    bytes_read: int
    bytes_total: int
    damaged: int


@dataclass(frozen=True, slots=True)
class VerifiedRow:
    """What is known of the copies on a medium: how many there are, how many of them were verified
    (once at least), how many are damaged; when the first of them was verified, 0 if one never was,
    and the last, 0 if none was."""

    frames: int
    frames_verified: int
    frames_damaged: int
    oldest_ns: int
    newest_ns: int


@dataclass(frozen=True, slots=True)
class MediumRow:
    """A medium, and what is known of its verification; None for one that no catalog knows."""

    info: MediumInfo
    verified: VerifiedRow | None = None


@dataclass(frozen=True, slots=True)
class LostRow:
    """A frame that should lie somewhere and does not.  is_repaired: the same medium holds it
    soundly in another place, where a repair has put it."""

    frame: FrameId
    place: FramePlace
    is_repaired: bool = False


class KeepReason(StrEnum):
    """Why a segment is not freed."""

    COPIES = "copies"
    """A version that needs it has too few copies on other devices."""
    YOUNG = "young"
    """A version that needs it has to be kept for some time yet."""
    NOBODY = "nobody"
    """It has frames of objects that were never finished, or a record that no other device has."""


class Keep(NamedTuple):
    """version: the one that keeps it, if there is one.  number: the copies that this has elsewhere,
    when it was finished, or how many frames no version needs."""

    reason: KeepReason
    version: VersionRow | None
    number: int


class SegmentStanding(NamedTuple):
    """A segment in which frames are known, and what keeps it; None if it may be freed as far as
    the catalog knows."""

    segment: int
    epoch: int
    frames: int
    keep: Keep | None


@dataclass(frozen=True, slots=True)
class FoundRow:
    """An entry, and the versions of one object in which it is so, by number."""

    versions: tuple[VersionRow, ...]
    entry: Entry


class ChangeKind(StrEnum):
    """What became of a name from one version to another.  MOVED: it is what another name was that
    is gone."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """What became of a path: in which aspects it changed, and the versions that have it so, by
    number.  entry: None of a path that was removed."""

    kind: ChangeKind
    versions: tuple[VersionRow, ...]
    entry: Entry | None
    aspects: tuple[Aspect, ...] = ()


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """A difference between two versions.  before, after: None where the name is not.  Of a name
    that was moved, `before` has the path that it came from."""

    kind: ChangeKind
    before: Entry | None
    after: Entry | None
    aspects: tuple[Aspect, ...] = ()

    @property
    def path(self) -> bytes:
        """Where it is, or was before it was removed."""
        entry = self.after or self.before
        assert entry is not None
        return entry.path
