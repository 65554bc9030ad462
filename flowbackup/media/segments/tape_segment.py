"""Appending a segment to a tape: it is a file of the tape, with a file mark behind it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress

from flowbackup.media.calls import Writable
from flowbackup.media.layout import RecordHeader, pack_header
from flowbackup.media.places.tape.drive import TapeError, named
from flowbackup.media.places.tape.loaded import TEXTS_FILE
from flowbackup.media.places.tape.shared_drive import SharedDrive
from flowbackup.media.places.tape.tape import Tape
from flowbackup.media.segments.open_segment import OpenSegment
from flowbackup.units import GIB, round_up

TAPE_SEGMENT_BYTES = 16 * GIB
"""Each segment costs a stop when a tape is listed: fewer and longer ones than on disks."""


class TapeSegment:
    """An OpenSegment.  It is written in order, and nothing of it can be taken back: whoever reads
    it believes what was committed, as FORMAT.md says."""

    def __init__(self, drive: SharedDrive, name: str) -> None:
        self.name = name
        self.end = 0
        self._drive = drive
        self._is_open = True

    def reserve(self, need_bytes: int) -> None:
        """Room is what lies in front of the early warning; behind it there is some for the end."""
        with self._drive.turn:
            is_full = self._drive.loaded().tape.is_full
        if is_full:
            raise TapeError(
                errno.ENOSPC, f"the tape in {self._drive.path} is full",
                remedy="put in another tape and label it",
            )  # fmt: skip

    def append(self, record: RecordHeader, payload: Writable) -> bytes:
        head, chain = pack_header(record)
        block = record.block_bytes
        whole = record.payload_bytes // block * block
        view = memoryview(payload)
        buffers: list[Writable] = [head.ljust(block, b"\0"), view[:whole]]
        rest = view[whole : record.payload_bytes].tobytes()
        if rest:
            buffers.append(rest.ljust(round_up(len(rest), block), b"\0"))
        with self._drive.turn, named(self._drive.path):
            self._drive.loaded().tape.write(buffers)
        self.end += record.total_bytes
        return chain

    def wait(self) -> None:
        """Nothing is under way behind a write."""

    def sync(self) -> None:
        with self._drive.turn, named(self._drive.path):
            self._drive.loaded().tape.sync()

    def seal(self) -> None:
        """The file mark."""
        self._is_open = False
        with self._drive.turn, named(self._drive.path):
            self._drive.loaded().tape.end_file()

    def cut(self) -> None:
        """Nothing was reserved."""

    def cut_back(self, end: int) -> None:
        """A tape takes nothing back; the next writer of the session does that."""
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    def close(self) -> None:
        if self._is_open:
            self.seal()


class TapeFolder:
    """A SegmentFolder: the end of a tape.  The drive is open as long as a segment is: in between
    the tape may be exchanged, and who comes back looks for the right one."""

    def __init__(self, open_drive: Callable[[], SharedDrive]) -> None:
        """open_drive: with the right tape in it, to be written until it is released; raises
        DeviceError."""
        self._open_drive = open_drive
        self._drive: SharedDrive | None = None
        self._tape: Tape | None = None

    @property
    def is_full(self) -> bool:
        """The tape that was written last has warned."""
        return self._tape is not None and self._tape.is_full

    def begin(self, epoch: int) -> tuple[int, TapeSegment]:
        drive = self._drive = self._open_drive()
        try:
            with drive.turn, named(drive.path):
                loaded = drive.loaded()
                file = loaded.tape.begin_file()
                loaded.under_way = file - TEXTS_FILE, epoch
                self._tape = loaded.tape
        except BaseException:
            self.close()
            raise
        return file - TEXTS_FILE, TapeSegment(drive, f"tape file {file}")

    def seal(self, file: OpenSegment, segment: int, epoch: int) -> None:
        file.seal()

    def remove(self, file: OpenSegment) -> None:
        """A segment without frames stays; it says nothing."""
        with suppress(OSError):
            file.seal()

    def close(self) -> None:
        drive, self._drive = self._drive, None
        if drive is not None:
            drive.release(writable=True)
