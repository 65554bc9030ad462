"""The calls by which a medium is changed, in one place, so that a test can fail the n-th."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Sequence
from mmap import mmap

_FALLOCATE = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
_KEEP_SIZE = 1
"""FALLOC_FL_KEEP_SIZE of linux/falloc.h."""
if _FALLOCATE is not None:
    _OFFSET = ctypes.c_long
    _FALLOCATE.argtypes = (ctypes.c_int, ctypes.c_int, _OFFSET, _OFFSET)

Writable = bytes | bytearray | memoryview | mmap


class SystemCalls:
    """The operating system.  `flowbackup.testing.faulty_calls` has one that fails on demand.

    folder: a descriptor from `open_folder`, below which the names of the call are looked for: so
    they are in that directory, whatever its path means by now."""

    def open(
        self, path: str, flags: int, mode: int = 0o600, *, folder: int | None = None
    ) -> int:  # fmt: skip
        return os.open(path, flags, mode, dir_fd=folder)

    def open_folder(self, path: str, *, folder: int | None = None) -> int:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)

    def close(self, fd: int) -> None:
        os.close(fd)

    def pwritev(self, fd: int, buffers: Sequence[Writable], offset: int) -> int:
        return os.pwritev(fd, buffers, offset)

    def fallocate(self, fd: int, offset: int, size_bytes: int) -> None:
        """Reserves space without making the file longer.  Not `posix_fallocate`: that makes it
        longer, and writes into every block where the file system cannot reserve."""
        if _FALLOCATE is None:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        if _FALLOCATE(fd, _KEEP_SIZE, offset, size_bytes) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    def truncate(self, fd: int, size_bytes: int) -> None:
        os.ftruncate(fd, size_bytes)

    def fdatasync(self, fd: int) -> None:
        os.fdatasync(fd)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)

    def sync_directory(self, place: str | int) -> None:
        """Makes the names in a directory durable.  place: its path, or its descriptor."""
        if isinstance(place, int):
            os.fsync(place)
            return
        fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def make_directory(self, path: str) -> None:
        """One that is there already is left as it is."""
        try:
            os.mkdir(path)
        except FileExistsError:
            if not os.path.isdir(path):
                raise

    def chmod(self, fd: int, mode: int) -> None:
        os.fchmod(fd, mode)

    def rename(self, source: str, target: str, *, folder: int | None = None) -> None:
        os.rename(source, target, src_dir_fd=folder, dst_dir_fd=folder)

    def unlink(self, path: str, *, folder: int | None = None) -> None:
        os.unlink(path, dir_fd=folder)


SYSTEM = SystemCalls()
