"""Content is cut where the graph says: at multiples of a size, or where the content says so."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyfastcdc import FastCDC

from flowbackup.errors import SourceError
from flowbackup.model.chunking import Chunking, ChunkingKind
from flowbackup.model.entry import Entry
from flowbackup.model.frame import FrameKind
from flowbackup.model.known import KnownContent
from flowbackup.source.cutting import ContentCutter
from flowbackup.source.known import KnownFiles
from flowbackup.units import KIB
from tests.source.memory_sink import FRAME_BYTES, MemorySink, read_tree

FAST = Chunking(ChunkingKind.FASTCDC, 4 * KIB, 1 * KIB, 16 * KIB)
CONTENT = random.Random(7).randbytes(700 * KIB)


def expected(data: bytes) -> list[int]:
    """What the library makes of all of it at once."""
    cutter = FastCDC(FAST.size_bytes, min_size=FAST.min_bytes, max_size=FAST.max_bytes)
    return [cut.length for cut in cutter.cut_buf(data)]


def sizes_of(entry: Entry) -> list[int]:
    return [chunk.size for chunk in entry.chunks]


@given(st.lists(st.integers(1, 90 * KIB), max_size=8))
def test_however_it_is_given_it_is_cut_alike(borders: Sequence[int]) -> None:
    cutter, sizes, place = ContentCutter(FAST), list[int](), 0
    for end in sorted({*accumulate(borders), len(CONTENT)}):
        run = memoryview(CONTENT)[place : min(end, len(CONTENT))]
        found = cutter.sizes(run, is_all=end >= len(CONTENT))
        sizes += found
        place += sum(found)
    assert sizes == expected(CONTENT)


@pytest.mark.parametrize("size", [0, 1, KIB, KIB + 1, 3 * KIB, 64 * KIB, 700 * KIB])
def test_a_file_is_cut_as_the_library_cuts_it_whole(tmp_path: Path, size: int) -> None:
    data = CONTENT[:size]
    (tmp_path / "file").write_bytes(data)
    reading = read_tree(tmp_path, chunking=FAST)
    entry = reading.by_path()[b"file"]
    assert sizes_of(entry) == expected(data)
    assert reading.content(entry) == data
    assert (reading.record.bytes_read, reading.record.bytes_new) == (size, size)
    assert reading.record.chunking == FAST


def test_of_zeros_chunks_are_the_largest(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100 * KIB))
    entry = read_tree(tmp_path, chunking=FAST).by_path()[b"file"]
    assert sizes_of(entry) == expected(bytes(100 * KIB))
    assert max(sizes_of(entry)) == FAST.max_bytes


def test_behind_an_insertion_chunks_are_found_again(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(CONTENT)
    for chunking, new_max in ((FAST, 3 * FAST.max_bytes), (Chunking(size_bytes=4 * KIB), 1 << 30)):
        first = read_tree(tmp_path, chunking=chunking)
        place.write_bytes(CONTENT[: 300 * KIB] + b"inserted" + CONTENT[300 * KIB :])
        content = KnownContent(b"o" * 16, 1, tuple(data for _, data in first.pages.pages))
        known = KnownFiles([content], {header.frame_id for header, _ in first.sink.frames})
        second = read_tree(tmp_path, MemorySink(session=b"t" * 16), chunking=chunking, known=known)
        assert 0 < second.record.bytes_new < new_max
        # Without cuts by content, what was behind it is new.
        assert (second.record.bytes_new < 300 * KIB) is (chunking is FAST)
        place.write_bytes(CONTENT)


def test_a_file_that_shrinks_while_it_is_read_ends_where_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "file"
    place.write_bytes(CONTENT)

    def shrink(number: int) -> None:
        if number == 2:
            os.truncate(place, 200 * KIB)

    reading = read_tree(tmp_path, MemorySink(on_borrow=shrink), chunking=FAST)
    entry = reading.by_path()[b"file"]
    assert (entry.problem, entry.size) == ("changed while read", 200 * KIB)
    assert reading.content(entry) == CONTENT[: 200 * KIB]


def test_a_frame_takes_as_many_chunks_as_its_index_has_room_for(tmp_path: Path) -> None:
    tiny = Chunking(ChunkingKind.FASTCDC, 256, 64, 1024)
    (tmp_path / "file").write_bytes(CONTENT)
    reading = read_tree(tmp_path, chunking=tiny)
    assert reading.content(reading.by_path()[b"file"]) == CONTENT
    assert reading.record.bytes_read == len(CONTENT)
    first, *_ = reading.sink.of_kind(FrameKind.DATA)
    assert first.content_bytes < FRAME_BYTES - tiny.max_bytes


def test_chunks_of_a_size_are_no_larger_than_a_frame(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    reading = read_tree(tmp_path, chunking=Chunking(size_bytes=1 << 20))
    assert set(sizes_of(reading.by_path()[b"file"])[:-1]) == {64 * KIB}
    assert reading.record.chunking == Chunking(size_bytes=64 * KIB)


def test_the_slow_way_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        pass

    monkeypatch.setitem(sys.modules, "pyfastcdc", SimpleNamespace(FastCDC=Slow))
    with pytest.raises(SourceError, match="need the compiled part of pyfastcdc"):
        ContentCutter(FAST)
