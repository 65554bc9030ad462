"""What the sockets of running sessions are called: the name says whose each is.

A socket is stale when the process that made it is dead: its name tells boot, pid and start time.
"""

from __future__ import annotations

from pathlib import Path

from flowbackup.model.ids import id_text
from flowbackup.process import ProcessIdentity, identify

SUFFIX = ".sock"
BOOT_CHARACTERS = 8


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
