"""One file, directory, link or special file inside a version."""

from __future__ import annotations

import stat
from enum import IntEnum
from typing import NamedTuple

from flowbackup.model.chunk import ChunkRef


class EntryKind(IntEnum):
    """The numbers stand on media: never reuse one."""

    FILE = 1
    DIRECTORY = 2
    SYMLINK = 3
    FIFO = 4
    SOCKET = 5
    CHARACTER_DEVICE = 6
    BLOCK_DEVICE = 7


FILE_TYPES: dict[int, int] = {
    EntryKind.FILE: stat.S_IFREG,
    EntryKind.DIRECTORY: stat.S_IFDIR,
    EntryKind.SYMLINK: stat.S_IFLNK,
    EntryKind.FIFO: stat.S_IFIFO,
    EntryKind.SOCKET: stat.S_IFSOCK,
    EntryKind.CHARACTER_DEVICE: stat.S_IFCHR,
    EntryKind.BLOCK_DEVICE: stat.S_IFBLK,
}
"""Kind -> what the system calls it in the mode of a file."""

FLAGS_ATTRIBUTE = b"flowbackup.flags"
"""Stands among the extended attributes of an entry and is none: its value says in the letters of
chattr what keeps the name from being changed, b"i" (immutable), b"a" (append only), or b"ai"."""


class Extent(NamedTuple):
    """A range of a file in bytes."""

    offset: int
    size: int


class Entry(NamedTuple):
    """Everything that is needed to put one name back.

    path: relative to the object's root, components joined by b"/", b"" for the root itself; any
    byte but NUL.  mode: permission bits only (kind says the type).  owner, group: names at the
    time of reading, b"" where the number had no name.  size: of a file, holes included.
    target: of a symlink.  hard_link: path of the first entry of the same inode in this version,
    which holds the content; None for that first entry itself and for single links.
    holes: ranges that are not stored; the chunks cover the rest of the file, in order.
    problem: "" or why this entry is not what the source held ("unreadable: EACCES", "changed
    while read", ...).
    part: a file with very many chunks or holes stands in several entries of one path, one behind
    the other: 0 in the first, which has everything, then 1, 2, ... with what follows of `chunks`
    and `holes`.  `size` and `problem` of the last part are the ones that hold
    (`frame.page.joined` makes one entry of them).
    """

    path: bytes
    kind: int
    mode: int = 0
    uid: int = 0
    gid: int = 0
    owner: bytes = b""
    group: bytes = b""
    size: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0
    inode: int = 0
    device: int = 0
    links: int = 1
    target: bytes | None = None
    hard_link: bytes | None = None
    rdev: int = 0
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    holes: tuple[Extent, ...] = ()
    problem: str = ""
    chunks: tuple[ChunkRef, ...] = ()
    part: int = 0


def path_order(path: bytes) -> tuple[bytes, ...]:
    """The key by which entries of a version are sorted: component by component, as a walk that
    visits names in byte order meets them."""
    return tuple(path.split(b"/")) if path else ()


def sort_key(path: bytes) -> bytes:
    """Bytes that sort as `path_order` of the path does, because no name holds a NUL."""
    return path.replace(b"/", b"\0")
