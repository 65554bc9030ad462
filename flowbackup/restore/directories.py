"""The way from the target down to where the restore is, by descriptors.

One name at a time and no link is followed, so nothing outside the target can be reached; at most
OPEN_LEVELS directories are open, so a tree may be deeper than the limit of open files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from flowbackup.errors import RestoreError
from flowbackup.model.entry import Entry
from flowbackup.restore.metadata import gives_acls, gives_owner, strip_inherited
from flowbackup.units import format_path

OPEN_LEVELS = 64
"""Open directories above the current one; a return to a closed one costs one openat("..")."""

DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True, eq=False)
class Level:
    """A directory on the way.  descriptor: -1 while closed, or in a dry run where it does not
    exist.  created: made by this restore.  private: created, and still closed to everybody else.
    entry: whose metadata it gets when it is left, or None.  gives_acls, gives_owner: it hands those
    to what is made in it.  under_way: files that somebody else is making in it."""

    prefix: bytes
    entry: Entry | None
    descriptor: int
    identity: tuple[int, int]
    created: bool
    private: bool = False
    gives_acls: bool = False
    gives_owner: bool = False
    under_way: int = 0


class Way:
    """A stack of directories; the last one is where names are made now.  One in which files are
    under way stays open behind it, and is left when they have arrived."""

    def __init__(self, root: Level, leave: Callable[[Level], None]) -> None:
        self._levels = [root]
        self._late: set[Level] = set()
        self._leave = leave

    @property
    def here(self) -> Level:
        return self._levels[-1]

    @property
    def is_deep(self) -> bool:
        """The next directory to enter costs the descriptor of one further up, in which no file may
        be under way."""
        return len(self._levels) > OPEN_LEVELS

    def go_to(self, parent: bytes) -> bool:
        """Leaves directories until `parent` (with a slash at its end, b"" for the target) is here.
        False if it is not on the way: it was not restored as a directory."""
        while not parent.startswith(self.here.prefix):
            self._pop()
        return self.here.prefix == parent

    def enter(self, level: Level) -> None:
        """Goes down into a directory of this one."""
        self._levels.append(level)
        if len(self._levels) > OPEN_LEVELS + 1:
            _shut(self._levels[-OPEN_LEVELS - 1])

    def arrived(self, level: Level) -> None:
        """One file less is under way in it."""
        level.under_way -= 1
        if not level.under_way and level in self._late:
            self._late.remove(level)
            self._left(level)

    def finish(self) -> None:
        """Leaves all, the target last.  No file may be under way."""
        while len(self._levels) > 1:
            self._pop()
        self._leave(self._levels[0])

    def close(self) -> None:
        """Closes everything without giving metadata; safe to repeat."""
        for level in (*self._levels, *self._late):
            _shut(level)

    def _pop(self) -> None:
        level = self._levels.pop()
        try:
            if self.here.descriptor < 0 <= level.descriptor:
                self._reopen(level.descriptor)
        except BaseException:
            _shut(level)
            raise
        if level.under_way:
            self._late.add(level)
        else:
            self._left(level)

    def _left(self, level: Level) -> None:
        try:
            self._leave(level)
        finally:
            _shut(level)

    def _reopen(self, child: int) -> None:
        """A parent that is another directory now was moved: going on would write elsewhere."""
        opened = os.open(b"..", DIRECTORY_FLAGS, dir_fd=child)
        if identity(os.fstat(opened)) != self.here.identity:
            os.close(opened)
            shown = format_path(self.here.prefix)
            raise RestoreError(
                f"directory {shown} was moved while it was restored",
                remedy="restore again into a place that nobody else changes",
            )
        self.here.descriptor = opened


def opened_level(
    name: bytes, parent: int, prefix: bytes, entry: Entry | None, *, created: bool, strip: bool
) -> Level:
    """A directory of `parent`, opened without following a link.  strip: takes away ACLs that it
    inherited.  Raises OSError."""
    descriptor = os.open(name, DIRECTORY_FLAGS, dir_fd=parent)
    try:
        return level_of(descriptor, prefix, entry, created=created, strip=strip)
    except BaseException:
        os.close(descriptor)
        raise


def level_of(
    descriptor: int, prefix: bytes, entry: Entry | None, *, created: bool, strip: bool
) -> Level:
    """The level of an open directory."""
    if strip:
        strip_inherited(descriptor)
    status = os.fstat(descriptor)
    acls = not created and gives_acls(descriptor)
    owner = gives_owner(status, created=created)
    # Whoever may write to its parent may have put another one in its place.
    private = created and status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return Level(prefix, entry, descriptor, identity(status), created, private, acls, owner)


def identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _shut(level: Level) -> None:
    if level.descriptor >= 0:
        os.close(level.descriptor)
        level.descriptor = -1
