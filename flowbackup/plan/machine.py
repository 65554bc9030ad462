"""What this machine has: memory for slabs, and what paths really are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SHARED_MEMORY_PATH = "/dev/shm"


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes that are free now; -1 is unknown."""

    shared_memory_free: int = -1
    memory_available: int = -1


def this_machine() -> Machine:
    """Free shared memory and available memory of the machine of the command."""
    return Machine(_shared_memory_free(), _memory_available())


def _shared_memory_free() -> int:
    try:
        state = os.statvfs(SHARED_MEMORY_PATH)
    except OSError:
        return -1
    return state.f_bavail * state.f_frsize


def _memory_available() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return -1


def file_system_of(path: str) -> int:
    """Number of the file system that holds `path`, or its nearest parent that exists; -1 if it
    cannot be told."""
    while True:
        try:
            return os.stat(path).st_dev
        except OSError:
            parent = os.path.dirname(path)
            if parent == path:
                return -1
            path = parent


def identity_of(path: str) -> tuple[int, int] | None:
    """What a path is, whatever it is called; None if it does not exist or cannot be seen."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return state.st_dev, state.st_ino
