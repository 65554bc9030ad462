"""Of what is read, only chunks are sent that no earlier version has made safe."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import pytest

from flowbackup.frame.page import decode_page, decode_root, encode_page
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.chunking import Chunking
from flowbackup.model.digest import chunk_digest
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.model.known import KnownContent
from flowbackup.source import known_chunks
from flowbackup.source.known import KnownFiles
from flowbackup.source.known_chunks import KnownChunks
from flowbackup.units import KIB
from tests.source.memory_sink import FRAME_BYTES, SESSION, MemorySink, Reading, read_tree

CHUNK = 4 * KIB
CHUNKING = Chunking(size_bytes=CHUNK)
LARGE = 60 * CHUNK + 100


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A file of sixty-one chunks in four frames, between small ones."""
    for number in range(9):
        (tmp_path / f"{number}").write_bytes(os.urandom(3 * KIB))
    (tmp_path / "5large").write_bytes(os.urandom(LARGE))
    return tmp_path


def frames_of(reading: Reading) -> set[FrameId]:
    return {header.frame_id for header, _ in reading.sink.frames}


def again(tree: Path, first: Reading, safe: Collection[FrameId] | None = None) -> Reading:
    """Read with nothing trusted but content."""
    refs = decode_root(first.pages.roots[0][1])
    pages = tuple(data for _, data in first.pages.pages)
    content = KnownContent(b"o" * 16, 1, pages, tuple(r.ref for r in refs), is_trusted=False)
    known = KnownFiles([content], frames_of(first) if safe is None else safe)
    return read_tree(tree, MemorySink(session=b"t" * 16), known=known, chunking=CHUNKING)


def entries(reading: Reading) -> list[Entry]:
    """By what the catalog was told: of unchanged pages the frames lie in another sink."""
    return [entry for _, data in reading.pages.pages for entry in decode_page(data)]


def assert_whole(tree: Path, first: Reading, second: Reading) -> None:
    for entry in entries(second):
        if entry.kind == EntryKind.FILE:
            data = b"".join(
                (first if ref.frame.session == SESSION else second).chunk(ref)
                for ref in entry.chunks
            )
            assert data == (tree / os.fsdecode(entry.path)).read_bytes()


@pytest.mark.parametrize("changed", [(), (0,), (60,), (3, 4, 9, 40), tuple(range(0, 61, 2))])
def test_chunks_that_are_known_leave_the_frame_and_others_move_together(
    tree: Path, changed: tuple[int, ...]
) -> None:
    first = read_tree(tree, chunking=CHUNKING)
    with (tree / "5large").open("r+b") as file:
        for number in changed:
            file.seek(number * CHUNK)
            file.write(b"changed %d" % number)
    second = again(tree, first)
    sizes = [min(CHUNK, LARGE - number * CHUNK) for number in changed]
    assert second.record.bytes_new == sum(sizes)
    assert second.record.bytes_read == LARGE + 9 * 3 * KIB
    headers = second.sink.of_kind(FrameKind.DATA)
    assert sum(header.content_bytes for header in headers) == sum(sizes)
    # Together they fill frames, however far they lie apart in the file.
    assert len(headers) == -(-sum(sizes) // FRAME_BYTES)
    assert_whole(tree, first, second)


def test_what_lies_in_a_frame_that_is_not_safe_is_sent(tree: Path) -> None:
    first = read_tree(tree, chunking=CHUNKING)
    lost = first.by_path()[b"5large"].chunks[20].frame
    second = again(tree, first, frames_of(first) - {lost})
    (header,) = (h for h in first.sink.of_kind(FrameKind.DATA) if h.frame_id == lost)
    assert second.record.bytes_new == header.content_bytes
    assert all(c.frame != lost for entry in entries(second) for c in entry.chunks)
    assert_whole(tree, first, second)


def test_pages_that_are_as_they_were_are_not_stored_again(tree: Path) -> None:
    first = read_tree(tree, chunking=CHUNKING)
    second = again(tree, first)
    assert second.pages.pages == first.pages.pages
    (header,) = second.sink.of_kind(FrameKind.MANIFEST)
    assert header.chunk_count == 1
    roots = [decode_root(reading.pages.roots[0][1]) for reading in (first, second)]
    assert roots[0] == roots[1]
    changed = again(tree, first, ())
    assert changed.record.bytes_new == changed.record.bytes_read


def refs(count: int, frame: FrameId) -> tuple[ChunkRef, ...]:
    return tuple(ChunkRef(chunk_digest(b"%d" % n), 1 + n, frame, 7 * n) for n in range(count))


def page(*chunks: ChunkRef) -> bytes:
    return encode_page([Entry(b"a", EntryKind.FILE), Entry(b"b", EntryKind.FILE, chunks=chunks)])


def test_references_are_found_as_they_were_given() -> None:
    safe, other = FrameId(b"s" * 16, 1, 2), FrameId(b"s" * 16, 1, 3)
    known = refs(5, safe)
    chunks = KnownChunks([page(), page(*known, *refs(3, other)), page(*refs(2, other))], {safe})
    digests = [ref.digest for ref in reversed(known)]
    assert chunks.find([*digests, b"\0" * 32, b"\xff" * 32]) == [*reversed(known), None, None]
    # What begins alike is not the same.
    assert chunks.find([digests[0][:31] + b"\0"]) == [None]
    assert KnownChunks([page(*known)], ()).find(digests) == [None] * 5
    assert KnownChunks([], {safe}).find(digests) == [None] * 5


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_chunks, "CHUNKS_MAX", 4)
    frame = FrameId(b"s" * 16, 1, 2)
    known = refs(9, frame)
    pages = [page(*known[:3]), page(*known[3:6]), page(*known[6:])]
    found = KnownChunks(pages, {frame}).find([ref.digest for ref in known])
    assert found == [*known[:6], None, None, None]
