"""Which process is meant, even after its number was given to another one.

A process is named by boot id, pid and start time: pids come again, and so do machines.
"""

from __future__ import annotations

import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """start_ticks: field 22 of /proc/PID/stat (clock ticks since boot)."""

    host: str
    boot: str
    pid: int
    start_ticks: int

    def is_dead(self) -> bool:
        """True only where this machine can know it: same boot, and no such process any more; or
        the machine has been booted since."""
        if self.host != socket.gethostname():
            return False
        if self.boot != _boot_id():
            return True
        return _start_ticks(self.pid) != self.start_ticks

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)


def identify(pid: int | None = None) -> ProcessIdentity:
    """The identity of a process of this machine; by default of this one."""
    number = os.getpid() if pid is None else pid
    return ProcessIdentity(socket.gethostname(), _boot_id(), number, _start_ticks(number))


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_ticks(pid: int) -> int:
    """-1 for a process that is not there, or is dead and only not yet waited for."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return -1
    # The command name in parentheses may hold anything, so count fields behind its end.
    fields = stat.rpartition(")")[2].split()
    return -1 if fields[0] in "ZX" else int(fields[19])
