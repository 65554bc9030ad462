"""Freeing on a device that fails: nothing is freed, nothing is mistaken for something else."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from flowbackup.errors import DamageError, DeviceError
from flowbackup.media.calls import SystemCalls, Writable
from flowbackup.media.freeing import NOTE_NAME
from flowbackup.media.segments import segment_source
from flowbackup.testing.faulty_calls import FaultySystemCalls
from tests.media.media_samples import three_segments
from tests.media.test_freeing import content, free, freer_of, segments_with_frames


@pytest.fixture
def place(memory_path: Path) -> Path:
    """A medium of three sealed segments."""
    return three_segments(memory_path / "medium")


def test_a_device_that_fails_is_no_segment_that_is_gone(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is told that a file is gone takes what was in it for lost."""
    (place / "segments" / "00000003-0001.seg").unlink()
    with pytest.raises(DamageError, match="its file is gone"):
        freer_of(place).sealed(3, 1)

    def failing(path: str, flags: int = 0) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(segment_source, "open_regular", failing)
    with pytest.raises(DeviceError, match="Input/output error") as told:
        freer_of(place).sealed(2, 1)
    assert not isinstance(told.value, DamageError)


def test_a_note_that_was_begun_before_is_begun_anew(place: Path) -> None:
    (place / NOTE_NAME).write_bytes(b"torn")
    (place / NOTE_NAME).chmod(0o444)
    calls = FaultySystemCalls()
    free(place, 2, calls)
    assert calls.made.count("unlink") == 1
    assert segments_with_frames(place) == {1, 3}
    assert not (place / NOTE_NAME).exists()


def test_a_device_that_takes_nothing_is_not_waited_for(place: Path) -> None:
    class Deaf(SystemCalls):
        def pwritev(self, fd: int, buffers: Sequence[Writable], offset: int) -> int:
            return 0

    before = content(place)
    with pytest.raises(DeviceError, match="took no bytes"):
        free(place, 2, Deaf())
    assert content(place) == before


def test_the_first_failure_is_told_also_where_nothing_can_be_removed(place: Path) -> None:
    class Full(SystemCalls):
        def pwritev(self, fd: int, buffers: Sequence[Writable], offset: int) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def unlink(self, path: str, *, folder: int | None = None) -> None:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with pytest.raises(DeviceError, match="No space left") as told:
        free(place, 2, Full())
    assert told.value.errno == errno.ENOSPC
    assert segments_with_frames(place) == {1, 2, 3}
