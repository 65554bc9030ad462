"""A loaded tape as blocks with numbers: where its files lie, reading, and writing at the end."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import NamedTuple

from flowbackup.media.calls import Writable
from flowbackup.media.places.tape.drive import TapeDrive, TapeOp
from flowbackup.units import MIB

TRANSFER_BYTES = MIB
"""In one call: the driver hands over pages as they are only as long as they are not too many."""


class TapeExtent(NamedTuple):
    """One file of a tape: its blocks [begin, end).  is_ended: a file mark stands at `end`."""

    begin: int
    end: int
    is_ended: bool

    @property
    def next(self) -> int:
        """Where the next file begins."""
        return self.end + 1


class Tape:
    """One thread at a time.  Every method raises OSError; where the tape is after one is not known,
    and is asked before the next move."""

    def __init__(self, drive: TapeDrive, block_bytes: int) -> None:
        self.block_bytes = block_bytes
        self.is_full = False
        """The early warning came: there is room for what ends a segment, and for no frame more."""
        self._at: int | None = None
        self._files: list[TapeExtent] = []
        self._writes_at: int | None = None
        """Where the file under way goes on."""
        self._begun_at = 0
        self.drive = drive
        self.take(drive)

    def take(self, drive: TapeDrive) -> None:
        """The drive was opened anew, and has the same tape; its end may be another one by now."""
        self.drive = drive
        self._at = None
        self._is_surveyed = False
        drive.operate(TapeOp.SET_BLOCK, self.block_bytes)

    @property
    def is_writing(self) -> bool:
        """A file was begun and has no file mark yet."""
        return self._writes_at is not None

    def files(self) -> list[TapeExtent]:
        """Every file, by number; of those that are known only the last is looked at again.  The one
        under way ends where its next block would stand."""
        if self._writes_at is not None:
            return [*self._files, TapeExtent(self._begun_at, self._writes_at, False)]
        if not self._is_surveyed:
            del self._files[-1:]
            self._walk()
            self._is_surveyed = True
        return list(self._files)

    def _walk(self) -> None:
        begin = self._files[-1].next if self._files else 0
        self.seek(begin)
        while True:
            try:
                self.drive.operate(TapeOp.FORWARD_FILES)
            except OSError:
                self.drive.operate(TapeOp.TO_END)
                end = self._at = self.drive.position()
                if end > begin:
                    self._files.append(TapeExtent(begin, end, False))
                return
            self._at = self.drive.position()
            self._files.append(TapeExtent(begin, self._at - 1, True))
            begin = self._at

    def seek(self, number: int) -> None:
        """Goes to a block, on as short a way as the drive finds."""
        if self._at == number:
            return
        if self._writes_at is not None:
            # Else the driver would end the file under way with a mark before it moves.
            self.sync()
        self._at = None
        self.drive.operate(TapeOp.SEEK, number)
        self._at = number

    def read(self, number: int, view: memoryview) -> int:
        """Bytes from a block on, fewer at the end of its file.  view: whole blocks."""
        self.seek(number)
        self._at = None
        done = 0
        while done < len(view):
            count = self.drive.read_into(view[done : done + self._piece_bytes()])
            if count <= 0:
                # A file mark was passed, or this is the end.
                return done
            done += count
        self._at = number + done // self.block_bytes
        return done

    def _piece_bytes(self) -> int:
        return max(TRANSFER_BYTES // self.block_bytes, 1) * self.block_bytes

    def begin_file(self) -> int:
        """Goes behind all that is there, ends what was left without a file mark, and returns the
        number of the file that is written from now on."""
        files = self.files()
        if files and not files[-1].is_ended:
            self.cut(files[-1].end)
        begin = self._files[-1].next if self._files else 0
        self.seek(begin)
        self._begun_at = self._writes_at = begin
        return len(self._files)

    def write(self, buffers: Sequence[Writable]) -> None:
        """Whole blocks, at the end of the file under way."""
        if self._writes_at is None:
            raise OSError(errno.EBADF, "no file was begun on the tape")
        self.seek(self._writes_at)
        self._at = None
        for buffer in buffers:
            view = memoryview(buffer).cast("B")
            for offset in range(0, len(view), self._piece_bytes()):
                self._write_piece(view[offset : offset + self._piece_bytes()])
        self._at = self._writes_at

    def _write_piece(self, view: memoryview) -> None:
        done, refusals = 0, 0
        while done < len(view):
            try:
                count = self.drive.write(view[done:])
            except OSError as error:
                refusals += 1
                # The first one is the early warning, and the driver carries out the next call; two
                # without a block between them are the end of the tape.
                if error.errno != errno.ENOSPC or refusals > 1:
                    self._writes_at = None
                    self._is_surveyed = False
                    raise
                self.is_full = True
                continue
            if count <= 0:
                raise OSError(errno.EIO, "the drive took no bytes")
            refusals = 0
            done += count
            self._writes_at = (self._writes_at or 0) + count // self.block_bytes

    def sync(self) -> None:
        """Returns when all that was written is on the tape: the driver waits for the drive when it
        writes file marks, and for none of them as well."""
        self._write_marks(0)

    def _write_marks(self, count: int) -> None:
        """Where the driver kept back what was written, it hears of the early warning only now: then
        all of it is on the tape, and no mark yet."""
        try:
            self.drive.operate(TapeOp.WRITE_MARKS, count)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            self.is_full = True
            self.drive.operate(TapeOp.WRITE_MARKS, count)

    def end_file(self) -> None:
        """Writes the file mark behind the file under way; all of it is on the tape then."""
        if self._writes_at is None:
            return
        begin, end = self._begun_at, self._writes_at
        self.seek(end)
        self._writes_at = self._at = None
        self._is_surveyed = False
        self._write_marks(1)
        self._at = end + 1
        self._files.append(TapeExtent(begin, end, True))
        self._is_surveyed = True

    def cut(self, number: int) -> None:
        """Ends the last file in front of this block, with a file mark; what stood there is gone."""
        last = self.files()[-1]
        if self._writes_at is not None or not last.begin <= number <= last.end:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        self.seek(number)
        self._at = None
        self._is_surveyed = False
        self._write_marks(1)
        self._at = number + 1
        self._files[-1] = TapeExtent(last.begin, number, True)
        self._is_surveyed = True
        self.is_full = False
