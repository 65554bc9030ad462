"""The lock of a medium: one writer at a time, and a name for who it is.

flock holds it, so it ends with its process, however that ends; the text in the file is only for
the message to those who must wait.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket

from flowbackup.errors import DeviceLockedError
from flowbackup.media.failure import device_error


class MediumLock:
    """An exclusive lock on the file at `path`, from construction to `close`."""

    def __init__(self, path: str, device: str, holder: str) -> None:
        """Raises DeviceLockedError naming the present holder, DeviceError."""
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise device_error(device, f"opening the lock {path}", error) from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, _holder_json(holder), 0)
        except BlockingIOError:
            present = _describe(os.pread(self._fd, 4096, 0))
            self.close()
            raise DeviceLockedError(
                f'device "{device}" is in use by {present}',
                remedy="wait until it has finished, or end it",
                device=device,
                holder=present,
            ) from None
        except OSError as error:
            self.close()
            raise device_error(device, f"locking {path}", error) from error

    def close(self) -> None:
        """Gives the lock back; safe to repeat."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        os.close(fd)


def present_holder(path: str) -> str:
    """Who holds the lock at `path`, "" for nobody; looks only and locks nothing, so that nobody who
    wants the lock at this moment is refused.  A holder on another machine is not seen."""
    try:
        with open(path, "rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            data = file.read(4096)
        with open("/proc/locks") as locks:
            fields = [line.split() for line in locks]
    except OSError:
        return ""
    # "1: FLOCK ADVISORY WRITE 1234 08:01:131075 0 EOF": process, device and inode.
    writers = {f[4] for f in fields if f[1] == "FLOCK" and f[5].rpartition(":")[2] == str(inode)}
    try:
        pid = str(int(json.loads(data)["pid"]))
    except (KeyError, TypeError, ValueError, RecursionError):
        return ""
    return _describe(data) if pid in writers else ""


def process_start(pid: int) -> int:
    """Clock ticks from boot to the start of a process, so that a reused pid shows; 0 if unknown."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def boot_id() -> str:
    """Names this run of the machine; "" where the system does not tell."""
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""


def _holder_json(text: str) -> bytes:
    pid = os.getpid()
    holder = {
        "holder": text,
        "host": socket.gethostname(),
        "pid": pid,
        "process_start": process_start(pid),
        "boot_id": boot_id(),
    }
    return json.dumps(holder).encode() + b"\n"


def _describe(data: bytes) -> str:
    try:
        value = json.loads(data)
        return f"{value['holder']} (process {int(value['pid'])} on {value['host']})"
    except (KeyError, TypeError, ValueError, RecursionError):
        return "a holder that has not yet written its name"
