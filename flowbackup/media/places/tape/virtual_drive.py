"""A drive that is a directory with a virtual tape in it: same calls, same rules, same errors."""

from __future__ import annotations

import errno
import fcntl
import os

from flowbackup.media.calls import Writable
from flowbackup.media.places.tape.cartridge import TEXT_NAME, Cartridge
from flowbackup.media.places.tape.drive import MOVES_BACK, DriveStatus, TapeError, TapeOp
from flowbackup.media.regular import read_regular
from flowbackup.whole_file import write_whole

GATE_NAME = "drive.open"
"""Held by who has the drive open: a real one is opened once at a time."""
POSITION_NAME = "drive.position"
_POSITION_BYTES_MAX = 4096
_DIGITS_MAX = 18


def error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def tape_in(drive: str) -> str | None:
    """The directory of the tape that is in a drive."""
    for name in sorted(os.listdir(drive)):
        if os.path.isfile(os.path.join(drive, name, TEXT_NAME)):
            return os.path.join(drive, name)
    return None


class VirtualDrive:
    """A TapeDrive."""

    def __init__(self, path: str, *, writable: bool) -> None:
        """Raises OSError as the kernel does."""
        self._path = path
        self._writable = writable
        self._gate = os.open(os.path.join(path, GATE_NAME), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._take_gate()
            place = tape_in(path)
            if place is None:
                raise error(errno.ENOMEDIUM)
            self._tape = Cartridge(place)
            if writable and self._tape.text.is_protected:
                raise error(errno.EROFS)
            self._file, self._block = self._tape.place(self._left_at())
        except BaseException:
            os.close(self._gate)
            raise
        self._block_bytes = 0
        self._was_writing = False
        self._refuses_next = False

    def _take_gate(self) -> None:
        try:
            fcntl.flock(self._gate, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise error(errno.EBUSY) from None

    def _left_at(self) -> int:
        """A tape stays where it was when its drive was closed; one that was put in is at 0."""
        place = os.path.join(self._path, POSITION_NAME)
        try:
            text = read_regular(place, _POSITION_BYTES_MAX)
        except FileNotFoundError:
            return 0
        name, _, number = text.rpartition(b" ")
        if not number.isdigit() or len(number) > _DIGITS_MAX:
            raise TapeError(
                errno.EINVAL, f"{place} is no position of a tape",
                remedy="delete it: the tape is at its beginning then",
            )  # fmt: skip
        return int(number) if name == os.fsencode(os.path.basename(self._tape.path)) else 0

    def write(self, data: Writable) -> int:
        view = memoryview(data).cast("B")
        block = self._block_bytes or len(view)
        if not self._writable:
            raise error(errno.EBADF)
        if not view or len(view) % block:
            raise error(errno.EINVAL)
        self._check_room(len(view), block)
        if (self._file, self._block) == (0, 0):
            self._tape.cut(0, 0)
            self._tape.set_block(block)
        elif block != self._tape.text.block_bytes:
            raise error(errno.EINVAL)
        if (self._file, self._block) != self._tape.end():
            self._tape.cut(self._file, self._block)
        self._tape.append(view)
        self._file, self._block = self._tape.end()
        self._was_writing = True
        text = self._tape.text
        used = self._tape.used_bytes(self._file, self._block)
        self._refuses_next = used >= text.capacity_bytes - text.warning_bytes
        return len(view)

    def _check_room(self, size: int, block: int) -> None:
        refuses, self._refuses_next = self._refuses_next, False
        used = self._tape.used_bytes(self._file, self._block)
        if refuses or used + size + block > self._tape.text.capacity_bytes:
            raise error(errno.ENOSPC)

    def read_into(self, view: memoryview) -> int:
        length, block = self._tape.lengths[self._file], self._tape.text.block_bytes
        if self._block >= length:
            if (self._file, self._block) != self._tape.end():
                self._file, self._block = self._file + 1, 0
            return 0
        if self._block_bytes not in (0, block):
            raise error(errno.EIO)
        if len(view) < block:
            raise error(errno.ENOMEM)
        # Without a fixed size one block, else as many as there are up to the mark.
        blocks = len(view) // block if self._block_bytes else 1
        blocks = min(blocks, length - self._block)
        count = self._tape.read_into(self._file, self._block, view[: blocks * block])
        self._block += blocks
        return count

    def operate(self, operation: TapeOp, count: int = 1) -> None:
        if self._was_writing and operation in MOVES_BACK:
            self._write_marks(1)
        if operation is TapeOp.SET_BLOCK:
            self._block_bytes = count
        elif operation is TapeOp.WRITE_MARKS:
            self._write_marks(count)
        elif operation in (TapeOp.REWIND, TapeOp.UNLOAD):
            self._file, self._block = 0, 0
        elif operation is TapeOp.TO_END:
            self._file, self._block = self._tape.end()
        elif operation is TapeOp.SEEK:
            self._file, self._block = self._tape.place(count)
            if self.position() != count:
                raise error(errno.EIO)
        else:
            self._space(operation, count)

    def _space(self, operation: TapeOp, count: int) -> None:
        """A move that ends early has failed, and stands where it ended."""
        lengths = self._tape.lengths
        if operation is TapeOp.FORWARD_FILES:
            is_whole = self._file + count < len(lengths)
            place = (self._file + count, 0) if is_whole else self._tape.end()
        elif operation is TapeOp.BACK_FILES:
            is_whole = self._file >= count
            place = (self._file - count, lengths[self._file - count]) if is_whole else (0, 0)
        elif operation is TapeOp.FORWARD_BLOCKS:
            is_whole = self._block + count <= lengths[self._file]
            is_last = self._file + 1 == len(lengths)
            behind = self._tape.end() if is_last else (self._file + 1, 0)
            place = (self._file, self._block + count) if is_whole else behind
        else:
            is_whole = self._block >= count
            before = (self._file - 1, lengths[self._file - 1]) if self._file else (0, 0)
            place = (self._file, self._block - count) if is_whole else before
        self._file, self._block = place
        if not is_whole:
            raise error(errno.EIO)

    def _write_marks(self, count: int) -> None:
        if not self._writable:
            raise error(errno.EACCES)
        self._was_writing = False
        if count and (self._file, self._block) != self._tape.end():
            self._tape.cut(self._file, self._block)
        for _ in range(count):
            self._tape.mark()
        if count:
            self._file, self._block = self._tape.end()
        self._tape.sync()

    def position(self) -> int:
        return self._tape.number(self._file, self._block)

    def status(self) -> DriveStatus:
        is_at_end = (self._file, self._block) == self._tape.end()
        return DriveStatus(self._tape.text.is_protected, is_at_end)

    def close(self) -> None:
        gate, self._gate = self._gate, -1
        if gate < 0:
            return
        try:
            if self._was_writing:
                self._write_marks(1)
            name = os.fsencode(os.path.basename(self._tape.path))
            text = b"%s %d" % (name, self.position())
            write_whole(os.path.join(self._path, POSITION_NAME), text)
        finally:
            os.close(gate)
