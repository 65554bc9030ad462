"""A source that was read into memory, and frames and entries out of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from flowbackup.errors import DamageError
from flowbackup.frame.page import decode_page, joined
from flowbackup.frame.seal import Content
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.digest import chunk_digest
from flowbackup.model.entry import Entry
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import FrameId, new_id
from flowbackup.monitor import RecordingMonitor
from flowbackup.plan.decided import slot_bytes
from flowbackup.source.port import OpenSlot
from flowbackup.source.reader import read_object
from flowbackup.source.task import ObjectTask
from flowbackup.units import MIB

SESSION = new_id(1, bytes(10))
FRAME_BYTES = 4 * MIB


@dataclass
class Memory:
    """Is a FrameSink, a PageSink and a FrameSource; `damaged` are frames that no copy has."""

    frames: dict[FrameId, bytes] = field(default_factory=dict)
    damaged: set[FrameId] = field(default_factory=set)
    pages: list[bytes] = field(default_factory=list)
    asked: list[FrameId] = field(default_factory=list)

    def borrow(self) -> OpenSlot:
        name = FrameId(SESSION, 0, len(self.frames))
        return OpenSlot(name, memoryview(bytearray(slot_bytes(FRAME_BYTES))), 0)

    def send(self, slot: OpenSlot, header: FrameHeader) -> None:
        self.frames[slot.frame] = bytes(slot.memory[: header.payload_bytes])

    def give_back(self, slot: OpenSlot) -> None:
        pass

    def page(self, digest: bytes, data: bytes) -> None:
        self.pages.append(data)

    def root(self, digest: bytes, data: bytes) -> None:
        pass

    def payload(self, frame: FrameId) -> Content:
        self.asked.append(frame)
        if frame in self.damaged:
            raise DamageError(f"frame {frame} is damaged on every copy")
        return Content(memoryview(self.frames[frame]))

    def entries(self) -> Iterator[Entry]:
        return joined(entry for page in self.pages for entry in decode_page(page))

    def put(self, *contents: bytes) -> tuple[ChunkRef, ...]:
        """Contents as the chunks of one more frame."""
        name = FrameId(SESSION, 0, len(self.frames))
        refs, place = [], 0
        for content in contents:
            refs.append(ChunkRef(chunk_digest(content), len(content), name, place))
            place += len(content)
        self.frames[name] = b"".join(contents)
        return tuple(refs)


def read(place: str) -> tuple[Memory, RecordingMonitor]:
    """Everything of a tree or file."""
    memory, monitor = Memory(), RecordingMonitor()
    task = ObjectTask(SESSION, new_id(2, bytes(10)), "c", "n", place.encode(), FRAME_BYTES, 0)
    read_object(task, memory, memory, monitor)
    return memory, monitor


def first_entry(entries: Iterable[Entry]) -> dict[bytes, Entry]:
    return {entry.path: entry for entry in entries}
