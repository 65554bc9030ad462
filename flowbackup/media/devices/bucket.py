"""BucketDevice: a prefix of a bucket, in a store that speaks S3, that holds a medium."""

from __future__ import annotations

import errno
import os

from flowbackup.errors import DeviceError
from flowbackup.media.failure import device_error
from flowbackup.media.labels.label import (
    LOCK_NAME,
    QUEUE_NAME,
    FoundLabel,
    read_label,
)
from flowbackup.media.locks.lease import LeaseLock, present_lessee
from flowbackup.media.locks.object_queue import ObjectQueue
from flowbackup.media.places.bucket import CLOCK_NAME, put_at
from flowbackup.media.segments.object_writer import ObjectWriter
from flowbackup.media.segments.reader import MediumReader
from flowbackup.media.segments.room import room_on
from flowbackup.media.segments.segment import SEGMENT_BYTES
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.units import format_size


class BucketDevice:
    """A Device whose segments are objects.  The medium that was found first is looked for again
    before each segment."""

    def __init__(self, target: DeviceTarget, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.name = target.name
        self.location = target.location
        self._segment_bytes = segment_bytes
        self._found: FoundLabel | None = None
        self._lock: LeaseLock | None = None

    def info(self) -> MediumInfo:
        label = self.label().label
        try:
            return label.info(self.location, room_on(label, self.location))
        except OSError as error:
            raise device_error(self.name, f"looking at {self.location}", error) from error

    def media(self) -> tuple[MediumInfo, ...]:
        return (self.info(),)

    def label(self) -> FoundLabel:
        """The label, with what is wrong with its copies.  Raises as `info`."""
        present = read_label(self.location, self.name)
        if self._found is None:
            self._found = present
        expected = self._found.label
        if present.label.medium != expected.medium:
            raise DeviceError(
                f'device "{self.name}": expected medium {id_text(expected.medium)} in '
                f"{self.location}, but medium {id_text(present.label.medium)} is there",
                remedy="look who has made another medium there",
                device=self.name,
                errno=errno.ENODEV,
            )
        return self._found

    def check_identity(self) -> None:
        """Raises DeviceError if another medium is there than at first, or this device has lost the
        right to write to it."""
        self.label()
        if self._lock is not None:
            self._lock.check()

    def lock(self, holder: str) -> None:
        if self._lock is None:
            self.label()
            self._lock = LeaseLock(os.path.join(self.location, LOCK_NAME), self.name, holder)

    def holder(self) -> str:
        path = os.path.join(self.location, LOCK_NAME)
        return present_lessee(path) if self._lock is None else ""

    def queue(self) -> ObjectQueue:
        return ObjectQueue(os.path.join(self.location, QUEUE_NAME), self.name)

    def check_writable(self, need_bytes: int, *, frame_bytes: int = 0) -> None:
        self.probe()
        free = self.info().free_bytes
        if 0 <= free < need_bytes:
            raise DeviceError(
                f'device "{self.name}": {self.location} has {format_size(free)} free, '
                f"{format_size(need_bytes)} are needed",
                remedy="make a new medium, or raise its media_size",
                device=self.name,
                errno=errno.ENOSPC,
            )

    def probe(self) -> None:
        """Raises DeviceError if nothing can be written there."""
        self.label()
        try:
            put_at(os.path.join(self.location, CLOCK_NAME), b"")
        except OSError as error:
            raise device_error(self.name, f"writing to {self.location}", error) from error

    def writer(self, session: bytes, epoch: int) -> ObjectWriter:
        if self._lock is None:
            raise DeviceError(
                f'device "{self.name}" was not locked before writing', device=self.name
            )
        # Nothing is cut back: what a dead writer had not finished was never there.
        return ObjectWriter(
            self.location, self.label().label, session, epoch, device=self.name,
            check=self.check_identity, segment_bytes=self._segment_bytes,
        )  # fmt: skip

    def reader(self, *, cached: bool = True) -> MediumReader:
        return MediumReader(self.location, self.label().label, device=self.name, cached=cached)

    def close(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()
