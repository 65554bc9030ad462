"""Which process is meant, even after its number was given to another one.

A process is named by boot id, pid and start time: pids come again, and so do machines.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

END_SECONDS_MAX = 5.0
"""A killed process is gone in milliseconds, unless it is deep in a call to its device."""


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
        now = _start_ticks(self.pid)
        return now < 0 or now != self.start_ticks

    def is_alive(self) -> bool:
        """True only where this machine can know it.  Of a process of another machine neither this
        nor `is_dead` is true."""
        return self.host == socket.gethostname() and not self.is_dead()

    @classmethod
    def from_dict(cls, value: Mapping[str, object]) -> Self:
        """What `as_dict` gave.  Raises KeyError, TypeError, ValueError for anything else."""
        pid, ticks = value["pid"], value["start_ticks"]
        if type(pid) is not int or type(ticks) is not int:
            raise ValueError("pid and start_ticks are whole numbers")
        return cls(str(value["host"]), str(value["boot"]), pid, ticks)

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)


def identify(pid: int | None = None) -> ProcessIdentity:
    """The identity of a process of this machine; by default of this one."""
    number = os.getpid() if pid is None else pid
    return ProcessIdentity(socket.gethostname(), _boot_id(), number, _start_ticks(number))


def is_pending(process: ProcessIdentity, number: int) -> bool:
    """A signal was sent to a process of this machine that it was not given yet, as one that is
    stopped or waits for a device: another one of the number would be lost.  Linux, proc(5)."""
    try:
        with open(f"/proc/{process.pid}/status", encoding="utf-8", errors="replace") as status:
            fields = dict(line.split(":", 1) for line in status if ":" in line)
        return bool(int(fields["ShdPnd"], 16) >> number - 1 & 1)
    except (OSError, KeyError, ValueError):
        return False


def end_process(
    process: ProcessIdentity, seconds_max: float, number: int = signal.SIGKILL
) -> bool:  # fmt: skip
    """Kills a process of this machine, be it stopped or not, and waits until it is gone.  False
    when it is not: of another machine or user, deep in a call to a device that never returns, or
    this one.  number: of a signal that asks it first."""
    if process.is_dead():
        return True
    if process.pid == os.getpid() or process.host != socket.gethostname():
        return False
    try:
        fd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        # Once more: from now on the number means the one that was opened.
        if process.is_dead():
            return True
        signal.pidfd_send_signal(fd, number)
        return bool(select.select([fd], [], [], seconds_max)[0])
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    finally:
        os.close(fd)


def descendants(pid: int) -> list[int]:
    """The processes that one has started and these in turn, as far as they have not left it."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:
            # The thread has ended meanwhile.
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def _boot_id() -> str:
    """Names this run of the machine; "" where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _start_ticks(pid: int) -> int:
    """-1 for a process that is not there, or is dead and only not yet waited for."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return -1
    # The command name in parentheses may hold anything, so count fields behind its end.
    fields = stat.rpartition(")")[2].split()
    return -1 if fields[0] in "ZX" else int(fields[19])
