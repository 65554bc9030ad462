"""Opening what must be a regular file: on a medium of somebody else anything may have its name."""

from __future__ import annotations

import errno
import os
import stat


def open_regular(path: str, flags: int = 0, *, folder: int | None = None) -> int:
    """A descriptor for reading.  No link is followed, no pipe waited for, and no device opened,
    because that alone may wind a tape or arm a watchdog.  folder: a descriptor of the directory in
    which `path` lies.  Raises OSError."""
    _check(os.lstat(path, dir_fd=folder))
    flags |= os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = os.open(path, flags, dir_fd=folder)
    try:
        _check(os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise
    return fd


def read_regular(path: str, bytes_max: int, *, folder: int | None = None) -> bytes:
    """The beginning of a file.  Raises OSError."""
    with open(open_regular(path, folder=folder), "rb", buffering=0) as file:
        return file.read(bytes_max) or b""


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularError(errno.EINVAL, "it is no regular file")


class NotRegularError(OSError):
    """Something that is no file has the name of one."""
