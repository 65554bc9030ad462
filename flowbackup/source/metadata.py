"""Entries from what the system says about a name; no content.

Extended attributes hold ACLs, capabilities and labels; they are read from the descriptor of files
and directories, and through /proc/self/fd for what cannot be opened (links, FIFOs, devices).
"""

from __future__ import annotations

import fcntl
import grp
import os
import pwd
import stat
import struct
import sys
from collections.abc import Callable
from errno import EINVAL, ENODATA, ENOSYS, ENOTSUP, ENOTTY, errorcode

from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import FILE_TYPES, FLAGS_ATTRIBUTE, Entry, EntryKind

Xattrs = tuple[tuple[bytes, bytes], ...]

_TIME_MAX = (1 << 63) - 1
# FS_IOC_GETFLAGS of linux/fs.h, and the flags that keep a name from being changed or removed.
_GET_FLAGS = 0x8000_6601 | struct.calcsize("l") << 16
_NO_FLAGS = bytes(8)
_FLAGS = ((0x20, b"a"), (0x10, b"i"))
_LOCKS = 0x30
_KINDS = {bits: EntryKind(kind) for kind, bits in FILE_TYPES.items()}
_NO_SUCH_CALL = (ENOTTY, ENOTSUP, EINVAL, ENOSYS)
_DEVICES = (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)


def kind_of(status: os.stat_result) -> EntryKind:
    """The kind of what was looked at."""
    return _KINDS[stat.S_IFMT(status.st_mode)]


def error_name(error: OSError) -> str:
    """ "EACCES" for people and tests; the number where it has no name."""
    return errorcode.get(error.errno or 0, str(error.errno))


def error_text(error: OSError) -> str:
    """ "Permission denied [EACCES]"."""
    return f"{error.strerror} [{error_name(error)}]"


class EntryMaker:
    """Makes entries; remembers the names of owners, and file systems without attributes."""

    def __init__(self) -> None:
        self._owners: dict[int, bytes] = {}
        self._groups: dict[int, bytes] = {}
        self._plain_devices: set[int] = set()
        self._flagless_devices: set[int] = set()

    def make(
        self,
        path: bytes,
        status: os.stat_result,
        xattrs: Xattrs = (),
        target: bytes | None = None,
        hard_link: bytes | None = None,
        problem: str = "",
        chunks: tuple[ChunkRef, ...] = (),
    ) -> Entry:
        """The entry of what was looked at."""
        kind = _KINDS[status.st_mode & 0o170000]
        owner = self._owners.get(status.st_uid)
        group = self._groups.get(status.st_gid)
        mtime_ns, ctime_ns = status.st_mtime_ns, status.st_ctime_ns
        return Entry(
            path,
            kind,
            status.st_mode & 0o7777,
            status.st_uid,
            status.st_gid,
            self._owner(status.st_uid) if owner is None else owner,
            self._group(status.st_gid) if group is None else group,
            status.st_size if kind is EntryKind.FILE else 0,
            mtime_ns if -_TIME_MAX <= mtime_ns <= _TIME_MAX else _storable(mtime_ns),
            ctime_ns if -_TIME_MAX <= ctime_ns <= _TIME_MAX else _storable(ctime_ns),
            status.st_ino,
            status.st_dev,
            status.st_nlink,
            target,
            hard_link,
            status.st_rdev if kind in _DEVICES else 0,
            xattrs,
            (),
            problem,
            chunks,
        )

    def is_still(self, entry: Entry, status: os.stat_result) -> bool:
        """Whether `make` would make the same of a file whose inode is unchanged: its device may
        have another number, and its owner another name."""
        return (
            entry.device == status.st_dev
            and entry.links == status.st_nlink
            and entry.owner == self._owners.get(entry.uid)
            and entry.group == self._groups.get(entry.gid)
            and entry.uid == status.st_uid
            and entry.gid == status.st_gid
            and entry.mode == status.st_mode & 0o7777
        )

    def xattrs_of(self, descriptor: int, device: int) -> Xattrs:
        """The attributes of an open file or directory on file system `device`, sorted by name, and
        FLAGS_ATTRIBUTE before them where it is locked.  Raises OSError."""
        flags = () if device in self._flagless_devices else self._flags(descriptor, device)
        if device in self._plain_devices:
            return flags
        return flags + self._xattrs(descriptor, device)

    def xattrs_at(self, name: bytes, parent: int, device: int) -> Xattrs:
        """The attributes of a name that is not opened, not following it.  Raises OSError."""
        if device in self._plain_devices:
            return ()
        return self._xattrs(b"/proc/self/fd/%d/%s" % (parent, name), device)

    def _xattrs(self, place: int | bytes, device: int) -> Xattrs:
        follow = isinstance(place, int)
        try:
            names = os.listxattr(place, follow_symlinks=follow)
        except OSError as error:
            if error.errno != ENOTSUP:
                raise
            self._plain_devices.add(device)
            return ()
        if not names:
            return ()
        found = []
        for name in sorted(map(os.fsencode, names)):
            try:
                found.append((name, os.getxattr(place, name, follow_symlinks=follow)))
            except OSError as error:
                if error.errno not in (ENODATA, ENOTSUP):
                    raise
        return tuple(found)

    def _flags(self, descriptor: int, device: int) -> Xattrs:
        try:
            answer = fcntl.ioctl(descriptor, _GET_FLAGS, _NO_FLAGS)
        except OSError as error:
            if error.errno not in _NO_SUCH_CALL:
                raise
            self._flagless_devices.add(device)
            return ()
        # The kernel fills an int, whatever the size that the number of the call names.
        flags = int.from_bytes(answer[:4], sys.byteorder)
        if not flags & _LOCKS:
            return ()
        return ((FLAGS_ATTRIBUTE, b"".join(letter for bit, letter in _FLAGS if flags & bit)),)

    def _owner(self, uid: int) -> bytes:
        return self._owners.setdefault(uid, _name(lambda: pwd.getpwuid(uid).pw_name))

    def _group(self, gid: int) -> bytes:
        return self._groups.setdefault(gid, _name(lambda: grp.getgrgid(gid).gr_name))


class HardLinks:
    """Which path of an inode came first.  Only inodes with several names are remembered, and each
    only until its last name was met."""

    def __init__(self) -> None:
        self._first: dict[tuple[int, int], tuple[bytes, int]] = {}

    def first(self, status: os.stat_result) -> bytes | None:
        """The path that holds the content of this inode, or None when it was not met yet."""
        if status.st_nlink < 2:
            return None
        key = (status.st_dev, status.st_ino)
        known = self._first.get(key)
        if known is None:
            return None
        path, left = known
        if left > 1:
            self._first[key] = (path, left - 1)
        else:
            del self._first[key]
        return path

    def add(self, path: bytes, status: os.stat_result) -> None:
        """`path` holds the content of its inode."""
        if status.st_nlink > 1:
            self._first[status.st_dev, status.st_ino] = (path, status.st_nlink - 1)


def _storable(time_ns: int) -> int:
    # File systems know times far beyond 2262, where signed nanoseconds end; such a time is kept as
    # the last that a page can hold.
    return max(-_TIME_MAX, min(time_ns, _TIME_MAX))


def _name(look_up: Callable[[], str]) -> bytes:
    try:
        return os.fsencode(look_up())
    except (KeyError, OSError, ValueError):
        return b""
