"""Media whose digests are all right and whose content is what a test puts there."""

from __future__ import annotations

import json
import os
from pathlib import Path

from flowbackup.frame.columns import batch_of
from flowbackup.frame.envelope import fold
from flowbackup.frame.index import INDEX_RECORD_BYTES
from flowbackup.frame.page import PageRef, encode_root
from flowbackup.frame.seal import seal
from flowbackup.model.chunk import ChunkRef, ChunkSpan
from flowbackup.model.digest import chunk_digest
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.model.record import VersionRecord
from flowbackup.testing.frames import sample_id
from tests.media.media_samples import make_device

SESSION, OBJECT = sample_id(1), sample_id(2)
USER = {"uid": os.getuid(), "gid": os.getgid()}
ROOT = Entry(b"", EntryKind.DIRECTORY, 0o755, **USER)
CONTENT = b"harm" * 10


class Crafted:
    """A medium whose digests are all right and whose content is what a test puts there."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.device = make_device(place)
        self.device.lock("test")
        self.writer = self.device.writer(SESSION, 1)
        self.sequence = 0

    def put(self, kind: FrameKind, *chunks: bytes) -> list[ChunkRef]:
        """One frame; for a catalog frame, of one record."""
        frame = FrameId(SESSION, 0, self.sequence)
        content, spans = b"".join(chunks), []
        for chunk in chunks if kind != FrameKind.CATALOG else ():
            offset = spans[-1].offset + spans[-1].size if spans else 0
            spans.append(ChunkSpan(chunk_digest(chunk), offset, len(chunk)))
        memory = memoryview(bytearray(len(content) + INDEX_RECORD_BYTES * len(spans)))
        memory[: len(content)] = content
        self.writer.append(seal(memory, spans, frame, kind, OBJECT, len(content)), memory)
        self.sequence += 1
        return [ChunkRef(span.digest, span.size, frame, span.offset) for span in spans]

    def finish(self, *pages: bytes, manifest: bytes = b"", **changes: object) -> None:
        """The manifest of these pages and the record of the version."""
        refs = self.put(FrameKind.MANIFEST, *pages) if pages else []
        (top,) = self.put(
            FrameKind.MANIFEST, manifest or encode_root([PageRef(b"", 1, ref) for ref in refs])
        )
        record = VersionRecord(
            OBJECT, SESSION, "c", "n", b"/source", 1, 2, "success", 1, 1, 1, 1, 1, 0, top
        )
        value = {**json.loads(record.to_json()), **changes}
        self.put(FrameKind.CATALOG, json.dumps(value).encode())
        self.writer.commit()
        self.writer.finish()
        self.writer.close()
        self.device.close()


def page(*entries: Entry) -> bytes:
    return fold(batch_of(entries))


def file(crafted: Crafted, path: bytes, **changes: object) -> Entry:
    chunks = tuple(crafted.put(FrameKind.DATA, CONTENT))
    entry = Entry(path, EntryKind.FILE, 0o644, **USER, size=len(CONTENT), chunks=chunks)
    return entry._replace(**changes)
