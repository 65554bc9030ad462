"""The names of a tree in path order, met by directory descriptors and without following links.

No recursion, no path longer than one name is ever given to the system, and at most OPEN_LEVELS
directories are open at once: a tree may be deeper than PATH_MAX and deeper than the limit of open
files.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from errno import EINVAL, ENAMETOOLONG, ENOENT, EPERM
from typing import NamedTuple

from flowbackup.errors import SourceError
from flowbackup.model.entry import EntryKind
from flowbackup.monitor import Problem

OPEN_LEVELS = 64
"""Open directories above the current one; a return to a closed one costs one openat("..")."""

_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

# The kind of a name travels behind it while a directory is sorted: NUL stands in no name and sorts
# before every byte, so the order is that of the names, at half the memory of pairs.
MARK_OF_FILES, MARK_OF_DIRECTORIES, MARK_OF_OTHERS = b"\0f", b"\0d", b"\0?"
MARK_BYTES = 2
_MARKS = {ord("f"): EntryKind.FILE, ord("d"): EntryKind.DIRECTORY, ord("?"): None}

Choose = Callable[[bytes, int, list[bytes]], list[bytes]]
"""(path of a directory, its descriptor, its names, sorted and marked): those that are walked to.
May raise OSError."""


class Found(NamedTuple):
    """One name of the tree.

    path: relative to the root.  name: in the directory `parent`, a descriptor that is valid until
    the next step of the walk.  kind: FILE or DIRECTORY as the directory said when it was listed,
    None for everything else.  descriptor: of a directory that was opened, else -1.  error: why a
    directory could not be opened or listed; the walk goes on behind it.
    """

    path: bytes
    name: bytes
    parent: int
    kind: EntryKind | None
    descriptor: int = -1
    error: OSError | None = None


@dataclass(slots=True)
class _Level:
    """A directory on the way from the root to where the walk is; descriptor -1 while closed."""

    path: bytes
    names: Iterator[bytes]
    descriptor: int
    identity: tuple[int, int]


def open_root(path: bytes) -> int:
    """A descriptor of the tree or file at `path`; a link at this place is followed, because it is
    what the user named.  Raises SourceError for what is neither, or cannot be opened."""
    try:
        anchor, rest = _anchored(path)
        try:
            found = os.stat(rest, dir_fd=anchor)
            if not stat.S_ISDIR(found.st_mode) and not stat.S_ISREG(found.st_mode):
                raise SourceError(
                    f"{os.fsdecode(path)} is neither a directory nor a file",
                    remedy="name a directory or a regular file",
                )
            return open_without_atime(rest, _FILE_FLAGS & ~os.O_NOFOLLOW, anchor)
        finally:
            if anchor is not None:
                os.close(anchor)
    except OSError as error:
        raise SourceError(
            f"{os.fsdecode(path)} cannot be read: {error.strerror}",
            remedy="check that it exists and that this user may read it",
        ) from error


def walk(
    root: int, report: Callable[[Problem], None], choose: Choose | None = None
) -> Generator[Found, None, None]:
    """Every name below the directory `root`, without the root itself, parents first, sorted by
    `path_order`.  Keeps `root` open and closes everything else, also when closed early.  choose:
    asked when a directory is entered, which of its names are meant; without it, all are.

    A directory that is moved away under the walk is left, and reported.
    Raises OSError when the root itself cannot be listed.
    """
    choose = choose or _all
    levels = [_Level(b"", _listed(b"", root, choose), root, _identity(root))]
    try:
        while levels:
            child = yield from _visit(levels[-1], choose)
            if child is not None:
                levels.append(child)
                if len(levels) > OPEN_LEVELS + 1:
                    _shut(levels[-OPEN_LEVELS - 1], root)
                continue
            left = levels.pop()
            if levels and levels[-1].descriptor < 0:
                _reopen(levels, left.descriptor, report)
            _shut(left, root)
    finally:
        for level in levels:
            _shut(level, root)


def open_file(name: bytes, parent: int) -> int:
    """Opens for reading, never blocking (FIFOs), never following a link, leaving the access time
    alone where the system lets us."""
    return open_without_atime(name, _FILE_FLAGS, parent)


def open_without_atime(name: bytes, flags: int, parent: int | None) -> int:
    """os.open that keeps the access time, which only owners may ask for."""
    try:
        return os.open(name, flags | os.O_NOATIME, dir_fd=parent)
    except OSError as error:
        if error.errno not in (EPERM, EINVAL):
            raise
    return os.open(name, flags, dir_fd=parent)


def _visit(level: _Level, choose: Choose) -> Generator[Found, None, _Level | None]:
    """Yields the names of a directory until one is a directory to go down into, which it returns;
    None at the end."""
    prefix = level.path + b"/" if level.path else b""
    for marked in level.names:
        name = marked[:-MARK_BYTES]
        kind = _MARKS[marked[-1]]
        if kind is not EntryKind.DIRECTORY:
            yield Found(prefix + name, name, level.descriptor, kind)
            continue
        child, found = _enter(prefix + name, name, level.descriptor, choose)
        try:
            yield found
        except GeneratorExit:
            if child is not None:
                os.close(child.descriptor)
            raise
        if child is not None:
            return child
    return None


def _enter(
    path: bytes, name: bytes, parent: int, choose: Choose
) -> tuple[_Level | None, Found]:  # fmt: skip
    descriptor = -1
    try:
        descriptor = open_without_atime(name, _DIRECTORY_FLAGS, parent)
        level = _Level(
            path, _listed(path, descriptor, choose), descriptor, _identity(descriptor)
        )  # fmt: skip
        return level, Found(path, name, parent, EntryKind.DIRECTORY, descriptor)
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
        return None, Found(path, name, parent, EntryKind.DIRECTORY, -1, error)


def _all(path: bytes, directory: int, names: list[bytes]) -> list[bytes]:
    return names


def _listed(path: bytes, directory: int, choose: Choose) -> Iterator[bytes]:
    with os.scandir(directory) as found:
        names = [os.fsencode(item.name) + _mark(item) for item in found]
    names.sort()
    return iter(choose(path, directory, names))


def _mark(item: os.DirEntry[str]) -> bytes:
    if item.is_file(follow_symlinks=False):
        return MARK_OF_FILES
    return MARK_OF_DIRECTORIES if item.is_dir(follow_symlinks=False) else MARK_OF_OTHERS


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def _shut(level: _Level, root: int) -> None:
    if level.descriptor >= 0 and level.descriptor != root:
        os.close(level.descriptor)
        level.descriptor = -1


def _reopen(levels: list[_Level], child: int, report: Callable[[Problem], None]) -> None:
    """Opens the last level again: as the parent of the directory just left, or, when that one was
    moved, from the root; a level that is found in neither way is left out."""
    level = levels[-1]
    for descend in (False, True):
        try:
            opened = _descend(levels) if descend else _parent(child)
        except OSError:
            continue
        if _identity(opened) == level.identity:
            level.descriptor = opened
            return
        os.close(opened)
    level.names = iter(())
    text = "the directory was moved while it was read; what follows in it is missing"
    report(Problem("vanished", text, level.path))


def _parent(child: int) -> int:
    return os.open(b"..", _DIRECTORY_FLAGS, dir_fd=child)


def _descend(levels: list[_Level]) -> int:
    names = levels[-1].path.split(b"/")
    descriptor = os.dup(levels[0].descriptor)
    for name in names:
        try:
            below = os.open(name, _DIRECTORY_FLAGS, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def _anchored(path: bytes) -> tuple[int | None, bytes]:
    """The path as a descriptor and a rest that the system takes: paths over PATH_MAX are gone down
    in pieces."""
    try:
        os.stat(path)
    except OSError as error:
        if error.errno != ENAMETOOLONG:
            return None, path
    else:
        return None, path
    names = [name for name in path.split(b"/") if name]
    if not names:
        raise OSError(ENOENT, os.strerror(ENOENT))
    anchor = os.open(b"/" if path.startswith(b"/") else b".", os.O_PATH | os.O_DIRECTORY)
    for name in names[:-1]:
        try:
            below = os.open(name, os.O_PATH | os.O_DIRECTORY, dir_fd=anchor)
        finally:
            os.close(anchor)
        anchor = below
    return anchor, names[-1]
