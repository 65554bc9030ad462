"""The lock of a medium: one writer at a time, and a name for who it is.

flock holds it, so it ends with its process, however that ends; the text in the file names the
holder to those who must wait.  Who lets go takes his name out, so a name without a lock was left by
a process that died, unless that process is there: then its lock only does not reach here.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from contextlib import suppress

from flowbackup.errors import DeviceError, DeviceLockedError
from flowbackup.media.failure import FULL, device_error
from flowbackup.media.locks.holder import (
    HOLDER_BYTES_MAX,
    UNNAMED,
    holder_here,
    is_left_behind,
    parse_holder,
    try_flock,
)

NAME_LOOKS_MAX = 20
NAME_LOOK_SECONDS = 0.005
"""A holder writes its name right after it got the lock: so long a refusal waits to read it."""


class MediumLock:
    """An exclusive lock on the file at `path`, from construction to `close`."""

    def __init__(
        self, path: str, device: str, holder: str, make_room: Callable[[], object] = tuple
    ) -> None:
        """make_room: on a disk that has none for the name of the holder.  Raises DeviceLockedError
        naming the present holder, DeviceError."""
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise device_error(device, f"opening the lock {path}", error) from error
        try:
            is_free = try_flock(self._fd, fcntl.LOCK_EX)
            text = os.pread(self._fd, HOLDER_BYTES_MAX, 0)
            if is_free and is_left_behind(parse_holder(text)):
                self._write_name(holder, make_room)
                return
        except OSError as error:
            self._let_go()
            raise device_error(device, f"locking {path}", error) from error
        except DeviceError:
            self._let_go()
            raise
        present = _name_of_holder(self._fd)
        self._let_go()
        raise DeviceLockedError(
            f'device "{device}" is in use by {present}',
            remedy="wait until it has finished, as --retry-lock does, or end it",
            device=device,
            holder=present,
        )

    def close(self) -> None:
        """Gives the lock back; safe to repeat."""
        if self._fd >= 0:
            with suppress(OSError):
                # A name that stays is one of a dead process as soon as this one has ended.
                os.ftruncate(self._fd, 0)
            self._let_go()

    def _write_name(self, holder: str, make_room: Callable[[], object]) -> None:
        """Over that of a dead one, whose room is there also on a disk that is full."""
        text = holder_here(holder).to_json()
        try:
            size = os.pwrite(self._fd, text, 0)
        except OSError as error:
            if error.errno not in FULL:
                raise
            make_room()
            size = os.pwrite(self._fd, text, 0)
        os.ftruncate(self._fd, size)

    def _let_go(self) -> None:
        fd, self._fd = self._fd, -1
        os.close(fd)


def _name_of_holder(fd: int) -> str:
    for _ in range(NAME_LOOKS_MAX):
        holder = parse_holder(os.pread(fd, HOLDER_BYTES_MAX, 0))
        if holder is not None:
            return holder.describe()
        time.sleep(NAME_LOOK_SECONDS)
    return UNNAMED


def present_holder(path: str) -> str:
    """Who holds the lock at `path`, "" for nobody; looks only and locks nothing, so that nobody who
    wants the lock at this moment is refused.  A holder on another machine is not seen."""
    try:
        with open(path, "rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            holder = parse_holder(file.read(HOLDER_BYTES_MAX))
        with open("/proc/locks") as locks:
            fields = [line.split() for line in locks]
    except OSError:
        return ""
    # "1: FLOCK ADVISORY WRITE 1234 08:01:131075 0 EOF": process, device and inode.
    writers = {f[4] for f in fields if f[1] == "FLOCK" and f[5].rpartition(":")[2] == str(inode)}
    if holder is None or str(holder.process.pid) not in writers:
        return ""
    return holder.describe()
