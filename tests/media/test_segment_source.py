"""Bounded reads of a segment file: none too many, and none that is believed and should not be."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from flowbackup.errors import DamageError, DeviceError
from flowbackup.media.layout import PAYLOAD_BYTES_MAX, SegmentName
from flowbackup.media.segments import segment_source
from flowbackup.media.segments.memory import FrameMemory
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.testing.frames import sample_frame, sample_id
from flowbackup.units import MIB

CONTENT = bytes(sample_frame(3 * 4096 + 700).payload)
END = len(CONTENT)
CALLS_MAX = 50


class Reads:
    """Reads of the operating system.  places: where they began.  piece_bytes: no more at a time.
    errors: of the next ones."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self.piece_bytes = 1 << 30
        self.errors: list[int] = []
        self._preadv = os.preadv

    def preadv(self, fd: int, buffers: Sequence[memoryview], offset: int) -> int:
        self.places.append(offset)
        assert len(self.places) < CALLS_MAX, "it would read for ever"
        if self.errors:
            raise OSError(self.errors.pop(), "as the test wants it")
        return self._preadv(fd, [buffers[0][: self.piece_bytes]], offset)


class Opens:
    """How a file is opened.  errors: of the next times."""

    def __init__(self) -> None:
        self.flags: list[int] = []
        self.errors: list[int] = []
        self._open = segment_source.open_regular

    def open_regular(self, path: str, flags: int = 0) -> int:
        self.flags.append(flags)
        if self.errors:
            raise OSError(self.errors.pop(), "as the test wants it")
        return self._open(path, flags)


DIRECT = os.O_CLOEXEC
"""Stands for O_DIRECT, which not every file system of a test has."""


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    reads = Reads()
    monkeypatch.setattr(segment_source.os, "preadv", reads.preadv)
    return reads


@pytest.fixture
def opens(monkeypatch: pytest.MonkeyPatch) -> Opens:
    opens = Opens()
    monkeypatch.setattr(segment_source, "O_DIRECT", DIRECT)
    monkeypatch.setattr(segment_source, "open_regular", opens.open_regular)
    return opens


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "00000001-0001.seg"
    path.write_bytes(CONTENT)
    return path


def source_of(path: Path, *, cached: bool = False) -> SegmentSource:
    name = SegmentName(sample_id(1), 1, 1, 512)
    return SegmentSource(str(path), name, sealed=True, device="nas", cached=cached)


def test_what_is_no_file_or_too_long_a_file_is_damage(
    path: Path, opens: Opens, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DamageError, match="no regular file"):
        source_of(path.parent)
    monkeypatch.setattr(segment_source, "FILE_BYTES_MAX", END)
    source_of(path).close()
    monkeypatch.setattr(segment_source, "FILE_BYTES_MAX", END - 1)
    with pytest.raises(DamageError, match="longer than any segment"):
        source_of(path)


def test_a_file_system_without_direct_reads_is_read_otherwise(path: Path, opens: Opens) -> None:
    opens.errors = [errno.EINVAL]
    with source_of(path) as source:
        assert source.read(700, END) == CONTENT[700:]
    assert opens.flags == [DIRECT, 0]


def test_a_device_that_fails_is_not_asked_in_another_way(path: Path, opens: Opens) -> None:
    opens.errors = [errno.EIO]
    with pytest.raises(DeviceError, match="opening") as caught:
        source_of(path)
    assert (caught.value.errno, opens.flags) == (errno.EIO, [DIRECT])


@pytest.mark.parametrize("cached", [True, False])
def test_a_read_ends_at_the_end_of_the_file(
    path: Path, opens: Opens, reads: Reads, cached: bool
) -> None:
    with source_of(path, cached=cached) as source:
        assert source.read(END, 1) == b""
        assert source.read_kept(END, 1, FrameMemory()) == b""
        assert reads.places == []
        # A direct read behind the end would be one of half a sector, which a device refuses.
        assert source.read(0, END + 9) == CONTENT
        assert reads.places == [0]
        for offset in (END, END + 7):
            assert source.read(offset, 1) == b""


