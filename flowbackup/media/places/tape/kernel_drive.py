"""A drive behind the st driver of Linux.

What stands here was written from the documents of the kernel.  No drive was at hand: see README.md.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from contextlib import suppress

from flowbackup.media.calls import Writable
from flowbackup.media.places.tape.drive import DriveStatus, TapeOp

_OPERATION = struct.Struct("@hi")
_STATUS = struct.Struct("@5l2i")
_POSITION = struct.Struct("@l")
_WRITE, _READ = 1, 2
TAPE_MAJOR = 9
NO_REWIND_BIT = 0x80
"""In the minor number of /dev/nst0, and not in that of /dev/st0."""
SET_DRIVE_OPTIONS, SET_BOOLEANS, COUNT_LOGICALLY = 24, 0x3000_0000, 0x800
"""MTSETDRVBUFFER with MT_ST_SETBOOLEANS and MT_ST_SCSI2LOGICAL: positions count blocks and marks
from the beginning, and are no numbers of the maker of the drive."""
AT_END, PROTECTED, DOOR_OPEN = 0x0800_0000, 0x0400_0000, 0x0004_0000
"""GMT_EOD, GMT_WR_PROT and GMT_DR_OPEN of linux/mtio.h, bits of mt_gstat."""


def _request(direction: int, number: int, form: struct.Struct) -> int:
    """As the macros _IOW and _IOR do on x86 and ARM."""
    return direction << 30 | form.size << 16 | ord("m") << 8 | number


MTIOCTOP = _request(_WRITE, 1, _OPERATION)
MTIOCGET = _request(_READ, 2, _STATUS)
MTIOCPOS = _request(_READ, 3, _POSITION)


class KernelDrive:
    """A TapeDrive: /dev/nst0 and its like."""

    def __init__(self, path: str, *, writable: bool) -> None:
        """Raises OSError: ENOMEDIUM without a tape, EBUSY, EROFS for a protected tape."""
        self._fd = -1
        _check(path)
        self._fd = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
        # Only root may; for others it is as the administrator has set it, and `read_first` looks.
        with suppress(PermissionError):
            options = SET_BOOLEANS | COUNT_LOGICALLY
            fcntl.ioctl(self._fd, MTIOCTOP, _OPERATION.pack(SET_DRIVE_OPTIONS, options))

    def write(self, data: Writable) -> int:
        return os.write(self._fd, data)

    def read_into(self, view: memoryview) -> int:
        return os.readv(self._fd, [view])

    def operate(self, operation: TapeOp, count: int = 1) -> None:
        fcntl.ioctl(self._fd, MTIOCTOP, _OPERATION.pack(operation, count))

    def position(self) -> int:
        answer = fcntl.ioctl(self._fd, MTIOCPOS, bytes(_POSITION.size))
        number: int = _POSITION.unpack(answer)[0]
        return number

    def status(self) -> DriveStatus:
        flags = _flags(self._fd)
        return DriveStatus(bool(flags & PROTECTED), bool(flags & AT_END))

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _flags(fd: int) -> int:
    flags: int = _STATUS.unpack(fcntl.ioctl(fd, MTIOCGET, bytes(_STATUS.size)))[3]
    return flags


def _check(path: str) -> None:
    """Without waiting: an open that is to write waits two minutes for a tape that is not there."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        state = os.fstat(fd)
        if not stat.S_ISCHR(state.st_mode):
            raise OSError(errno.ENXIO, "this is no tape drive")
        if os.major(state.st_rdev) == TAPE_MAJOR and not os.minor(state.st_rdev) & NO_REWIND_BIT:
            raise OSError(
                errno.EINVAL, "this device rewinds when it is closed; name the other, as /dev/nst0"
            )
        if _flags(fd) & DOOR_OPEN:
            raise OSError(errno.ENOMEDIUM, os.strerror(errno.ENOMEDIUM))
    finally:
        os.close(fd)
