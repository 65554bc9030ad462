"""A slab: the slots of a chain on one node, as a file in shared memory.

Reserved at once (a full /dev/shm is an error at the start, never a SIGBUS in the middle), mapped
populated (memory touched for the first time is the slowest thing there is), used again and again,
and removed when its session ends; what a killed session left behind, the next one removes.

Where all actors of a session are in one process nobody else needs to see the slots: they are plain
memory then (PrivateMemory), which is touched when it is filled, and cannot stay behind.

Layout: one page of JSON saying whose it is, then `slots` times `slot_bytes`.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from flowbackup.errors import MemoryBudgetError, PeerLostError
from flowbackup.media.segments.memory import io_memory
from flowbackup.plan.decided import SLAB_HEADER_BYTES
from flowbackup.process import ProcessIdentity
from flowbackup.units import format_size

SHARED_MEMORY = Path("/dev/shm")
PREFIX = "flowbackup-"


@dataclass(frozen=True, slots=True)
class SlabStatistics:
    name: str
    slots: int
    slot_bytes: int
    size_bytes: int


class Slab:
    """Mapped memory of one slab.  Views into it must be released before `close`."""

    def __init__(self, path: Path, slots: int, slot_bytes: int, mapping: mmap.mmap) -> None:
        self.path = path
        self.slots = slots
        self.slot_bytes = slot_bytes
        self._mapping = mapping
        self._memory = memoryview(mapping)

    def slot(self, number: int) -> memoryview:
        """The memory of one slot, page-aligned, writable.  Raises IndexError."""
        if not 0 <= number < self.slots:
            raise IndexError(f"slot {number} of {self.slots}")
        begin = SLAB_HEADER_BYTES + number * self.slot_bytes
        return self._memory[begin : begin + self.slot_bytes]

    def payload(self, number: int, size_bytes: int) -> memoryview:
        """The first bytes of a slot.  Raises IndexError if they are more than a slot has."""
        if size_bytes > self.slot_bytes:
            raise IndexError(f"{size_bytes} bytes in a slot of {self.slot_bytes}")
        return self.slot(number)[:size_bytes]

    def statistics(self) -> SlabStatistics:
        size_bytes = SLAB_HEADER_BYTES + self.slots * self.slot_bytes
        return SlabStatistics(self.path.name, self.slots, self.slot_bytes, size_bytes)

    def close(self) -> None:
        """Unmaps; memory that somebody still looks at is unmapped when he lets go of it."""
        try:
            self._memory.release()
            self._mapping.close()
        except BufferError:
            return

    def remove(self) -> None:
        """Takes the file away; mappings live on until they are closed."""
        self.path.unlink(missing_ok=True)


class PrivateMemory:
    """The slabs of a session whose actors are all in this process.  Of any thread."""

    def __init__(self) -> None:
        self._slabs: dict[Path, tuple[int, int, mmap.mmap]] = {}

    def create(self, path: Path, slots: int, slot_bytes: int) -> Slab:
        """path: a name; there is no such file."""
        mapping = io_memory(SLAB_HEADER_BYTES + slots * slot_bytes)
        self._slabs[path] = slots, slot_bytes, mapping
        return Slab(path, slots, slot_bytes, mapping)

    def open(self, path: Path) -> Slab:
        """Raises PeerLostError for one that was not made."""
        if path not in self._slabs:
            raise _gone(path)
        return Slab(path, *self._slabs[path])


class Slabs:
    """The slabs of this node that a process looks into, each mapped when a frame first lies there:
    what several restore agents have read lies in the memory of each."""

    def __init__(self, memory: PrivateMemory | None = None) -> None:
        """memory: where they are, if not in shared memory."""
        self._slabs: dict[str, Slab] = {}
        self._memory = memory

    def add(self, path: Path, slab: Slab) -> None:
        """One that is mapped already."""
        self._slabs[path.name] = slab

    def named(self, name: str) -> Slab:
        """Raises PeerLostError if it is gone."""
        if name not in self._slabs:
            self._slabs[name] = open_slab(SHARED_MEMORY / name, self._memory)
        return self._slabs[name]

    def remove(self) -> None:
        """Lets go of all of them, and takes their files away."""
        while self._slabs:
            _, slab = self._slabs.popitem()
            slab.remove()
            slab.close()


def slab_path(session_text: str, name: str) -> Path:
    """Where the slab of this name of a session lies, on whichever node."""
    plain = "".join(c if c.isalnum() else "-" for c in name)
    return SHARED_MEMORY / f"{PREFIX}{session_text}-{plain}"


def create_slab(
    path: Path, slots: int, slot_bytes: int, owner: ProcessIdentity,
    memory: PrivateMemory | None = None,
) -> Slab:  # fmt: skip
    """Reserves and maps a new slab that belongs to `owner`, the session's process.  memory: where
    it is, if not in shared memory.  Raises MemoryBudgetError when that cannot hold it."""
    if memory is not None:
        return memory.create(path, slots, slot_bytes)
    size_bytes = SLAB_HEADER_BYTES + slots * slot_bytes
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, 0o600)
    try:
        os.posix_fallocate(fd, 0, size_bytes)
        head = {"owner": owner.as_dict(), "slots": slots, "slot_bytes": slot_bytes}
        os.pwrite(fd, json.dumps(head).encode(), 0)
        return Slab(path, slots, slot_bytes, _map(fd, size_bytes))
    except OSError as error:
        path.unlink(missing_ok=True)
        raise MemoryBudgetError(
            f"{path.parent} cannot hold the buffers: {format_size(size_bytes)} wanted, "
            f"{format_size(free_shared_memory())} free ({error.strerror})",
            remedy="lower `buffers` or `frame_size` in the graph, or give the host (or container) "
            "more shared memory",
        ) from error
    finally:
        os.close(fd)


def open_slab(path: Path, memory: PrivateMemory | None = None) -> Slab:
    """Maps a slab that another actor of this node made.  memory: where it is, if not in shared
    memory.  Raises PeerLostError if it is gone."""
    if memory is not None:
        return memory.open(path)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError as error:
        raise _gone(path) from error
    try:
        head = _read_head(fd)
        slots, slot_bytes = int(str(head["slots"])), int(str(head["slot_bytes"]))
        mapping = _map(fd, SLAB_HEADER_BYTES + slots * slot_bytes)
    finally:
        os.close(fd)
    return Slab(path, slots, slot_bytes, mapping)


def stale_slabs() -> Iterator[Path]:
    """Slabs on this node whose session's process is known to be dead."""
    for path in SHARED_MEMORY.glob(f"{PREFIX}*"):
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            owner = _read_head(fd)["owner"]
            if isinstance(owner, dict) and ProcessIdentity(**owner).is_dead():
                yield path
        except (OSError, ValueError, TypeError, KeyError):
            # Half-made by a process that is still at work, or not ours: leave it.
            continue
        finally:
            os.close(fd)


def remove_stale_slabs() -> list[Path]:
    """Removes what dead sessions left on this node; returns what was removed."""
    removed = list(stale_slabs())
    for path in removed:
        path.unlink(missing_ok=True)
    return removed


def free_shared_memory() -> int:
    """Bytes free in the file system of shared memory."""
    status = os.statvfs(SHARED_MEMORY)
    return status.f_bavail * status.f_frsize


def _gone(path: Path) -> PeerLostError:
    return PeerLostError(f"the memory {path} of this session is gone")


def _map(fd: int, size_bytes: int) -> mmap.mmap:
    return mmap.mmap(fd, size_bytes, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)


def _read_head(fd: int) -> dict[str, object]:
    value = json.loads(os.pread(fd, SLAB_HEADER_BYTES, 0).rstrip(b"\0"))
    if not isinstance(value, dict):
        raise ValueError("no slab header")
    return value
