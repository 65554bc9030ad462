"""Where media are: the decided form of a device, from which a live one is opened."""

from __future__ import annotations

import os
from dataclasses import dataclass

from flowbackup.model.location import S3, refuse_no_bucket
from flowbackup.units import KIB, round_up

DEFAULT_BLOCK_BYTES = 4096
MEDIUM_BYTES = 256 * KIB
"""More than label, texts and lock of a medium take, and records in small blocks."""
MEDIUM_BLOCKS = 6
"""In large blocks: the record that begins a segment (two), commit, index (two), footer."""
OBJECT_SECONDS = 5.0
"""A request costs money, and each object a look at every listing; a slow source waits so long."""
HERE = "here"
"""The node that is the machine of the command; every other one is named in a graph."""


@dataclass(frozen=True, slots=True)
class DeviceTarget:
    """kind: "directory", "s3" or "null".  location: of its place, as `location` says; "" for kinds
    without one.
    block_bytes: everything on the medium begins at a multiple of this.
    rate_limit: bytes per second, 0 for none.  media_bytes: of one medium of the set that the
    location holds; 0 where it holds one medium without limit, or a set that says so itself.
    rate: bytes per second that it is said to write, 0 where nobody has measured it; nothing is held
    to that, it only tells what to expect."""

    name: str
    kind: str
    location: str = ""
    block_bytes: int = DEFAULT_BLOCK_BYTES
    rate_limit: int = 0
    media_bytes: int = 0
    rate: int = 0

    def __post_init__(self) -> None:
        """Raises UsageError for a bucket that cannot be: the name of a file behind it would be
        taken for that of a bucket."""
        refuse_no_bucket(self.location)

    @property
    def sync_seconds_min(self) -> float:
        """Where each commit makes an object, few frames are worth one."""
        return OBJECT_SECONDS if self.kind == S3 else 0.0


@dataclass(frozen=True, slots=True)
class Membership:
    """Of a medium in a set of media, on which objects may lie one behind the other.

    set_id: UUID of the set.  number: of the medium, from 1, in the order of their making; none is
    given twice.  media_bytes: what the files of the medium may take together; 0 for a tape, of
    which nobody knows."""

    set_id: bytes
    number: int
    media_bytes: int


def least_media_bytes(frames: int, frame_bytes: int, block_bytes: int) -> int:
    """What a medium of limited size must hold, so that so many frames find room on it."""
    records = (frames + MEDIUM_BLOCKS) * block_bytes
    return MEDIUM_BYTES + records + frames * round_up(frame_bytes, block_bytes)


@dataclass(frozen=True, slots=True)
class MediumInfo:
    """What the label of a medium says, what its place has left, and the node of that place.

    Bytes; -1 is unknown.  node: its name in the graph that used the medium last; node_labels: what
    a Ray node must carry to be that one, none for HERE.  membership: None for a medium by itself.
    """

    medium: bytes
    device: str
    pool: str
    location: str
    format_major: int
    format_minor: int
    block_bytes: int
    free_bytes: int = -1
    created_ns: int = 0
    node: str = HERE
    node_labels: tuple[tuple[str, str], ...] = ()
    membership: Membership | None = None

    @property
    def is_near(self) -> bool:
        """It is on the machine of the command."""
        return self.node == HERE

    @property
    def device_location(self) -> str:
        """Where its device is: of a set the directory in which its media lie side by side."""
        return os.path.dirname(self.location) if self.membership else self.location

    @property
    def device_id(self) -> bytes:
        """UUID of what its device holds: it stays when the device begins another medium."""
        return self.membership.set_id if self.membership else self.medium

    @property
    def title(self) -> str:
        """Its device, and which medium of it, for people."""
        name = f'device "{self.device}"'
        return f"{name}, medium {self.membership.number} of its set" if self.membership else name


@dataclass(frozen=True, slots=True)
class FramePlace:
    """Where one copy of a frame lies."""

    medium: bytes
    segment: int
    epoch: int
    offset: int
