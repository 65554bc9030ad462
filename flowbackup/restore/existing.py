"""What is at a name already, and whether it stays."""

from __future__ import annotations

import os
import stat

from flowbackup.model.entry import Entry, EntryKind
from flowbackup.restore.directories import identity
from flowbackup.restore.metadata import Owners
from flowbackup.restore.settings import Overwrite


class Existing:
    """The rule for names that are taken; follows no link."""

    def __init__(self, overwrite: Overwrite, owners: Owners) -> None:
        self._overwrite = overwrite
        self._owners = owners

    def verdict(self, entry: Entry, name: bytes, directory: int) -> str | None:
        """None: write it.  "": it stays, being equal.  Else it stays, for the reason returned."""
        found = _status(name, directory)
        if found is None:
            return None
        if stat.S_ISDIR(found.st_mode):
            return "it is a directory"
        if self._overwrite is Overwrite.NEVER:
            return "it exists"
        if self._overwrite is Overwrite.CHANGED and self._equal(found, entry):
            return ""
        return None

    def is_directory(self, name: bytes, directory: int) -> bool:
        found = _status(name, directory)
        return found is not None and stat.S_ISDIR(found.st_mode)

    def identity_of(self, name: bytes, directory: int) -> tuple[int, int] | None:
        found = _status(name, directory)
        return None if found is None else identity(found)

    def same_rights(self, found: os.stat_result, entry: Entry) -> bool:
        """Mode and owner are those of the entry."""
        owner = self._owners.user(entry.uid, entry.owner)
        group = self._owners.group(entry.gid, entry.group)
        rights = (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)
        return rights == (entry.mode & 0o7777, owner, group)

    def _equal(self, found: os.stat_result, entry: Entry) -> bool:
        """By what a look shows; further names of a file are made again, which costs nothing."""
        return (
            stat.S_ISREG(found.st_mode)
            and entry.kind == EntryKind.FILE
            and entry.hard_link is None
            and found.st_size == entry.size
            and found.st_mtime_ns == entry.mtime_ns
            and self.same_rights(found, entry)
        )


def _status(name: bytes, directory: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
