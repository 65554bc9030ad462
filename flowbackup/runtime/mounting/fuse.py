"""The mounted tree as a file system: what FUSE asks, answered; errors as the numbers it wants."""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from flowbackup.errors import FlowbackupError, NotFoundError, UsageError
from flowbackup.frame.seal import Content
from flowbackup.model.entry import FILE_TYPES, FLAGS_ATTRIBUTE, Entry
from flowbackup.model.ids import FrameId
from flowbackup.monitor import Monitor, Problem
from flowbackup.restore.content import ContentSource
from flowbackup.restore.port import FrameSource
from flowbackup.runtime.mounting.mounted_file import MountedFile
from flowbackup.runtime.mounting.mounted_tree import MountedTree

FRAMES_KEPT = 4
"""Who reads several files at a time goes back and forth between their frames."""
BLOCK_BYTES = 512
"""In which st_blocks counts."""


class _RecentFrames:
    """A FrameSource that keeps the frames that were asked last."""

    def __init__(self, frames: FrameSource) -> None:
        self._kept = lru_cache(maxsize=FRAMES_KEPT)(frames.payload)

    def payload(self, frame: FrameId) -> Content:
        """See FrameSource."""
        return self._kept(frame)


class Questions:
    """What FUSE asks of a file system, by the names that mfusepy has for it; paths begin with a
    slash.  Raises OSError.  A fault that is not the asker's is told to the monitor, too: he gets
    no more than a number."""

    use_ns = True

    def __init__(
        self, tree: MountedTree, frames: FrameSource, monitor: Monitor, mounted: Callable[[], None]
    ) -> None:  # fmt: skip
        """mounted: called when it can be looked at."""
        self._tree = tree
        self._mounted = mounted
        self._source = ContentSource(_RecentFrames(frames))
        self._monitor = monitor
        self._open: dict[int, MountedFile] = {}
        self._handles = count(1)

    def init(self, path: str) -> None:
        self._mounted()

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        return attributes(self._entry(path))

    def readdir(self, path: str, fh: int) -> Iterator[tuple[str, dict[str, int], int]]:
        """Names with what `st_ino` and `st_mode` say, each without an offset."""
        with self._answering(path):
            here = self._tree.entry(_bytes_of(path))
            found = {b".": here, b"..": here, **self._tree.children(_bytes_of(path))}
        for name, entry in found.items():
            yield os.fsdecode(name), attributes(entry), 0

    def readlink(self, path: str) -> str:
        target = self._entry(path).target
        if target is None:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return os.fsdecode(target)

    def listxattr(self, path: str) -> list[str]:
        names = (name for name, _ in self._entry(path).xattrs if name != FLAGS_ATTRIBUTE)
        return [os.fsdecode(name) for name in names]

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        for found, value in self._entry(path).xattrs:
            if found == os.fsencode(name) and found != FLAGS_ATTRIBUTE:
                return value
        raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))

    def open(self, path: str, flags: int) -> int:
        entry = self._entry(path)
        with self._answering(path):
            opened = MountedFile(entry, self._source)
        handle = next(self._handles)
        self._open[handle] = opened
        return handle

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        with self._answering(path):
            return self._open[fh].read(size, offset)

    def release(self, path: str, fh: int) -> int:
        del self._open[fh]
        return 0

    def _entry(self, path: str) -> Entry:
        with self._answering(path):
            return self._tree.entry(_bytes_of(path))

    @contextmanager
    def _answering(self, path: str) -> Iterator[None]:
        try:
            yield
        except NotFoundError as error:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
        except FlowbackupError as error:
            self._monitor.problem(Problem("unreadable", f"{path[1:]}: {error}"))
            raise OSError(errno.EIO, os.strerror(errno.EIO)) from error


def _bytes_of(path: str) -> bytes:
    """As entries have it: relative to the mount point."""
    return os.fsencode(path[1:])


def attributes(entry: Entry) -> dict[str, int]:
    """As `stat` has them; times in ns.  atime is not kept and shown as mtime."""
    stored = sum(chunk.size for chunk in entry.chunks)
    return {
        "st_ino": entry.inode,
        "st_mode": FILE_TYPES[entry.kind] | entry.mode,
        "st_nlink": entry.links,
        "st_uid": entry.uid,
        "st_gid": entry.gid,
        "st_rdev": entry.rdev,
        "st_size": len(entry.target) if entry.target is not None else entry.size,
        "st_blocks": -(-stored // BLOCK_BYTES),
        "st_atime": entry.mtime_ns,
        "st_mtime": entry.mtime_ns,
        "st_ctime": entry.ctime_ns,
    }


def serve(questions: Questions, place: Path, *, others: bool) -> None:
    """Mounts, and answers until somebody unmounts it or a signal comes, in this thread alone, which
    is the catalog's.  others: other users may look as well, as far as modes and owners of the
    entries let them.  Raises UsageError."""
    fuse = _library()
    options: dict[str, Any] = {"ro": True, "nosuid": True, "nodev": True, "use_ino": True}
    options["fsname"] = "flowbackup"
    if others:
        options |= {"allow_other": True, "default_permissions": True}
    try:
        fuse.FUSE(questions, str(place), foreground=True, nothreads=True, **options)
    except RuntimeError as error:
        raise UsageError(
            f"cannot mount on {place}", remedy="name an empty directory that is yours"
        ) from error


def _library() -> Any:
    """mfusepy, which needs a library of the system.  Raises UsageError."""
    try:
        return importlib.import_module("mfusepy")
    except ImportError as error:
        raise UsageError(
            "mounting needs the package mfusepy", remedy="pip install 'flowbackup[mount]'"
        ) from error
    except OSError as error:
        raise UsageError(
            f"mounting needs FUSE: {error}", remedy="on Debian: apt install fuse3"
        ) from error
