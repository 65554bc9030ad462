"""Where the sockets of running sessions are: a directory of the user's own, a name that says whose.

A socket is stale when the process that made it is dead: its name tells boot, pid and start time.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from flowbackup.errors import FlowbackupError
from flowbackup.model.ids import id_text
from flowbackup.process import ProcessIdentity, identify

SUFFIX = ".sock"
BOOT_CHARACTERS = 8


def control_directory() -> Path:
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


def socket_name(session: bytes) -> str:
    """Of a session of this process."""
    here = identify()
    parts = (id_text(session), here.boot[:BOOT_CHARACTERS], str(here.pid), str(here.start_ticks))
    return ".".join(parts) + SUFFIX


def remove_stale(directory: Path) -> None:
    """What killed sessions of this machine left behind."""
    for path in directory.glob(f"*{SUFFIX}"):
        if _is_stale(path.name.removesuffix(SUFFIX).split(".")[1:]):
            path.unlink(missing_ok=True)


def _is_stale(parts: list[str]) -> bool:
    if len(parts) != 3 or not (parts[1].isdigit() and parts[2].lstrip("-").isdigit()):
        return False
    boot, pid, ticks = parts
    here = identify()
    if boot != here.boot[:BOOT_CHARACTERS]:
        return True
    return ProcessIdentity(here.host, here.boot, int(pid), int(ticks)).is_dead()


def _base() -> Path:
    named = os.environ.get("XDG_RUNTIME_DIR")
    usual = Path(f"/run/user/{os.geteuid()}")
    if named and os.path.isdir(named):
        return Path(named) / "flowbackup"
    return usual / "flowbackup" if usual.is_dir() else Path(f"/tmp/flowbackup-{os.geteuid()}")
