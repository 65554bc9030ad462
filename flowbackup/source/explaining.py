"""Which rule decided about one path: the same questions as on a walk, asked on the way to it."""

from __future__ import annotations

import os
import stat
from contextlib import closing

from flowbackup.errors import NotFoundError
from flowbackup.model.source_rules import SourceRules
from flowbackup.monitor import Problem
from flowbackup.source.selection import Decision, Selection
from flowbackup.source.walk import MARK_BYTES, MARK_OF_DIRECTORIES, Found, open_root, walk


def explain(root: bytes, path: bytes, rules: SourceRules, now_ns: int) -> Decision:
    """Whether `path` below the tree `root` would be backed up now, and what decides: about itself
    or a directory above it.  Raises SourceError, NotFoundError for what is not there."""
    descriptor = open_root(root)
    try:
        if not path or not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            return Decision(True, "it is the object itself")
        return _Way(path, rules, now_ns).decision(descriptor)
    finally:
        os.close(descriptor)


class _Way:
    """From a root to one path: a walk that goes nowhere else."""

    def __init__(self, path: bytes, rules: SourceRules, now_ns: int) -> None:
        self._path = path
        self._selection = Selection(rules, now_ns, _ignore)
        self._decision = Decision(True)

    def decision(self, root: int) -> Decision:
        names = walk(root, _ignore, self._towards)
        with closing(names):
            for found in names:
                if found.error is not None:
                    raise NotFoundError(
                        f"{os.fsdecode(found.path)} cannot be looked into: {found.error.strerror}"
                    )
                if found.path == self._path:
                    return self._of_itself(found)
        if self._decision.is_kept:
            raise NotFoundError(
                f"{os.fsdecode(self._path)} is not there, below the root of the object",
                remedy="name what exists: some rules look at what a path is",
            )
        return self._decision

    def _towards(self, path: bytes, directory: int, names: list[bytes]) -> list[bytes]:
        """The next name on the way, if it is there and meant."""
        closed = self._selection.closed(path, directory, names)
        meant = self._selection.chosen(path, directory, names)
        below = self._path[len(path) + 1 :] if path else self._path
        name = below.split(b"/", 1)[0]
        there = [marked for marked in names if marked[:-MARK_BYTES] == name]
        if not there:
            return []
        whole = path + b"/" + name if path else name
        self._decision = self._selection.decision(
            whole, is_directory=there[0].endswith(MARK_OF_DIRECTORIES)
        )
        if closed and there[0] not in meant:
            self._decision = Decision(False, f"{closed} ({os.fsdecode(path)})")
        return [marked for marked in there if marked in meant]

    def _of_itself(self, found: Found) -> Decision:
        status = os.stat(found.name, dir_fd=found.parent, follow_symlinks=False)
        beyond = self._selection.beyond_limits(status) if stat.S_ISREG(status.st_mode) else ""
        return Decision(False, beyond) if beyond else self._decision


def _ignore(problem: Problem) -> None:
    """A backup reports it."""
