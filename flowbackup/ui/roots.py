"""Paths that the browser names: they lead below one of the roots, or are refused.

What is looked at is where a path leads in the end, so that no link leads out.  Who can change links
inside a root is a user of this machine, not the browser.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from flowbackup.errors import UsageError
from flowbackup.ui.refusal import Refused

PATH_BYTES_MAX = 4096


class Roots:
    """folders: absolute, in the order in which they were given.  Raises UsageError for one that is
    none."""

    def __init__(self, folders: Sequence[Path]) -> None:
        for folder in folders:
            if not folder.is_dir():
                raise UsageError(f"{folder} is no folder", remedy="name one with --root")
        self.folders = tuple(Path(os.path.realpath(folder)) for folder in folders)
        self._given = tuple(Path(os.path.abspath(folder)) for folder in folders)

    def resolve(self, named: str) -> Path:
        """Where a path really leads; it need not exist.  A relative one begins at the first root.
        Raises Refused."""
        if not named or "\0" in named or len(os.fsencode(named)) > PATH_BYTES_MAX:
            raise Refused(400, "usage", "this is no path", "name a file or a folder")
        parts = Path(named).parts
        if ".." in parts:
            raise self._outside(named)
        path = Path(os.path.realpath(self.folders[0] / named))
        if not self._holds(path):
            raise self._outside(named)
        return path

    def holds(self, path: str) -> bool:
        """Does an absolute path lead below a root?"""
        return self._holds(Path(os.path.realpath(path)))

    def _holds(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self.folders)

    def _outside(self, named: str) -> Refused:
        folders = ", ".join(map(str, self._given))
        return Refused(
            403, "outside", f"{named} is not in a folder that this page may use: {folders}",
            "start flowbackup ui with --root FOLDER",
        )  # fmt: skip
