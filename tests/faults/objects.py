"""Thirty small data objects as the source reader makes them: frames that can be restored."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import FrameId
from flowbackup.monitor import RecordingMonitor
from flowbackup.plan.decided import slot_bytes
from flowbackup.source.port import OpenSlot
from flowbackup.source.reader import read_object
from flowbackup.source.task import ObjectTask
from flowbackup.testing.frames import SampleFrame, sample_id

OBJECTS = 30
FILES = 4
"""A chunk each, in two data frames; with manifest and record an object has four frames."""
FRAME_BYTES = 4096
SLOT_BYTES = slot_bytes(FRAME_BYTES)
STREAM = 1
CLIENT = "c"


@dataclass
class _Sink:
    """A FrameSink and PageSink that keeps what it is sent."""

    session: bytes
    frames: list[SampleFrame] = field(default_factory=list)

    def borrow(self) -> OpenSlot:
        name = FrameId(self.session, STREAM, len(self.frames))
        return OpenSlot(name, memoryview(bytearray(SLOT_BYTES)), 0)

    def send(self, slot: OpenSlot, header: FrameHeader) -> None:
        self.frames.append(SampleFrame(header, slot.memory[: header.payload_bytes]))

    def give_back(self, slot: OpenSlot) -> None:
        pass

    def page(self, digest: bytes, data: bytes) -> None:
        pass

    def root(self, digest: bytes, data: bytes) -> None:
        pass


def object_name(session: int, number: int) -> str:
    return f"object {number} of session {session}"


def make_objects(source: Path, session: int, objects: int) -> list[SampleFrame]:
    """Makes trees below `source` and reads them; the frames in their order."""
    random = Random(session)
    sink = _Sink(sample_id(session))
    for number in range(objects):
        tree = source / object_name(session, number)
        tree.mkdir(parents=True)
        for name in range(FILES):
            (tree / f"file{name}").write_bytes(random.randbytes(random.randint(1000, 1900)))
        task = ObjectTask(
            session=sink.session, object_id=sample_id(1000 * session + number), client=CLIENT,
            name=tree.name, path=os.fsencode(tree), frame_bytes=FRAME_BYTES, started_ns=0,
            clock=lambda: 1,
        )  # fmt: skip
        read_object(task, sink, sink, RecordingMonitor())
    return sink.frames
