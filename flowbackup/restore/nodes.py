"""One name at a time: made under a temporary name in its directory, finished, then published."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from flowbackup.errors import DamageError
from flowbackup.model.entry import FILE_TYPES, Entry, EntryKind
from flowbackup.restore.content import ContentSource, write_all, write_file
from flowbackup.restore.directories import DIRECTORY_FLAGS, Level, identity
from flowbackup.restore.large import LargeFileWriter
from flowbackup.restore.metadata import MetadataWriter, Report, strip_inherited
from flowbackup.restore.publish import TemporaryName, discard, publish

T = TypeVar("T")

_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HANDLE_FLAGS = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_TYPES = {
    kind: bits
    for kind, bits in FILE_TYPES.items()
    if kind not in (EntryKind.FILE, EntryKind.DIRECTORY)
}


class Made(NamedTuple):
    """identity: device and inode of what got its name; None where nobody will ask."""

    bytes_written: int
    identity: tuple[int, int] | None


class NodeWriter:
    """Makes files and everything else that is no directory in an open directory.

    Every method raises FileExistsError or IsADirectoryError when the name is taken and may not be
    replaced; nothing of a name that was not given remains."""

    def __init__(self, content: ContentSource, metadata: MetadataWriter, *, replace: bool) -> None:
        self._content = content
        self._metadata = metadata
        self._replace = replace
        self._temporary = TemporaryName()
        self._large = LargeFileWriter()

    def close(self) -> None:
        """Safe to repeat."""
        self._large.close()

    def file(self, entry: Entry, name: bytes, level: Level, report: Report) -> Made:
        """Raises DamageError before a wrong byte is seen under any name, OSError."""
        directory = level.descriptor
        data = self._content.at_once(entry) if level.private else None
        if data is not None:
            try:
                fresh = not level.gives_owner
                return make_at_once(
                    entry, data, name, directory, self._metadata, report, fresh=fresh
                )
            except FileExistsError:
                if not self._replace:
                    raise
        descriptor = self._made(lambda temporary: _opened(temporary, directory))
        made = None
        with self._discarded(directory):
            try:
                if level.gives_acls:
                    strip_inherited(descriptor)
                written = write_file(descriptor, entry, self._content, self._large)
                self._metadata.apply(descriptor, entry, report, fresh=not level.gives_owner)
                if entry.links > 1:
                    made = identity(os.fstat(descriptor))
            finally:
                os.close(descriptor)
            publish(self._temporary.name, name, directory, replace=self._replace)
        return Made(written, made)

    def special(self, entry: Entry, name: bytes, level: Level, report: Report) -> Made:
        """A symlink, FIFO, socket or device.  Raises DamageError, OSError."""
        directory = level.descriptor
        self._made(lambda temporary: _make_special(entry, temporary, directory))
        with self._discarded(directory):
            temporary = self._temporary.name
            handle = os.open(temporary, _HANDLE_FLAGS, dir_fd=directory)
            try:
                status = os.fstat(handle)
                # A further name of a file elsewhere may have been put there meanwhile.
                if stat.S_IFMT(status.st_mode) != _TYPES[EntryKind(entry.kind)] or (
                    status.st_nlink != 1
                ):
                    raise DamageError("something else was put in its place while it was made")
                self._metadata.apply_node(handle, entry, report)
            finally:
                os.close(handle)
            publish(temporary, name, directory, replace=self._replace)
        return Made(0, identity(status))

    def link(
        self, first: bytes, expected: tuple[int, int], root: int, name: bytes, level: Level
    ) -> None:
        """A further name of the file restored as `first` below `root`.  Raises DamageError when
        something else stands there now, OSError."""
        directory = level.descriptor
        parent, _, first_name = first.rpartition(b"/")
        source = _descend(root, parent)
        try:
            self._made(
                lambda temporary: os.link(
                    first_name, temporary, src_dir_fd=source, dst_dir_fd=directory,
                    follow_symlinks=False,
                )
            )  # fmt: skip
        finally:
            os.close(source)
        with self._discarded(directory):
            temporary = self._temporary.name
            if identity(os.stat(temporary, dir_fd=directory, follow_symlinks=False)) != expected:
                raise DamageError("its first name was changed while the tree was restored")
            publish(temporary, name, directory, replace=self._replace)
        # Renaming one name of a file over another of the same file does nothing at all.
        if self._replace:
            discard(temporary, directory)

    def _made(self, make: Callable[[bytes], T]) -> T:
        try:
            return make(self._temporary.name)
        except FileExistsError:
            return make(self._temporary.renew())

    @contextmanager
    def _discarded(self, directory: int) -> Iterator[None]:
        """Removes the temporary name when what follows does not end with a published one."""
        try:
            yield
        except BaseException:
            discard(self._temporary.name, directory)
            raise


def make_at_once(
    entry: Entry, data: memoryview, name: bytes, directory: int, metadata: MetadataWriter,
    report: Report, *, fresh: bool,
) -> Made:  # fmt: skip
    """A file with this checked content under its own name, where nobody else can see it before it
    is finished.  fresh: see MetadataWriter.  Raises FileExistsError, OSError, and what `report`
    does; nothing of it remains then."""
    born = metadata.birth_mode(entry)
    descriptor = os.open(name, _FILE_FLAGS, born, dir_fd=directory)
    try:
        write_all(descriptor, data)
        metadata.apply(descriptor, entry, report, fresh=fresh, born=born)
        made = identity(os.fstat(descriptor)) if entry.links > 1 else None
    except BaseException:
        discard(name, directory)
        raise
    finally:
        os.close(descriptor)
    return Made(len(data), made)


def _opened(name: bytes, directory: int) -> int:
    return os.open(name, _FILE_FLAGS, 0o600, dir_fd=directory)


def _make_special(entry: Entry, name: bytes, directory: int) -> None:
    kind = entry.kind
    if kind == EntryKind.SYMLINK:
        if not entry.target or b"\0" in entry.target:
            raise DamageError("the link has no target")
        os.symlink(entry.target, name, dir_fd=directory)
    elif kind == EntryKind.FIFO:
        os.mkfifo(name, 0o600, dir_fd=directory)
    elif kind in _TYPES:
        os.mknod(name, _TYPES[EntryKind(kind)] | 0o600, entry.rdev, dir_fd=directory)
    else:
        raise DamageError(f"it is of kind {kind}, which this version does not know")


def _descend(root: int, path: bytes) -> int:
    """A descriptor of a directory below `root`, one name at a time."""
    descriptor = os.dup(root)
    for name in path.split(b"/") if path else ():
        try:
            below = os.open(name, DIRECTORY_FLAGS, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor
