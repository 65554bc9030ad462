"""How much there is to read: names and sizes only, for the progress of a session."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from flowbackup.model.entry import EntryKind
from flowbackup.model.source_rules import EVERYTHING, SourceRules
from flowbackup.monitor import Problem
from flowbackup.source.metadata import HardLinks
from flowbackup.source.selection import Selection
from flowbackup.source.walk import open_root, walk


class ScanTotal(NamedTuple):
    """Regular files (names), and their size in bytes, each inode counted once."""

    files: int
    size_bytes: int


def scan(
    path: bytes, stopped: Callable[[], bool] = lambda: False, rules: SourceRules = EVERYTHING
) -> ScanTotal | None:
    """Counts what `read_object` will count as files and bytes_source; None when `stopped` said so.

    What cannot be looked at is left out: the reader reports it.  Raises SourceError.
    """
    root = open_root(path)
    try:
        status = os.fstat(root)
        if stat.S_ISREG(status.st_mode):
            return ScanTotal(1, status.st_size)
        return _count(root, stopped, Selection(rules, time.time_ns(), _ignore))
    finally:
        os.close(root)


def _count(
    root: int, stopped: Callable[[], bool], selection: Selection
) -> ScanTotal | None:  # fmt: skip
    files = size_bytes = 0
    links = HardLinks()
    names = walk(root, _ignore, selection.chosen)
    with closing(names):
        for found in names:
            if stopped():
                return None
            if found.kind is not EntryKind.FILE:
                continue
            try:
                status = os.stat(found.name, dir_fd=found.parent, follow_symlinks=False)
            except OSError:
                continue
            if selection.beyond_limits(status):
                continue
            files += 1
            if links.first(status) is None:
                links.add(found.path, status)
                size_bytes += status.st_size
    return ScanTotal(files, size_bytes)


def _ignore(problem: Problem) -> None:
    """The reader will meet it again and report it."""
