"""What a session in one process writes into: slabs without files, and devices that never fail."""

from __future__ import annotations

from mmap import mmap
from pathlib import Path

from flowbackup.media.calls import SystemCalls
from flowbackup.model.frame import FrameDescriptor
from flowbackup.runtime.edges.wiring import SlabSettings


class QuietCalls(SystemCalls):
    """Nobody cuts the power here, and there is room."""

    def fallocate(self, fd: int, offset: int, size_bytes: int) -> None:
        pass

    def fsync(self, fd: int) -> None:
        pass

    def fdatasync(self, fd: int) -> None:
        pass

    def sync_directory(self, place: str | int) -> None:
        pass


class Memory:
    """A slab without a file."""

    def __init__(self, settings: SlabSettings) -> None:
        self.path = Path(settings.path)
        self.slots = settings.slots
        self._slots = [memoryview(mmap(-1, settings.slot_bytes)) for _ in range(settings.slots)]

    def slot(self, number: int) -> memoryview:
        return self._slots[number]

    def payload(self, number: int, size_bytes: int) -> memoryview:
        return self._slots[number][:size_bytes]


class Memories:
    """All slabs of a session, by the names of their files."""

    def __init__(self) -> None:
        self._memories: dict[str, Memory] = {}

    def of(self, settings: SlabSettings) -> Memory:
        name = Path(settings.path).name
        if name not in self._memories:
            self._memories[name] = Memory(settings)
        return self._memories[name]

    def named(self, name: str) -> Memory:
        return self._memories[name]

    def payload(self, frame: FrameDescriptor) -> memoryview:
        return self.named(frame.slab).payload(frame.slot, frame.header.payload_bytes)

    def add(self, path: Path, slab: object) -> None:
        """A media agent maps what is here already."""

    def remove(self) -> None:
        """Memory goes with the world."""
