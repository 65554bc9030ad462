"""Room that is reserved ahead: once a step, never for want of it, and never instead of an error.
And records that are under way: nobody goes on while they are, and one error does not hide them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowbackup.media.calls import SYSTEM
from flowbackup.media.layout import NO_CHAIN, SegmentName, frame_record
from flowbackup.media.segments import record_file
from flowbackup.media.segments.record_file import RecordFile
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls
from flowbackup.testing.frames import sample_frame, sample_id

BLOCK, STEP = 512, 1 << 16


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_file, "RESERVE_STEP_MIN", STEP)


@contextmanager
def opened(place: Path, calls: FaultySystemCalls) -> Iterator[RecordFile]:
    folder = SYSTEM.open_folder(str(place))
    file = RecordFile(calls, folder, "a.part", BLOCK)
    try:
        yield file
    finally:
        file.close()
        SYSTEM.close(folder)


def test_room_is_reserved_once_a_step(memory_path: Path) -> None:
    calls = FaultySystemCalls()
    with opened(memory_path, calls) as file:
        for need_bytes in (BLOCK, BLOCK, STEP):
            file.reserve(need_bytes)
        assert calls.made.count("fallocate") == 1
        file.reserve(STEP + BLOCK)
        assert calls.made.count("fallocate") == 2


def test_a_file_system_that_cannot_reserve_is_asked_once(memory_path: Path) -> None:
    calls = FaultySystemCalls(Fault(1, errno.EOPNOTSUPP, "fallocate", for_ever=True))
    with opened(memory_path, calls) as file:
        file.reserve(BLOCK)
        file.reserve(2 * STEP)
        assert calls.made.count("fallocate") == 1


def test_where_a_step_finds_no_room_what_is_needed_may(memory_path: Path) -> None:
    calls = FaultySystemCalls(Fault(1, errno.ENOSPC, "fallocate"))
    with opened(memory_path, calls) as file:
        file.reserve(BLOCK)
        assert calls.made.count("fallocate") == 2
        file.reserve(BLOCK)
        assert calls.made.count("fallocate") == 2, "what was needed has been reserved"


def test_a_device_that_fails_is_not_taken_for_full(memory_path: Path) -> None:
    calls = FaultySystemCalls(Fault(1, errno.EIO, "fallocate"))
    with opened(memory_path, calls) as file, pytest.raises(OSError) as told:
        file.reserve(BLOCK)
    assert told.value.errno == errno.EIO
    assert calls.made.count("fallocate") == 1


def put_two(file: RecordFile) -> None:
    """Records that are written in threads."""
    for sequence in range(2):
        header, payload = sample_frame(BLOCK, sequence)
        name = SegmentName(sample_id(7), 1, 1, BLOCK)
        file.append(frame_record(name, sequence, NO_CHAIN, header), payload)


def test_the_first_error_is_told_when_nothing_is_under_way_any_more(
    memory_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_file, "ASIDE_BYTES_MIN", 0)
    calls = FaultySystemCalls(Fault(1, errno.EIO, "pwritev", for_ever=True))
    with opened(memory_path, calls) as file:
        put_two(file)
        with pytest.raises(OSError, match="Input/output error"):
            file.wait()
        file.wait()
        put_two(file)
        file.cut_back(0)
        assert calls.made[-1] == "truncate", "what failed is taken away all the more"
        put_two(file)
        file.close()
        assert calls.made[-1] == "close"


def test_what_was_reserved_and_not_used_is_given_back(memory_path: Path) -> None:
    calls = FaultySystemCalls()
    with opened(memory_path, calls) as file:
        put_two(file)
        file.cut()
        assert "truncate" not in calls.made
        file.reserve(BLOCK)
        file.cut()
        assert calls.made[-1] == "truncate"
        assert (memory_path / "a.part").stat().st_size == file.end == 4 * BLOCK
