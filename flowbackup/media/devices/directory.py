"""DirectoryDevice: a directory that holds a medium."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from flowbackup.errors import DeviceError
from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.failure import device_error
from flowbackup.media.labels.label import (
    LOCK_NAME,
    QUEUE_NAME,
    SEGMENTS_NAME,
    FoundLabel,
    Label,
    missing,
    read_label,
)
from flowbackup.media.locks.lock import MediumLock, present_holder
from flowbackup.media.locks.queue import MediumQueue
from flowbackup.media.segments.leftover import cut_back, give_back_reserved
from flowbackup.media.segments.reader import MediumReader
from flowbackup.media.segments.room import room_on
from flowbackup.media.segments.segment import SEGMENT_BYTES, SegmentWriter
from flowbackup.media.segments.segment_folder import DirectoryFolder
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.units import MIB, format_size

TAIL_RESERVE_BYTES = MIB
"""What a segment needs besides its frames: records of commits, index and footer."""


class DirectoryDevice:
    """A Device on a file system.

    The file system and the medium that were found first are remembered, and looked at again before
    each segment, in the very directory in which the segment is made: so nothing is ever written
    into an empty mount point or onto another medium.
    """

    def __init__(
        self,
        target: DeviceTarget,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        calls: SystemCalls = SYSTEM,
    ) -> None:
        self.name = target.name
        self.location = target.location
        self._segment_bytes = segment_bytes
        self._calls = calls
        self._found: FoundLabel | None = None
        self._identity = (0, 0)
        self._lock: MediumLock | None = None
        self._has_written = False

    def info(self) -> MediumInfo:
        label = self.label().label
        return label.info(self.location, room_on(label, self.location))

    def media(self) -> tuple[MediumInfo, ...]:
        return (self.info(),)

    def label(self) -> FoundLabel:
        """The label, with what is wrong with its copies.  Raises as `info`."""
        if self._found is None:
            self._found = read_label(self.location, self.name)
            self._identity = _identity(self._stat())
        else:
            self.check_identity()
        return self._found

    def check_identity(self) -> None:
        """Raises DeviceError if another file system or medium is there than at first."""
        with self._checked_place():
            pass

    def open_segments(self) -> int:
        """A descriptor of the folder of segments on the medium that was found first, to be closed
        by the calls of this device: what is done by it is done there, whatever comes to the path
        meanwhile.  Raises DeviceError as `check_identity`, OSError."""
        with self._checked_place() as place:
            return self._calls.open_folder(SEGMENTS_NAME, folder=place)

    @contextmanager
    def _checked_place(self) -> Iterator[int]:
        """A descriptor of the directory, looked at by itself and not by its path."""
        expected = self._known_label()
        try:
            place = os.open(self.location, os.O_RDONLY | os.O_DIRECTORY)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise self._replaced(expected, missing(self.location, self.name).message) from error
        except OSError as error:
            raise device_error(self.name, f"looking at {self.location}", error) from error
        try:
            self._check_place(expected, place)
            yield place
        finally:
            os.close(place)

    def _check_place(self, expected: Label, place: int) -> None:
        try:
            present = read_label(self.location, self.name, folder=place).label
        except DeviceError as error:
            raise self._replaced(expected, error.message) from error
        if present.medium != expected.medium:
            raise self._replaced(
                expected, f'medium {id_text(present.medium)} ("{present.device}") is there'
            )
        if _identity(os.fstat(place)) != self._identity:
            raise self._replaced(expected, "the directory or its file system is another one")

    def lock(self, holder: str) -> None:
        if self._lock is None:
            self.label()
            path = os.path.join(self.location, LOCK_NAME)
            self._lock = MediumLock(path, self.name, holder, self._give_back_reserved)
            try:
                # Before anybody looks for room: a killed session may have reserved all there is.
                self._give_back_reserved()
            except DeviceError:
                self.close()
                raise

    def holder(self) -> str:
        path = os.path.join(self.location, LOCK_NAME)
        return present_holder(path) if self._lock is None else ""

    def queue(self) -> MediumQueue:
        return MediumQueue(os.path.join(self.location, QUEUE_NAME), self.name)

    def check_writable(self, need_bytes: int, *, frame_bytes: int = 0) -> None:
        self.probe()
        label = self.label().label
        try:
            free = room_on(label, self.location)
        except OSError as error:
            raise device_error(self.name, f"looking at {self.location}", error) from error
        need = need_bytes + TAIL_RESERVE_BYTES
        if free < need:
            raise DeviceError(
                f'device "{self.name}": {self.location} has {format_size(free)} free, '
                f"{format_size(need)} are needed",
                remedy="free space on the device, or use another one",
                device=self.name,
                errno=errno.ENOSPC,
            )

    def probe(self) -> None:
        """Raises DeviceError if no file can be made on the medium."""
        self.label()
        folder = os.path.join(self.location, SEGMENTS_NAME)
        try:
            with tempfile.NamedTemporaryFile(prefix=".probe-", dir=folder):
                pass
        except OSError as error:
            raise device_error(self.name, f"writing to {folder}", error) from error

    def writer(self, session: bytes, epoch: int) -> SegmentWriter:
        if self._lock is None:
            raise DeviceError(
                f'device "{self.name}" was not locked before writing', device=self.name
            )
        label = self.label().label
        if epoch and not self._has_written:
            # Who wrote before under this session is dead: see the port.
            cut_back(self.reader(), session, self.name, self._calls)
        self._has_written = True
        return SegmentWriter(
            DirectoryFolder(self.open_segments, label.block_bytes, self._calls),
            label,
            session,
            epoch,
            device=self.name,
            check=self.check_identity,
            segment_bytes=self._segment_bytes,
        )

    def reader(self, *, cached: bool = True) -> MediumReader:
        return MediumReader(
            self.location, self.label().label, device=self.name, cached=cached, calls=self._calls
        )

    def close(self) -> None:
        lock, self._lock = self._lock, None
        self._has_written = False
        if lock is not None:
            lock.close()

    def _known_label(self) -> Label:
        if self._found is None:
            return self.label().label
        return self._found.label

    def _give_back_reserved(self) -> None:
        """What killed sessions reserved in the segments that they did not finish."""
        with self._checked_place() as place:
            try:
                folder = os.open(SEGMENTS_NAME, os.O_RDONLY | os.O_DIRECTORY, dir_fd=place)
            except OSError as error:
                raise device_error(self.name, f"looking into {SEGMENTS_NAME}", error) from error
        try:
            give_back_reserved(folder, self.name, self._calls)
        finally:
            os.close(folder)

    def _stat(self) -> os.stat_result:
        try:
            return os.stat(self.location)
        except OSError as error:
            raise device_error(self.name, f"looking at {self.location}", error) from error

    def _replaced(self, expected: Label, found: str) -> DeviceError:
        return DeviceError(
            f'device "{self.name}": expected medium {id_text(expected.medium)} '
            f'("{expected.device}") in {self.location}, but {found}',
            remedy="mount the right disk there and run the command again",
            device=self.name,
            errno=errno.ENODEV,
        )


def _identity(place: os.stat_result) -> tuple[int, int]:
    """Of a directory, on whichever path: its file system and its number there."""
    return place.st_dev, place.st_ino