@pytest.mark.parametrize("cached", [True, False])
def test_what_comes_in_pieces_is_put_together(
    path: Path, opens: Opens, reads: Reads, cached: bool
) -> None:
    reads.piece_bytes = 4096
    with source_of(path, cached=cached) as source:
        assert source.read(0, END) == CONTENT
        assert source.bytes_read == END


@pytest.mark.parametrize("cached", [True, False])
def test_a_file_that_becomes_shorter_is_damage(
    path: Path, opens: Opens, reads: Reads, cached: bool
) -> None:
    with source_of(path, cached=cached) as source:
        os.truncate(path, 4096)
        with pytest.raises(DamageError, match="became shorter while it was read"):
            source.read(0, END)


def test_a_length_that_no_record_has_is_refused(path: Path, reads: Reads) -> None:
    os.truncate(path, 2 * PAYLOAD_BYTES_MAX)
    with source_of(path, cached=True) as source:
        for size_bytes in (PAYLOAD_BYTES_MAX + MIB + 1, 2 * PAYLOAD_BYTES_MAX):
            with pytest.raises(DamageError, match="over the limit"):
                source.read(0, size_bytes)
            with pytest.raises(DamageError, match="over the limit"):
                source.read_kept(0, size_bytes, FrameMemory())
    assert reads.places == []


def test_what_is_kept_outlives_the_next_read(path: Path) -> None:
    with source_of(path, cached=True) as source:
        memory = FrameMemory()
        first, second = (source.read_kept(offset, 4096, memory) for offset in (100, 5000))
        source.read(0, 8192)
        assert (first, second) == (CONTENT[100:4196], CONTENT[5000:9096])


def test_what_was_read_ahead_is_not_read_again(path: Path, opens: Opens, reads: Reads) -> None:
    with source_of(path) as source:
        assert source.read(0, 4096) == CONTENT[:4096]
        source.read_ahead(4096, 4096)
        source.read_ahead(8192, 4096)
        assert source.read(5000, 3000) == CONTENT[5000:8000]
        source.read_ahead(8192, 4096)
        assert source.read(4096, 100) == CONTENT[4096:4196], "it is kept until it is not enough"
        assert source.read(8192, 100) == CONTENT[8192:8292]
    assert reads.places == [0, 4096, 8192], "one guess at a time, and none in vain"


def test_nothing_is_read_ahead_where_nothing_would_come_of_it(
    path: Path, opens: Opens, reads: Reads
) -> None:
    """Behind the end, nothing at all, or what the system itself reads ahead."""
    with source_of(path) as source, source_of(path, cached=True) as cached:
        source.read_ahead(END, 4096)
        source.read_ahead(0, 0)
        cached.read_ahead(0, 4096)
    assert reads.places == []


def test_a_place_that_cannot_be_read_is_damage(path: Path, reads: Reads) -> None:
    with source_of(path, cached=True) as source:
        reads.errors = [errno.EIO]
        with pytest.raises(DamageError, match=r"reading .* at 100") as caught:
            source.read(100, 50)
        assert (caught.value.errno, caught.value.device) == (errno.EIO, "nas")
        reads.errors = [errno.EINVAL]
        with pytest.raises(DamageError, match=r"reading .* at 100"):
            source.read(100, 50)


def test_a_device_that_refuses_a_direct_read_is_read_otherwise(
    path: Path, opens: Opens, reads: Reads
) -> None:
    reads.errors = [errno.EINVAL]
    with source_of(path) as source:
        assert source.read(100, 50) == CONTENT[100:150]
        assert opens.flags == [DIRECT, 0]
    with source_of(path) as source:
        reads.errors, opens.errors = [errno.EINVAL], [errno.EMFILE]
        with pytest.raises(DeviceError, match="opening") as caught:
            source.read(100, 50)
        assert caught.value.errno == errno.EMFILE
