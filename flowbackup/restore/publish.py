"""Temporary names, and how a finished file gets its own without taking another's.

renameat2(RENAME_NOREPLACE) gives a name only if it is free, in one step; file systems without it
(and Python has no call for it) get a hard link and the removal of the temporary name instead.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets

_RENAME_NOREPLACE = 1
_NOT_OFFERED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)

_LIBC = ctypes.CDLL(None, use_errno=True)
_renameat2 = getattr(_LIBC, "renameat2", None)


class TemporaryName:
    """The one name under which files of this restore are made, in whichever directory."""

    def __init__(self) -> None:
        self.name = _fresh()

    def renew(self) -> bytes:
        """Another one, when something of that name exists."""
        self.name = _fresh()
        return self.name


def publish(temporary: bytes, name: bytes, directory: int, *, replace: bool) -> None:
    """Gives what is called `temporary` its name.  Without `replace`, raises FileExistsError if
    that is taken, by whatever and however late."""
    if replace:
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        return
    if _renameat2 is not None:
        if not _renameat2(directory, temporary, directory, name, _RENAME_NOREPLACE):
            return
        number = ctypes.get_errno()
        if number not in _NOT_OFFERED:
            raise OSError(number, os.strerror(number))
    os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    os.unlink(temporary, dir_fd=directory)


def discard(temporary: bytes, directory: int) -> None:
    """Removes a temporary name if it is there; never raises."""
    try:
        os.unlink(temporary, dir_fd=directory)
    except OSError:
        pass  # It has its own name already, or the error that brought us here says why not.


def _fresh() -> bytes:
    return b".flowbackup-%s.part" % secrets.token_hex(4).encode()
