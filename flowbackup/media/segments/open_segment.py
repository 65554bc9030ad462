"""What the writer of segments asks of the place where it begins, fills and seals them."""

from __future__ import annotations

from typing import Protocol

from flowbackup.media.calls import Writable
from flowbackup.media.layout import RecordHeader


class OpenSegment(Protocol):
    """A segment that is written: records one behind the other.  See RecordFile, which is one;
    methods raise OSError.  name: while it is open.  end: bytes so far."""

    name: str
    end: int

    def reserve(self, need_bytes: int) -> None:
        """See RecordFile."""

    def append(self, record: RecordHeader, payload: Writable) -> bytes:
        """See RecordFile."""

    def wait(self) -> None:
        """See RecordFile."""

    def sync(self) -> None:
        """See RecordFile."""

    def seal(self) -> None:
        """See RecordFile."""

    def cut(self) -> None:
        """See RecordFile."""

    def cut_back(self, end: int) -> None:
        """See RecordFile."""

    def close(self) -> None:
        """See RecordFile."""


class SegmentFolder(Protocol):
    """Where one segment at a time is written.  Methods raise OSError; `begin` also DeviceError."""

    def begin(self, epoch: int) -> tuple[int, OpenSegment]:
        """A new segment and its number, which is higher than all that are there."""

    def seal(self, file: OpenSegment, segment: int, epoch: int) -> None:
        """All of it is durable, and called sealed, when this returns."""

    def remove(self, file: OpenSegment) -> None:
        """Of a segment without frames nothing needs to stay."""

    def close(self) -> None:
        """Lets go of the place, until the next segment."""
