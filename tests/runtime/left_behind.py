"""What a session may not leave behind: processes, locks, memory, names that were meant to go."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup.media.locks.door import DeviceDoor
from flowbackup.media.open import open_device
from flowbackup.model.device import DeviceTarget
from flowbackup.process import descendants
from flowbackup.runtime.edges.slab import PREFIX, SHARED_MEMORY

ACTORS = (b"MediaAgent", b"Buffer", b"Client", b"Reader", b"Doorkeeper")


def wait_for(happened: Callable[[], bool], seconds_max: float = 150) -> None:
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        if happened():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen in time")


def tell(group: subprocess.Popen[bytes], *numbers: int) -> None:
    """Signals to a group of processes, one after the other: two of one kind that its leader has
    not heard yet are one."""
    status = Path(f"/proc/{group.pid}/status")
    for number in numbers:
        os.killpg(group.pid, number)
        wait_for(lambda: "ShdPnd:\t0000000000000000" in status.read_text())


def is_noted(note: Path) -> bool:
    """Has a command written the line into it that it begins with?"""
    return note.exists() and note.read_text().endswith("\n")


def members(group: int) -> list[str]:
    """Processes of a group that have not ended."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            found.append(stat.parent.name)
    return found


def actors_of(pid: int) -> list[bytes]:
    """The actors of a process, by their titles."""
    titles = []
    for child in descendants(pid):
        try:
            title = Path(f"/proc/{child}/cmdline").read_bytes().strip(b"\0")
        except OSError:
            continue
        if title.startswith(b"ray::") and any(name in title for name in ACTORS):
            titles.append(title)
    return titles


def slabs(name: str) -> list[Path]:
    """Memory of agents with this word in their names."""
    return list(SHARED_MEMORY.glob(f"{PREFIX}*{name}*"))


def is_free(device: Path) -> bool:
    """Nobody writes to it, and nobody stands in its queue."""
    target = DeviceTarget(device.name, "directory", str(device))
    view = DeviceDoor(open_device(target), "a test").look()
    return not view.holder and not view.standing


def hidden_names(folder: Path) -> list[Path]:
    """Unfinished files have names that begin with a dot."""
    return [path for path in folder.rglob(".*") if path.name != ".lock"]
