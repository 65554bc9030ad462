"""A sink in memory, and a reader of what it took that uses nothing but `frame/`."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from flowbackup.frame.page import decode_page, decode_root, joined
from flowbackup.frame.seal import OpenedFrame, chunk_of, open_frame
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.chunking import FIXED, Chunking
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.model.record import VersionRecord, load_record
from flowbackup.model.source_rules import EVERYTHING, SourceRules
from flowbackup.monitor import RecordingMonitor
from flowbackup.plan.decided import slot_bytes
from flowbackup.source.content import ReadCounters
from flowbackup.source.known import KnownFiles
from flowbackup.source.port import OpenSlot
from flowbackup.source.reader import read_object
from flowbackup.source.task import ObjectTask
from flowbackup.units import KIB

SESSION, OBJECT = b"s" * 16, b"o" * 16
FRAME_BYTES = 64 * KIB


@dataclass
class MemorySink:
    """Keeps every frame; one slot, so that a reader that holds two is found at once.  `on_borrow`
    is called with the number of the borrowing, and may raise."""

    frame_bytes: int = FRAME_BYTES
    on_borrow: Callable[[int], None] = lambda number: None
    session: bytes = SESSION
    frames: list[tuple[FrameHeader, bytes]] = field(default_factory=list)
    borrowed: int = 0
    open: OpenSlot | None = None
    given_back: int = 0

    def __post_init__(self) -> None:
        self.memory = bytearray(slot_bytes(self.frame_bytes))

    def borrow(self) -> OpenSlot:
        assert self.open is None, "two slots are open at once"
        self.on_borrow(self.borrowed)
        self.borrowed += 1
        self.open = OpenSlot(FrameId(self.session, 0, len(self.frames)), memoryview(self.memory), 0)
        return self.open

    def send(self, slot: OpenSlot, header: FrameHeader) -> None:
        assert slot is self.open
        assert header.frame_id == slot.frame
        assert header.content_bytes <= self.frame_bytes
        self.frames.append((header, bytes(slot.memory[: header.payload_bytes])))
        self._forget()

    def give_back(self, slot: OpenSlot) -> None:
        assert slot is self.open
        self.given_back += 1
        self._forget()

    def of_kind(self, kind: FrameKind) -> list[FrameHeader]:
        return [header for header, _ in self.frames if header.kind == kind]

    def _forget(self) -> None:
        self.open = None
        # Whoever still writes to the slot of a frame that was sent, writes to the wrong memory.
        self.memory = bytearray(len(self.memory))


@dataclass
class KeptPages:
    """A PageSink that keeps everything."""

    pages: list[tuple[bytes, bytes]] = field(default_factory=list)
    roots: list[tuple[bytes, bytes]] = field(default_factory=list)

    def page(self, digest: bytes, data: bytes) -> None:
        self.pages.append((digest, data))

    def root(self, digest: bytes, data: bytes) -> None:
        self.roots.append((digest, data))


@dataclass
class Reading:
    """One object read, and everything that came of it."""

    record: VersionRecord
    sink: MemorySink
    pages: KeptPages
    monitor: RecordingMonitor
    counters: ReadCounters
    journal: list[bytes] = field(default_factory=list)

    def entries(self) -> list[Entry]:
        """The entries as the frames hold them: record, root, pages."""
        header, payload = self.sink.frames[-1]
        assert header.kind == FrameKind.CATALOG
        assert header.chunk_count == 0
        opened = open_frame(header, payload)
        assert load_record(bytes(opened.content)) == self.record
        pages = decode_root(self.chunk(self.record.root))
        found = [decode_page(self.chunk(page.ref)) for page in pages]
        assert [page.first_path for page in pages] == [rows[0].path for rows in found]
        assert [page.entries for page in pages] == [len(rows) for rows in found]
        return list(joined(entry for rows in found for entry in rows))

    def by_path(self) -> dict[bytes, Entry]:
        return {entry.path: entry for entry in self.entries()}

    def chunk(self, ref: ChunkRef) -> bytes:
        return bytes(chunk_of(self._opened(ref.frame).content, ref))

    def content(self, entry: Entry) -> bytes:
        """The file as a restore would make it: chunks in order around the holes."""
        data = bytearray(entry.size)
        place, holes = 0, dict(entry.holes)
        for ref in entry.chunks:
            while place in holes:
                place += holes.pop(place)
            data[place : place + ref.size] = self.chunk(ref)
            place += ref.size
        while place in holes:
            place += holes.pop(place)
        assert not holes
        assert place == entry.size == len(data)
        return bytes(data)

    def kinds_of_problems(self) -> list[str]:
        return [problem.kind for problem in self.monitor.problems]

    def _opened(self, frame: FrameId) -> OpenedFrame:
        return open_frame(*self.sink.frames[frame.sequence])


def read_tree(
    path: str | bytes | os.PathLike[str],
    sink: MemorySink | None = None,
    clock_ns: int = 2,
    *,
    started_ns: int = 1,
    rules: SourceRules = EVERYTHING,
    known: KnownFiles | None = None,
    journal: list[bytes] | None = None,
    chunking: Chunking = FIXED,
    zstd_level: int = 0,
) -> Reading:
    """Reads the object at `path` into memory."""
    sink = sink or MemorySink()
    task = ObjectTask(
        session=SESSION,
        object_id=OBJECT,
        client="here",
        name="tree",
        path=os.fsencode(path),
        frame_bytes=sink.frame_bytes,
        started_ns=started_ns,
        rules=rules,
        clock=lambda: clock_ns,
        chunking=chunking,
        zstd_level=zstd_level,
    )
    pages, monitor, counters = KeptPages(), RecordingMonitor(), ReadCounters()
    told = [] if journal is None else journal
    record = read_object(task, sink, pages, monitor, counters, known, told.append)
    assert sink.open is None
    return Reading(record, sink, pages, monitor, counters, told)


def assert_equal_to_source(reading: Reading, path: str | os.PathLike[str]) -> None:
    """An independent look at the source: every name, its status and its content."""
    base = os.fsencode(path)
    expected = {b""}
    for where, directories, files in os.walk(base):
        for name in directories + files:
            expected.add(os.path.relpath(os.path.join(where, name), base))
    found = reading.by_path()
    assert set(found) == expected
    for name, entry in found.items():
        whole = os.path.join(base, name) if name else base
        status = os.lstat(whole)
        assert (entry.mode, entry.uid, entry.gid) == (
            stat.S_IMODE(status.st_mode),
            status.st_uid,
            status.st_gid,
        )
        assert (entry.mtime_ns, entry.ctime_ns) == (status.st_mtime_ns, status.st_ctime_ns)
        if entry.kind == EntryKind.FILE:
            holder = found[entry.hard_link] if entry.hard_link is not None else entry
            with open(whole, "rb") as file:
                assert reading.content(holder) == file.read()
        elif entry.kind == EntryKind.SYMLINK:
            assert entry.target == os.readlink(whole)


def open_descriptors() -> set[str]:
    """Numbers of open files of this process, to show that none is left behind: there may be fewer
    later, as a test before may have left one to a thread that closes it meanwhile."""
    return set(os.listdir("/proc/self/fd"))
