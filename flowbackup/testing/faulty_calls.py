"""System calls that fail on demand: the seam below the media house.

A `Fault` says which call of which kind fails, and how.  Without a fault the calls are only
counted, so that a test can first learn how many there are and then fail each of them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from flowbackup.media.calls import SystemCalls, Writable

SHORT_WRITE = -1
"""Instead of an errno: the call writes only the first of its buffers, as a system may."""


@dataclass(frozen=True, slots=True)
class Fault:
    """From the `nth` call on (from 1), once or for ever, calls fail with `error`.

    verb: only calls of that name count ("pwritev", "fdatasync", ...), "" for all.  late: the call
    is made first and fails afterwards, as a device does that breaks after the fact.
    """

    nth: int
    error: int
    verb: str = ""
    for_ever: bool = False
    late: bool = False


class FaultySystemCalls(SystemCalls):
    """The operating system with a fault.  made: names of all calls, in order."""

    def __init__(self, fault: Fault | None = None) -> None:
        self.fault = fault
        self.made: list[str] = []
        self._seen = 0
        self._failing = False
        self._counting = Lock()

    def open(
        self, path: str, flags: int, mode: int = 0o600, *, folder: int | None = None
    ) -> int:  # fmt: skip
        self._before("open")
        return self._opened("open", super().open(path, flags, mode, folder=folder))

    def open_folder(self, path: str, *, folder: int | None = None) -> int:
        self._before("open_folder")
        return self._opened("open_folder", super().open_folder(path, folder=folder))

    def _opened(self, verb: str, fd: int) -> int:
        try:
            self._after(verb)
        except OSError:
            super().close(fd)
            raise
        return fd

    def close(self, fd: int) -> None:
        # A close that fails has closed the file nevertheless.
        super().close(fd)
        self._before("close")
        self._after("close")

    def pwritev(self, fd: int, buffers: Sequence[Writable], offset: int) -> int:
        """The one call that several threads make at a time."""
        with self._counting:
            hit = self._hit("pwritev")
        if hit and self.fault is not None:
            if self.fault.error == SHORT_WRITE:
                return super().pwritev(fd, [buffers[0]], offset)
            if self.fault.late:
                super().pwritev(fd, buffers, offset)
            self._raise()
        return super().pwritev(fd, buffers, offset)

    def fallocate(self, fd: int, offset: int, size_bytes: int) -> None:
        self._before("fallocate")
        super().fallocate(fd, offset, size_bytes)
        self._after("fallocate")

    def truncate(self, fd: int, size_bytes: int) -> None:
        self._before("truncate")
        super().truncate(fd, size_bytes)
        self._after("truncate")

    def fdatasync(self, fd: int) -> None:
        self._before("fdatasync")
        super().fdatasync(fd)
        self._after("fdatasync")

    def fsync(self, fd: int) -> None:
        self._before("fsync")
        super().fsync(fd)
        self._after("fsync")

    def sync_directory(self, place: str | int) -> None:
        self._before("sync_directory")
        super().sync_directory(place)
        self._after("sync_directory")

    def make_directory(self, path: str) -> None:
        self._before("make_directory")
        super().make_directory(path)
        self._after("make_directory")

    def chmod(self, fd: int, mode: int) -> None:
        self._before("chmod")
        super().chmod(fd, mode)
        self._after("chmod")

    def rename(self, source: str, target: str, *, folder: int | None = None) -> None:
        self._before("rename")
        super().rename(source, target, folder=folder)
        self._after("rename")

    def unlink(self, path: str, *, folder: int | None = None) -> None:
        self._before("unlink")
        super().unlink(path, folder=folder)
        self._after("unlink")

    def _hit(self, verb: str) -> bool:
        """Counts a call; True if it is one that fails."""
        self.made.append(verb)
        fault = self.fault
        if fault is None or fault.verb not in ("", verb):
            return False
        self._seen += 1
        return self._seen >= fault.nth if fault.for_ever else self._seen == fault.nth

    def _before(self, verb: str) -> None:
        with self._counting:
            self._failing = self._hit(verb)
        if self._failing and self.fault is not None and not self.fault.late:
            self._raise()

    def _after(self, verb: str) -> None:
        if self._failing:
            self._raise()

    def _raise(self) -> None:
        number = errno.EIO if self.fault is None else self.fault.error
        if number == SHORT_WRITE:
            return
        raise OSError(number, os.strerror(number))
