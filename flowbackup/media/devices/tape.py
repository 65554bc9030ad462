"""TapeDevice: a tape drive with one tape in it, or with one tape of a set."""

from __future__ import annotations

import errno
import os

from flowbackup.errors import DeviceError, DeviceLockedError
from flowbackup.media.failure import device_error
from flowbackup.media.labels.label import (
    LOCK_NAME,
    QUEUE_NAME,
    FoundLabel,
    Label,
    parse_label,
    read_label,
)
from flowbackup.media.locks.lock import MediumLock
from flowbackup.media.locks.queue import MediumQueue
from flowbackup.media.locks.tape_lock import holder_of_tape, lock_tape, queue_for_tape
from flowbackup.media.places.tape.drive import named
from flowbackup.media.places.tape.shared_drive import SharedDrive
from flowbackup.media.places.tape.shelf import bring
from flowbackup.media.places.tape.tape_files import drive_at
from flowbackup.media.segments.reader import MediumReader
from flowbackup.media.segments.scan import committed_end
from flowbackup.media.segments.segment import SegmentWriter
from flowbackup.media.segments.tape_segment import TAPE_SEGMENT_BYTES, TapeFolder
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.ids import id_text


class TapeDevice:
    """A Device.

    The tape that was found first is remembered, and looked at before each segment: another one is
    refused by name.  The drive is open for as long as a segment is written, or something is read.
    """

    def __init__(self, target: DeviceTarget, *, segment_bytes: int = TAPE_SEGMENT_BYTES) -> None:
        self.name = target.name
        self.location = target.location
        self._segment_bytes = segment_bytes
        self._label: Label | None = None
        self._lock: MediumLock | None = None
        self._folder: TapeFolder | None = None
        self._has_written = False

    def info(self) -> MediumInfo:
        return self.label().label.info(self.location)

    def media(self) -> tuple[MediumInfo, ...]:
        return (self.info(),)

    def label(self) -> FoundLabel:
        """The label, with what is wrong with its copies.  Raises as `info`."""
        try:
            found = read_label(self.location, self.name)
        except DeviceError as error:
            holder = self.holder() if error.errno == errno.EBUSY else ""
            if not holder:
                raise
            raise DeviceLockedError(
                f'device "{self.name}" is in use by {holder}',
                remedy="wait until it has finished: nobody else can read a tape meanwhile",
                device=self.name,
                holder=holder,
            ) from error
        self._check_same(found.label)
        self._label = found.label
        return found

    def _check_same(self, present: Label) -> None:
        expected = self._label
        if expected is not None and present.medium != expected.medium:
            raise DeviceError(
                f'device "{self.name}": expected tape {id_text(expected.medium)} '
                f'("{expected.device}") in {self.location}, but tape {id_text(present.medium)} '
                f'("{present.device}") is there',
                remedy="put the right tape in, and run the command again",
                device=self.name,
                errno=errno.ENODEV,
            )

    def lock(self, holder: str) -> None:
        if self._lock is not None:
            return
        # First, so that who has it is named: nobody else can look at its tape.
        self._lock = lock_tape(os.path.join(self.location, LOCK_NAME), self.name, holder)
        try:
            self.label()
        except BaseException:
            self.close()
            raise

    def holder(self) -> str:
        path = os.path.join(self.location, LOCK_NAME)
        return holder_of_tape(path) if self._lock is None else ""

    def queue(self) -> MediumQueue:
        return queue_for_tape(os.path.join(self.location, QUEUE_NAME), self.name)

    def check_writable(self, need_bytes: int, *, frame_bytes: int = 0) -> None:
        """That the tape may be written: how much goes on it nobody knows before it is full."""
        self.probe()

    def probe(self) -> None:
        """Raises DeviceError if the tape cannot be written."""
        self.label()
        self._opened().release(writable=True)

    def check_identity(self) -> None:
        """Raises DeviceError if another tape is there than at first."""
        self.label()

    def writer(self, session: bytes, epoch: int) -> SegmentWriter:
        if self._lock is None:
            raise DeviceError(
                f'device "{self.name}" was not locked before writing', device=self.name
            )
        label = self.label().label
        if epoch and not self._has_written:
            # Who wrote before under this session is dead: see the port.
            self._cut_back(session)
        self._has_written = True
        self._folder = TapeFolder(self._opened)
        return SegmentWriter(
            self._folder, label, session, epoch,
            device=self.name, segment_bytes=self._segment_bytes,
        )  # fmt: skip

    def reader(self, *, cached: bool = True) -> MediumReader:
        return MediumReader(self.location, self.label().label, device=self.name, cached=cached)

    def close(self) -> None:
        lock, self._lock = self._lock, None
        self._has_written = False
        if lock is not None:
            lock.close()

    @property
    def is_full(self) -> bool:
        """The tape has warned while this device wrote to it."""
        return self._folder is not None and self._folder.is_full

    def _opened(self) -> SharedDrive:
        """The drive with the tape in it, open to be written until it is released."""
        try:
            place, drive = drive_at(self.location)
            with drive.turn, named(drive.path):
                bring(place, drive)
                drive.hold(writable=True)
                self._check_loaded(drive)
        except OSError as error:
            raise device_error(self.name, f"writing to {self.location}", error) from error
        return drive

    def _check_loaded(self, drive: SharedDrive) -> None:
        """That the tape in the drive is the one that is meant; lets go of the drive if not."""
        try:
            self._check_same(parse_label(drive.loaded().label).label)
        except BaseException:
            drive.release(writable=True)
            raise

    def _cut_back(self, session: bytes) -> None:
        """Ends the last file of the tape behind its last commit, where a writer of this session
        left it: a tape is cut where something is written, and a file mark is enough."""
        reader = self.reader()
        left = [file for file in reader.files_of(session) if not file.sealed]
        if not left or left[-1] != reader.segment_files()[-1]:
            return
        with reader.segment(left[-1].segment, left[-1].epoch, sealed=False) as source:
            end, size, block = committed_end(source), source.size, source.name.block_bytes
        if end == size:
            return
        drive = self._opened()
        try:
            with drive.turn, named(drive.path):
                tape = drive.loaded().tape
                tape.cut(tape.files()[-1].begin + end // block)
        except OSError as error:
            what = f"cutting back segment {left[-1].segment}"
            raise device_error(self.name, what, error) from error
        finally:
            drive.release(writable=True)
