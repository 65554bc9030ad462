"""What was restored beside what stands at the source: a comparison that believes neither side.

It shares nothing with the restore: no digest, no entry's word but for one question, whether the
source is still the same as when it was backed up.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Self

from flowbackup.model.entry import FILE_TYPES, Entry, EntryKind
from flowbackup.units import MIB

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_BLOCK_BYTES = MIB


class Spot(NamedTuple):
    """A path below an open directory."""

    root: int
    path: bytes


class Standing(Enum):
    """How the source stands to what was backed up."""

    SAME = "unchanged since"
    MOVED_ON = "changed or gone since"
    UNREADABLE = "cannot be read now"


@dataclass(frozen=True, slots=True)
class Comparison:
    """differences: (what, text) of a source that is unchanged; what: content, mode, owner, time,
    attributes, target, device, or missing."""

    standing: Standing
    differences: tuple[tuple[str, str], ...] = ()


def compare(entry: Entry, live: Spot, restored: Spot) -> Comparison:
    """Compares one name.  Neither side is followed or waited for."""
    try:
        with _Look(live) as source:
            if not _is_same(entry, source.status):
                return Comparison(Standing.MOVED_ON)
            differences = tuple(_compared(source, restored))
            if not _is_same(entry, source.look_again()):
                return Comparison(Standing.MOVED_ON)
            return Comparison(Standing.SAME, differences)
    except _UnreadableError as error:
        gone = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
        return Comparison(Standing.MOVED_ON if gone else Standing.UNREADABLE)


class _UnreadableError(Exception):
    """The system's number of what kept the source from being read."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.errno = error.errno


class _Look:
    """One name as it is now; a regular file is open."""

    def __init__(self, spot: Spot) -> None:
        self.parent = self.file = -1
        try:
            self.parent, self.name = _parent(spot)
            self.status = status_at(self.name, self.parent)
            if stat.S_ISREG(self.status.st_mode):
                self.file = os.open(self.name, _OPEN, dir_fd=self.parent)
            self.target = (
                os.readlink(self.name, dir_fd=self.parent)
                if stat.S_ISLNK(self.status.st_mode)
                else b""
            )
            self.attributes = _attributes(b"/proc/self/fd/%d/%s" % (self.parent, self.name))
        except OSError as error:
            self.close()
            raise _UnreadableError(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for descriptor in (self.parent, self.file):
            if descriptor >= 0:
                os.close(descriptor)
        self.parent = self.file = -1

    def look_again(self) -> os.stat_result:
        """Raises _UnreadableError."""
        try:
            return status_at(self.name, self.parent)
        except OSError as error:
            raise _UnreadableError(error) from error

    def read(self, offset: int) -> bytes:
        """Raises _UnreadableError."""
        try:
            return os.pread(self.file, _BLOCK_BYTES, offset)
        except OSError as error:
            raise _UnreadableError(error) from error

    def next_data(self, offset: int) -> int:
        """The first place from there on that is in no hole; the size where there is none."""
        try:
            return os.lseek(self.file, offset, os.SEEK_DATA)
        except OSError:
            return self.status.st_size


def status_at(name: bytes, directory: int) -> os.stat_result:
    """What the system says of a name."""
    return os.stat(name, dir_fd=directory, follow_symlinks=False)


def _is_same(entry: Entry, status: os.stat_result) -> bool:
    """Nobody has touched it since it was backed up, as far as the system knows."""
    if stat.S_IFMT(status.st_mode) != FILE_TYPES.get(entry.kind):
        return False
    size = entry.size if entry.kind == EntryKind.FILE else status.st_size
    return (entry.inode, entry.mtime_ns, entry.ctime_ns, size) == (
        status.st_ino,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_size,
    )


def _compared(source: _Look, restored: Spot) -> Iterator[tuple[str, str]]:
    try:
        copy = _Look(restored)
    except _UnreadableError as error:
        yield "missing", f"it was not restored: {error}"
        return
    with copy:
        one, other = source.status, copy.status
        if stat.S_IFMT(one.st_mode) != stat.S_IFMT(other.st_mode):
            yield "missing", "something of another kind was restored"
            return
        if not stat.S_ISLNK(one.st_mode):
            yield from _unequal("mode", f"{one.st_mode:o}", f"{other.st_mode:o}")
        owners = (f"{status.st_uid}:{status.st_gid}" for status in (one, other))
        yield from _unequal("owner", *owners)
        yield from _unequal("time", one.st_mtime_ns, other.st_mtime_ns)
        yield from _unequal("attributes", source.attributes, copy.attributes)
        yield from _unequal("target", source.target, copy.target)
        if stat.S_ISCHR(one.st_mode) or stat.S_ISBLK(one.st_mode):
            yield from _unequal("device", one.st_rdev, other.st_rdev)
        if source.file >= 0:
            yield from _content(source, copy)


def _content(source: _Look, copy: _Look) -> Iterator[tuple[str, str]]:
    sizes = (source.status.st_size, copy.status.st_size)
    yield from _unequal("content", *(f"{size} bytes" for size in sizes))
    place = 0
    while place < min(sizes):
        # What is a hole on both sides is the same.
        place = max(place, min(source.next_data(place), copy.next_data(place)))
        if source.read(place) != copy.read(place):
            yield "content", f"differs between bytes {place} and {place + _BLOCK_BYTES}"
            return
        place += _BLOCK_BYTES


def _unequal(what: str, source: object, restored: object) -> Iterator[tuple[str, str]]:
    if source != restored:
        yield what, f"{source!r} at the source, {restored!r} restored"


def _parent(spot: Spot) -> tuple[int, bytes]:
    """The directory of a name, opened one step at a time, because paths are longer than the system
    takes at once and no step may be a link.  Raises OSError."""
    *way, name = spot.path.split(b"/")
    here = os.dup(spot.root)
    for step in way:
        try:
            below = os.open(step, _OPEN | os.O_DIRECTORY, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here, name or b"."


def _attributes(place: bytes) -> dict[str, bytes]:
    """Empty on a file system that has none."""
    try:
        names = os.listxattr(place, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EOPNOTSUPP):
            return {}
        raise
    return {name: os.getxattr(place, name, follow_symlinks=False) for name in sorted(names)}
