"""A disk whose machine may lose power at any call: the seam below the media house.

`CrashDisk` makes every call for real, so that the writer sees what it would see, and notes it.
From the notes `crash_image` says what stands on the disk when the power is back: at best
everything, at worst only what was synced.  The model is that of a journaling file system, weaker
than most and stronger than none:

* content and length of a file last from `fdatasync` on, its mode from `fsync` on;
* names last from `sync_directory` on; changes of names before that last in their order;
* of a write that was not synced any sectors may have lasted; the others are as they were before,
  and zeros where the file ended before them;
* what a failed sync should have made durable is lost, and the next sync says nothing of it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from flowbackup.media.calls import SystemCalls, Writable


class Stopped(BaseException):
    """The process ends here: nothing in it may catch this and go on."""


class Note(NamedTuple):
    """One call of CrashDisk.  file: a number that each file of the disk has for itself, 0 where the
    call is about names.  name, other: paths.  number: the offset of a write, a length, a mode.
    data: what was written, or what an opened file held.  has_lasted: it reached the disk although
    nobody synced it."""

    verb: str
    file: int = 0
    name: str = ""
    other: str = ""
    number: int = 0
    data: bytes = b""
    has_lasted: bool = False


class Power:
    """What the disks of one machine share: once it is off, none of them makes a call."""

    def __init__(self) -> None:
        self.is_on = True


class CrashDisk(SystemCalls):
    """The operating system, until the process ends.

    notes: all calls that were made, in order.  not_made: the one instead of which the power went
    off, if it was a call of this disk.
    """

    def __init__(
        self, power: Power | None = None, *, stop_at: int = 0, failing_sync: int = 0
    ) -> None:
        """stop_at: the call, from 1, instead of which the power goes off; of this disk alone, or of
        all that share `power`.  failing_sync: the sync of a file, from 1, that fails with EIO."""
        self.notes: list[Note] = []
        self.not_made: Note | None = None
        self._power = power or Power()
        self._stop_at = stop_at
        self._failing_sync = failing_sync
        self._syncs = 0
        self._open_files: dict[int, int] = {}
        self._numbers: dict[str, int] = {}
        self._lock = Lock()

    def open(self, path: str, flags: int, mode: int = 0o600) -> int:
        number = self._numbers.get(path, len(self.notes) + 1)
        note = Note("create", number, path, number=mode)
        if os.path.lexists(path):
            state = os.stat(path)
            content = Path(path).read_bytes()
            note = Note("open", number, path, number=stat.S_IMODE(state.st_mode), data=content)
        with self._making(note):
            fd = super().open(path, flags, mode)
            self._open_files[fd] = self._numbers[path] = number
            return fd

    def close(self, fd: int) -> None:
        with self._making(self._note("close", fd)):
            del self._open_files[fd]
            super().close(fd)

    def pwritev(self, fd: int, buffers: Sequence[Writable], offset: int) -> int:
        note = self._note("pwritev", fd, offset, b"".join(buffers))
        with self._making(note):
            count = super().pwritev(fd, buffers, offset)
            self.notes[-1] = note._replace(data=note.data[:count])
            return count

    def fallocate(self, fd: int, offset: int, size_bytes: int) -> None:
        with self._making(self._note("fallocate", fd, offset + size_bytes)):
            super().fallocate(fd, offset, size_bytes)

    def truncate(self, fd: int, size_bytes: int) -> None:
        with self._making(self._note("truncate", fd, size_bytes)):
            super().truncate(fd, size_bytes)

    def chmod(self, fd: int, mode: int) -> None:
        with self._making(self._note("chmod", fd, mode)):
            super().chmod(fd, mode)

    def fdatasync(self, fd: int) -> None:
        self._sync("fdatasync", fd)

    def fsync(self, fd: int) -> None:
        self._sync("fsync", fd)

    def sync_directory(self, path: str) -> None:
        with self._making(Note("sync_directory", name=path)):
            pass

    def make_directory(self, path: str) -> None:
        with self._making(Note("look" if os.path.isdir(path) else "make_directory", name=path)):
            super().make_directory(path)

    def rename(self, source: str, target: str) -> None:
        with self._making(Note("rename", name=source, other=target)):
            super().rename(source, target)
            self._numbers[target] = self._numbers.pop(source)

    def unlink(self, path: str) -> None:
        with self._making(Note("unlink", name=path)):
            super().unlink(path)
            del self._numbers[path]

    def _sync(self, verb: str, fd: int) -> None:
        """Nothing of it is done for real: what lasts is told by the notes."""
        self._syncs += 1
        fails = self._syncs == self._failing_sync
        with self._making(self._note("failed_sync" if fails else verb, fd)):
            pass
        if fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _note(self, verb: str, fd: int, number: int = 0, data: bytes = b"") -> Note:
        return Note(verb, self._open_files.get(fd, 0), number=number, data=data)

    @contextmanager
    def _making(self, note: Note) -> Iterator[None]:
        """One call at a time, so that none is half made when the power goes off."""
        with self._lock:
            if self._power.is_on and len(self.notes) + 1 == self._stop_at:
                self._power.is_on = False
                self.not_made = note
            if not self._power.is_on:
                while self._open_files:
                    super().close(self._open_files.popitem()[0])
                raise Stopped
            self.notes.append(note)
            try:
                yield
            except OSError:
                self.notes[-1] = note._replace(verb="failed")
                raise
