"""Any tree comes back equal through frames alone, the source is read once, frames are full."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbackup.errors import InterruptedSessionError, SourceError
from flowbackup.frame.page import decode_page
from flowbackup.model.chunk import CHUNK_BYTES
from flowbackup.model.digest import chunk_digest
from flowbackup.model.entry import Entry, path_order
from flowbackup.model.frame import FrameKind
from flowbackup.source import content, reader
from flowbackup.source.scan import scan
from flowbackup.units import KIB, MIB
from tests.source.memory_sink import (
    FRAME_BYTES,
    MemorySink,
    Reading,
    assert_equal_to_source,
    open_descriptors,
    read_tree,
)

borders = [0, 1, FRAME_BYTES // 2, FRAME_BYTES, 2 * FRAME_BYTES, 40 * FRAME_BYTES]
sizes = st.lists(
    st.builds(lambda size, by: max(0, size + by), st.sampled_from(borders), st.integers(-1, 1))
    | st.integers(0, 3000),
    max_size=25,
)


def fill(path: Path, size: int, seed: int = 0) -> None:
    path.write_bytes(os.urandom(min(size, 64)) + seed.to_bytes(4, "big") * (size // 4) + b"123")
    os.truncate(path, size)


@settings(max_examples=40, deadline=None)
@given(sizes)
def test_files_of_any_size_come_back_equal(chosen: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        for number, size in enumerate(chosen):
            fill(Path(name, f"f{number}"), size, number)
        reading = read_tree(name)
        assert_equal_to_source(reading, name)
        record = reading.record
        assert record.outcome == "success"
        assert (record.files, record.entries) == (len(chosen), len(chosen) + 1)
        assert record.bytes_read == record.bytes_source == record.bytes_new == sum(chosen)


@pytest.mark.parametrize("by", [-1, 0, 1])
@pytest.mark.parametrize("size", [CHUNK_BYTES, 2 * CHUNK_BYTES, 8 * MIB, 11 * MIB])
def test_chunks_end_where_the_contract_says(tmp_path: Path, size: int, by: int) -> None:
    fill(tmp_path / "small", 100)
    fill(tmp_path / "x", size + by)
    reading = read_tree(tmp_path, MemorySink(8 * MIB))
    assert_equal_to_source(reading, tmp_path)
    chunks = reading.by_path()[b"x"].chunks
    assert all(ref.size == CHUNK_BYTES for ref in chunks[:-1])
    assert sum(ref.size for ref in chunks) == size + by


def test_frames_are_full_to_within_one_file(tmp_path: Path) -> None:
    for number in range(400):
        fill(tmp_path / f"{number:04}", 1000 + number * 7, number)
    reading = read_tree(tmp_path)
    data = reading.sink.of_kind(FrameKind.DATA)
    assert all(header.content_bytes > FRAME_BYTES - 4000 for header in data[:-1])
    assert all(header.object_id == reading.record.object_id for header, _ in reading.sink.frames)


def test_tiny_files_stop_where_the_index_is_full(tmp_path: Path) -> None:
    for number in range(2500):
        (tmp_path / f"{number:04}").write_bytes(b"%d" % (number % 7))
    reading = read_tree(tmp_path)
    assert_equal_to_source(reading, tmp_path)
    assert len(reading.sink.of_kind(FrameKind.DATA)) == 2


def test_the_source_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, size in enumerate([0, 1, 500, FRAME_BYTES * 3 + 5]):
        fill(tmp_path / f"f{number}", size)
    given, opened = [], []
    preadv, open_file = os.preadv, reader.open_file

    def counting(descriptor: int, buffers: object, offset: int) -> int:
        got = preadv(descriptor, buffers, offset)  # type: ignore[arg-type]
        given.append(got)
        return got

    def noting(name: bytes, parent: int) -> int:
        opened.append(name)
        return open_file(name, parent)

    monkeypatch.setattr(os, "preadv", counting)
    monkeypatch.setattr(reader, "open_file", noting)
    record = read_tree(tmp_path).record
    assert sum(given) == record.bytes_read == record.bytes_source
    assert sorted(opened) == [b"f0", b"f1", b"f2", b"f3"]


def test_the_manifest_goes_to_frames_and_to_the_page_sink(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"{number:05}").touch()
    reading = read_tree(tmp_path)
    entries = reading.entries()
    assert [e.path for e in entries] == sorted((e.path for e in entries), key=path_order)
    assert [e for _, data in reading.pages.pages for e in decode_page(data)] == entries
    for digest, data in reading.pages.pages + reading.pages.roots:
        assert chunk_digest(data) == digest
    assert [digest for digest, _ in reading.pages.roots] == [reading.record.root.digest]
    assert len(reading.pages.pages) > 5


def test_manifest_frames_stand_between_data_frames(tmp_path: Path) -> None:
    """Very many names with little content must not pile up in memory until the end."""
    for number in range(6000):
        (tmp_path / f"{number:05}").write_bytes(b"x" if number % 40 == 0 else b"")
    reading = read_tree(tmp_path, MemorySink(32 * KIB))
    kinds = [header.kind for header, _ in reading.sink.frames]
    assert FrameKind.MANIFEST in kinds[: len(kinds) // 2]
    assert FrameKind.DATA in kinds[kinds.index(FrameKind.MANIFEST) :]
    assert len(reading.entries()) == 6001


def test_the_same_tree_makes_the_same_pages(tmp_path: Path) -> None:
    for number in range(200):
        fill(tmp_path / f"{number:05}", number)
    first, second = read_tree(tmp_path), read_tree(tmp_path)
    assert first.pages == second.pages
    assert first.sink.frames == second.sink.frames


def test_a_file_can_be_an_object(tmp_path: Path) -> None:
    fill(tmp_path / "one", 3 * FRAME_BYTES + 1)
    reading = read_tree(tmp_path / "one")
    (entry,) = reading.entries()
    assert entry.path == b""
    assert reading.content(entry) == (tmp_path / "one").read_bytes()


def test_an_empty_tree_is_a_version(tmp_path: Path) -> None:
    reading = read_tree(tmp_path)
    assert [entry.path for entry in reading.entries()] == [b""]
    assert not reading.sink.of_kind(FrameKind.DATA)


def test_a_link_as_root_is_followed(tmp_path: Path) -> None:
    fill(tmp_path / "real", 10)
    (tmp_path / "link").symlink_to("real")
    assert read_tree(tmp_path / "link").entries()[0].size == 10


@pytest.mark.parametrize("kind", ["missing", "fifo"])
def test_an_object_that_is_no_tree_is_refused(tmp_path: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(tmp_path / "x")
    before = open_descriptors()
    with pytest.raises(SourceError, match="x"):
        read_tree(tmp_path / "x")
    assert open_descriptors() <= before


@pytest.mark.parametrize("stop_at", [0, 1, 3, 9])
def test_a_cancelled_reader_leaves_nothing_open(tmp_path: Path, stop_at: int) -> None:
    for number in range(5):
        (tmp_path / f"d{number}").mkdir()
        fill(tmp_path / f"d{number}" / "f", 2 * FRAME_BYTES)

    def cancel(number: int) -> None:
        if number == stop_at:
            raise InterruptedSessionError("stop")

    before, sink = open_descriptors(), MemorySink(on_borrow=cancel)
    with pytest.raises(InterruptedSessionError):
        read_tree(tmp_path, sink)
    assert sink.open is None
    assert open_descriptors() <= before


def test_a_slot_under_way_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "a", 10)
    (tmp_path / "b").mkdir()

    def broken(self: object, path: bytes, descriptor: int) -> None:
        if path:
            raise InterruptedSessionError("stop")

    monkeypatch.setattr(reader._ObjectReader, "_directory", broken)
    sink = MemorySink()
    with pytest.raises(InterruptedSessionError):
        read_tree(tmp_path, sink)
    assert (sink.open, sink.given_back, sink.frames) == (None, 1, [])


def test_a_file_of_very_many_chunks_stands_in_parts(tmp_path: Path) -> None:
    """Its page would not fit into a frame otherwise."""
    fill(tmp_path / "big", 40 * 4 * KIB + 17)
    reading = read_tree(tmp_path, MemorySink(4 * KIB))
    rows = [entry for _, data in reading.pages.pages for entry in decode_page(data)]
    parts = [entry.part for entry in rows if entry.path == b"big"]
    assert parts == list(range(len(parts)))
    assert len(parts) > 1
    assert_equal_to_source(reading, tmp_path)
    assert reading.record.entries == 2


def test_attributes_that_fit_no_frame_are_a_problem(tmp_path: Path) -> None:
    fill(tmp_path / "a", 10)
    try:
        os.setxattr(tmp_path / "a", "user.big", os.urandom(3000))
    except OSError as error:
        pytest.skip(f"extended attributes of 3000 bytes: {error}")
    reading = read_tree(tmp_path, MemorySink(4 * KIB))
    assert reading.kinds_of_problems() == ["metadata"]
    assert reading.by_path()[b"a"].xattrs == ()


def test_scan_counts_what_the_reader_counts(tmp_path: Path) -> None:
    for number in range(20):
        fill(tmp_path / f"{number}", number * 1000)
    (tmp_path / "d").mkdir()
    os.link(tmp_path / "7", tmp_path / "d" / "again")
    (tmp_path / "s").symlink_to("7")
    record = read_tree(tmp_path).record
    assert scan(os.fsencode(tmp_path)) == (record.files, record.bytes_source)
    assert scan(os.fsencode(tmp_path / "7")) == (1, 7000)


def test_a_stopped_scan_knows_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert scan(os.fsencode(tmp_path), lambda: True) is None


def test_read_sizes_end_at_chunk_borders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever one call reads, chunks are the same."""
    fill(tmp_path / "x", 5 * FRAME_BYTES + 9)

    def digests(reading: Reading) -> list[bytes]:
        return [ref.digest for ref in reading.by_path()[b"x"].chunks]

    expected = digests(read_tree(tmp_path))
    monkeypatch.setattr(content, "READ_BYTES", 100_001)
    assert digests(read_tree(tmp_path)) == expected


def test_memory_holds_no_entries_of_finished_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At no time are more entries alive in the writer than one page has."""
    for number in range(3000):
        (tmp_path / f"{number:05}").touch()
    most = 0
    add = reader.ManifestWriter.add

    def watching(self: reader.ManifestWriter, entry: Entry) -> None:
        nonlocal most
        add(self, entry)
        most = max(most, len(self._entries))

    monkeypatch.setattr(reader.ManifestWriter, "add", watching)
    read_tree(tmp_path)
    assert most < 500
