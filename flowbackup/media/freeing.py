"""Making room: the only place where sealed segments go away.

It is no part of the device port.  Who imports this module has the right to free, and the houses are
checked for who does: media agents, which face the network and the clients, do not.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import NamedTuple

from flowbackup.errors import DamageError, DeviceError
from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.devices.kinds import medium_device
from flowbackup.media.failure import device_error
from flowbackup.media.labels.label import SEGMENTS_NAME
from flowbackup.media.layout import IndexRow
from flowbackup.media.locks.door import lock_in_turn
from flowbackup.media.places.bucket import object_at
from flowbackup.media.segments.freed import FreedNote, freed_among, pack_freed
from flowbackup.media.segments.reader import MediumReader, read_index
from flowbackup.media.segments.segment import SEGMENT_BYTES, segment_file_name
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.freed import FreedSegment
from flowbackup.model.location import is_directory

NOTE_NAME = "flowbackup.freeing"
"""The file beside the label that is about to take the place of a segment.  One that is left there
by a killed command means nothing."""


class SealedSegment(NamedTuple):
    """A segment that may be judged: what its index lists.  size_bytes: of its file.  is_sealed: not
    one that its session, which is dead, never sealed: then what was committed is listed."""

    segment: int
    epoch: int
    size_bytes: int
    rows: list[IndexRow]
    is_sealed: bool = True


class SegmentFreer:
    """Frees segments of the medium on one device.

    Without its lock it only looks.  What may be freed is decided elsewhere; here it is made sure
    that at any moment, whatever ends this process or the machine, a segment is either there as it
    was or freed and says so.
    """

    def __init__(
        self, target: DeviceTarget, calls: SystemCalls = SYSTEM, *,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:  # fmt: skip
        self._device = medium_device(target, segment_bytes=segment_bytes, calls=calls)
        self._calls = calls
        self._is_locked = False

    def info(self) -> MediumInfo:
        """See Device."""
        return self._device.info()

    def lock(self, holder: str, *, in_turn: bool = False) -> None:
        """See Device.  in_turn: not before those who wait for it."""
        if in_turn:
            lock_in_turn(self._device, holder)
        else:
            self._device.lock(holder)
        self._is_locked = True

    def close(self) -> None:
        """Gives the lock back; safe to repeat."""
        self._is_locked = False
        self._device.close()

    def sizes(self) -> dict[tuple[int, int], int]:
        """See MediumReader.sealed_sizes."""
        return self._reader().sealed_sizes()

    def freed(self, segments: Sequence[tuple[int, int]]) -> tuple[FreedSegment, ...]:
        """See freed_among."""
        return tuple(freed_among(self._reader(), segments))

    def sealed(self, segment: int, epoch: int) -> SealedSegment | None:
        """What the index of a segment lists; None for one that was never sealed.  Raises
        DamageError, also for one that is not there, and DeviceError."""
        try:
            source = self._reader().segment(segment, epoch)
        except DeviceError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            raise DamageError("its file is gone", device=self._device.name) from error
        with source:
            if not source.sealed:
                return None
            rows, _, _ = read_index(source)
            return SealedSegment(segment, epoch, source.size, rows)

    def free(
        self, sealed: SealedSegment, session: bytes, freed_ns: int, media: Sequence[bytes]
    ) -> FreedSegment:
        """Frees the room of a segment; durable when this returns.  media: those that were seen to
        have its frames.  Needs the lock.  Raises DeviceError: whether it is freed then, `freed`
        says."""
        self._check_locked()
        label = self._device.label().label
        freed = FreedSegment(
            sealed.segment, sealed.epoch, session, freed_ns, len(sealed.rows), sealed.size_bytes,
            tuple(media),
        )  # fmt: skip
        note = pack_freed(label, FreedNote(freed, sealed.rows))
        path = self._path(*freed[:2], is_sealed=sealed.is_sealed)
        try:
            # One step: no moment in which neither the segment nor the note is there.
            if is_directory(path):
                self._rename_over(path, note)
            else:
                self._exchange(path, note, sealed)
            if not sealed.is_sealed:
                self._seal(*freed[:2])
        except OSError as error:
            what = f"freeing segment {freed.segment}"
            raise device_error(self._device.name, what, error) from error
        return freed

    def _rename_over(self, path: str, note: bytes) -> None:
        place = self._device.location
        beside = os.path.join(place, NOTE_NAME)
        self._write(beside, note)
        self._calls.rename(beside, path)
        self._calls.sync_directory(os.path.join(place, SEGMENTS_NAME))
        self._calls.sync_directory(place)

    def _exchange(self, path: str, note: bytes, sealed: SealedSegment) -> None:
        """In a bucket: the object that was judged, and no other one, gives way to the note."""
        self._device.check_identity()
        store, key = object_at(path)
        present = store.find(key)
        if present.size_bytes != sealed.size_bytes:
            raise FileExistsError(errno.EEXIST, "it is not the segment any more that was judged")
        store.exchange(key, note, present.tag)

    def _check_locked(self) -> None:
        if not self._is_locked:
            raise DamageError("a medium was to be freed without its lock", device=self._device.name)

    def _seal(self, segment: int, epoch: int) -> None:
        """A note that took the place of a segment without a seal gets its name.  Raises OSError."""
        old = self._path(segment, epoch, is_sealed=False)
        self._calls.rename(old, self._path(segment, epoch))
        self._calls.sync_directory(os.path.join(self._device.location, SEGMENTS_NAME))

    def _write(self, path: str, data: bytes) -> None:
        """A new file, read-only, durable.  Raises OSError, and then there is none."""
        if os.path.lexists(path):
            self._calls.unlink(path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        fd = self._calls.open(path, flags, 0o600)
        try:
            try:
                written = 0
                while written < len(data):
                    count = self._calls.pwritev(fd, [data[written:]], written)
                    if count <= 0:
                        raise OSError(errno.EIO, "the device took no bytes")
                    written += count
                self._calls.chmod(fd, 0o444)
                self._calls.fsync(fd)
            finally:
                self._calls.close(fd)
        except OSError:
            self._remove(path)
            raise

    def _remove(self, path: str) -> None:
        """On a device that is full even a few blocks count."""
        try:
            self._calls.unlink(path)
        except OSError:
            # What is left means nothing, and the failure before it is the one that is told.
            pass

    def _reader(self) -> MediumReader:
        return self._device.reader()

    def _path(self, segment: int, epoch: int, *, is_sealed: bool = True) -> str:
        name = segment_file_name(segment, epoch, sealed=is_sealed)
        return os.path.join(self._device.location, SEGMENTS_NAME, name)
