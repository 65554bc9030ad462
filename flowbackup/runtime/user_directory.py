"""The directory of this user for what lives as long as the machine runs: sockets, the warm Ray."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from flowbackup.errors import FlowbackupError


def user_directory() -> Path:
    """Made if it is missing.  Raises FlowbackupError for one that others could have prepared."""
    path = _base()
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    is_private = stat.S_ISDIR(found.st_mode) and not stat.S_IMODE(found.st_mode) & 0o077
    if not is_private or found.st_uid != os.geteuid():
        raise FlowbackupError(
            f"{path} is no directory of this user alone", remedy="remove it, or set XDG_RUNTIME_DIR"
        )
    return path


def _base() -> Path:
    named = os.environ.get("XDG_RUNTIME_DIR")
    usual = Path(f"/run/user/{os.geteuid()}")
    if named and os.path.isdir(named):
        return Path(named) / "flowbackup"
    return usual / "flowbackup" if usual.is_dir() else Path(f"/tmp/flowbackup-{os.geteuid()}")
