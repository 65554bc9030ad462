"""Media with real objects on them: trees read by the package's own reader, written in process to
any number of media at once, as a chain of mirrors would."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flowbackup.frame.cipher import Cipher
from flowbackup.frame.key_ring import NO_KEYS, KeyRing
from flowbackup.frame.keys import WriterKey
from flowbackup.frame.page import decode_page, decode_root, joined
from flowbackup.frame.seal import Content, open_frame
from flowbackup.media.port import FrameWriter, StoredFrame
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.model.record import VersionRecord, load_record
from flowbackup.monitor import RecordingMonitor
from flowbackup.plan.decided import slot_bytes
from flowbackup.restore.content import ContentSource
from flowbackup.restore.settings import RestoreSettings
from flowbackup.restore.tree import restore_tree
from flowbackup.source.port import OpenSlot
from flowbackup.source.reader import read_object
from flowbackup.source.task import ObjectTask
from flowbackup.testing.frames import sample_id
from flowbackup.units import KIB
from tests.media.media_samples import make_device

FRAME_BYTES = 64 * KIB


@dataclass
class Writers:
    """A FrameSink and PageSink that appends each frame to every medium; commits every `group`."""

    writers: Sequence[FrameWriter]
    session: bytes
    frame_bytes: int
    group: int
    sent: int = 0
    ids: list[FrameId] = field(default_factory=list)

    def borrow(self) -> OpenSlot:
        frame = FrameId(self.session, 0, self.sent)
        return OpenSlot(frame, memoryview(bytearray(slot_bytes(self.frame_bytes))), 0)

    def send(self, slot: OpenSlot, header: FrameHeader) -> None:
        self.sent += 1
        self.ids.append(header.frame_id)
        for writer in self.writers:
            writer.append(header, slot.memory[: header.payload_bytes])
            if self.sent % self.group == 0:
                writer.commit()

    def give_back(self, slot: OpenSlot) -> None:
        """The next one has the same number."""

    def page(self, digest: bytes, data: bytes) -> None:
        """No catalog is kept."""

    def root(self, digest: bytes, data: bytes) -> None:
        """No catalog is kept."""


def write_objects(
    media: Sequence[Path],
    objects: Sequence[tuple[str, Path]],
    *,
    session: int = 1,
    seal: bool = True,
    frame_bytes: int = FRAME_BYTES,
    group: int = 3,
    segment_bytes: int = 1 << 30,
    zstd_level: int = 0,
    key: WriterKey | None = None,
) -> list[VersionRecord]:
    """Backs up each (name, tree) to all media in one session; returns what was recorded.  The
    n-th object of a session ends in the n-th nanosecond of the session's second.  seal=False: as a
    session leaves them that was killed after its last commit."""
    devices = [make_device(place, segment_bytes=segment_bytes) for place in media]
    for device in devices:
        device.lock("test")
    writers = [device.writer(sample_id(session), 1) for device in devices]
    sink = Writers(writers, sample_id(session), frame_bytes, group)
    records = []
    cipher = Cipher(key, sample_id(session)) if key is not None else None
    for number, (name, tree) in enumerate(objects, 1):
        task = ObjectTask(
            sample_id(session),
            sample_id(1000 * session + number),
            "client",
            name,
            bytes(tree),
            frame_bytes,
            0,
            clock=lambda number=number: session * 10**9 + number,
            zstd_level=zstd_level,
            cipher=cipher,
        )
        records.append(read_object(task, sink, sink, RecordingMonitor()))
    for device, writer in zip(devices, writers, strict=True):
        writer.commit()
        if seal:
            writer.finish()
        writer.close()
        device.close()
    return records


class Copies:
    """A FrameSource of media alone: what the package reads of them without a catalog."""

    def __init__(self, media: Sequence[Path], keys: KeyRing = NO_KEYS) -> None:
        self._keys = keys
        self._readers = {}
        self._frames: dict[FrameId, list[StoredFrame]] = {}
        for place in media:
            reader = make_device(place).reader()
            self._readers[reader.info().medium] = reader
            for frame in reader.frames():
                self._frames.setdefault(frame.header.frame_id, []).append(frame)

    def payload(self, frame: FrameId) -> Content:
        stored = self._frames[frame][0]
        reader = self._readers[stored.place.medium]
        return open_frame(*reader.read(stored.header, stored.place), self._keys).held()

    def records(self) -> dict[str, VersionRecord]:
        """The last version of each name."""
        found = {}
        for name, stored in self._frames.items():
            if stored[0].header.kind == FrameKind.CATALOG:
                record = load_record(bytes(self.payload(name).data))
                if isinstance(record, VersionRecord):
                    found[record.name] = record
        return found

    def chunk(self, ref: ChunkRef) -> memoryview:
        return ContentSource(self).chunk(ref)


def restored(media: Sequence[Path], name: str, target: Path, keys: KeyRing = NO_KEYS) -> None:
    """Restores an object by the package."""
    copies = Copies(media, keys)
    record = copies.records()[name]
    pages = decode_root(copies.chunk(record.root))
    entries = joined(entry for page in pages for entry in decode_page(copies.chunk(page.ref)))
    restore_tree(
        entries,
        copies,
        bytes(target),
        RestoreSettings(root_name=os.path.basename(record.source), sync=False),
    )
