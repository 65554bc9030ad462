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
        self._open_folders: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._lock = Lock()

    def end(self) -> None:
        """The process ends between two calls."""
        with self._lock:
            self._turn_off()

    def reborn(self) -> CrashDisk:
        """The same disk, for the next process that works on it."""
        disk = CrashDisk()
        disk.notes, disk._numbers = self.notes, self._numbers
        return disk

    def open(
        self, path: str, flags: int, mode: int = 0o600, *, folder: int | None = None
    ) -> int:  # fmt: skip
        path = self._path(path, folder)
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

    def open_folder(self, path: str, *, folder: int | None = None) -> int:
        with self._making(Note("look", name=path)):
            fd = super().open_folder(path, folder=folder)
            self._open_folders[fd] = self._path(path, folder)
            return fd

    def close(self, fd: int) -> None:
        with self._making(self._note("close", fd)):
            del (self._open_folders if fd in self._open_folders else self._open_files)[fd]
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

    def sync_directory(self, place: str | int) -> None:
        path = self._open_folders[place] if isinstance(place, int) else place
        with self._making(Note("sync_directory", name=path)):
            pass

    def make_directory(self, path: str) -> None:
        with self._making(Note("look" if os.path.isdir(path) else "make_directory", name=path)):
            super().make_directory(path)

    def rename(self, source: str, target: str, *, folder: int | None = None) -> None:
        source, target = self._path(source, folder), self._path(target, folder)
        with self._making(Note("rename", name=source, other=target)):
            super().rename(source, target)
            self._numbers[target] = self._numbers.pop(source)

    def unlink(self, path: str, *, folder: int | None = None) -> None:
        path = self._path(path, folder)
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

    def _turn_off(self) -> None:
        self._power.is_on = False
        for opened in (self._open_files, self._open_folders):
            for fd in opened:
                super().close(fd)
            opened.clear()

    def _path(self, path: str, folder: int | None) -> str:
        if folder is None:
            return path
        # One that was opened to look at it only is not ours.
        around = self._open_folders.get(folder) or os.readlink(f"/proc/self/fd/{folder}")
        return os.path.join(around, path)

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
                self._turn_off()
                raise Stopped
            self.notes.append(note)
            try:
                yield
            except OSError:
                self.notes[-1] = note._replace(verb="failed")
                raise
