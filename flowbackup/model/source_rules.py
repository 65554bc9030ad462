"""What of a tree is backed up, as it was written."""

from __future__ import annotations

from dataclasses import dataclass

IGNORE_FILE = b".flowbackupignore"


@dataclass(frozen=True, slots=True)
class SourceRules:
    """exclude: lines as in a .gitignore at the root of the tree.  ignore_files: whether the lines
    of IGNORE_FILE in its directories count.  exclude_caches: of a directory with a CACHEDIR.TAG
    only the tag is kept.  one_file_system: of what is mounted in the tree, only the mount points.
    larger_than_bytes, older_than_seconds: files that are left out, by size and by the time since
    they were changed; 0 for no limit."""

    exclude: tuple[str, ...] = ()
    ignore_files: bool = True
    exclude_caches: bool = False
    one_file_system: bool = False
    larger_than_bytes: int = 0
    older_than_seconds: int = 0


EVERYTHING = SourceRules()
"""But for what the ignore files of a tree say."""
