"""A writer of segments at its ends: what it leaves, what it takes back, and what it refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from flowbackup.errors import DamageError, DeviceError
from flowbackup.media.calls import SYSTEM
from flowbackup.media.labels.label import read_label
from flowbackup.media.segments import segment
from flowbackup.media.segments.segment import SegmentWriter, check_intact
from flowbackup.media.segments.segment_folder import DirectoryFolder
from flowbackup.model.digest import frame_digest
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls
from flowbackup.testing.frames import sample_frame
from tests.media.media_samples import SESSION, make_device, only_segment


def segments(place: Path) -> list[str]:
    return sorted(os.listdir(place / "segments"))


def writer_on(place: Path, calls: FaultySystemCalls, *refusals: DeviceError) -> SegmentWriter:
    """refusals: what the first looks at the medium end in."""
    make_device(place).close()
    left = list(refusals)

    def open_folder() -> int:
        if left:
            raise left.pop(0)
        return SYSTEM.open_folder(str(place / "segments"))

    label = read_label(str(place)).label
    folder = DirectoryFolder(open_folder, label.block_bytes, calls)
    return SegmentWriter(folder, label, SESSION, 1, device="nas")


def test_a_payload_is_as_long_as_its_header_says() -> None:
    header, payload = sample_frame(700)
    check_intact(header, payload, "nas")
    shorter = header._replace(digest=frame_digest(payload[:600]))
    with pytest.raises(DamageError, match="before it was written"):
        check_intact(shorter, payload[:600], "nas")


def test_a_segment_is_sealed_in_an_order_that_outlives_a_crash(tmp_path: Path) -> None:
    calls = FaultySystemCalls()
    writer = writer_on(tmp_path, calls)
    writer.append(*sample_frame(100))
    writer.commit()
    calls.made.clear()
    writer.finish()
    writes = ["pwritev"] * calls.made.count("pwritev")
    sealed = ["truncate", "chmod", "fsync", "rename", "sync_directory"]
    assert calls.made == [*writes, *sealed, "close", "close"]


@pytest.mark.parametrize("fault", [None, Fault(1, errno.EIO, for_ever=True)])
def test_a_writer_that_is_closed_leaves_nothing_open_or_reserved(
    memory_path: Path, fault: Fault | None
) -> None:
    """Whatever fails then: nothing that was acknowledged depends on it."""
    before = set(os.listdir("/proc/self/fd"))
    calls = FaultySystemCalls()
    writer = writer_on(memory_path, calls)
    writer.append(*sample_frame(100))
    calls.made.clear()
    calls.fault = fault
    writer.close()
    assert calls.made == ["truncate", "close", "close"]
    assert set(os.listdir("/proc/self/fd")) <= before
    with pytest.raises(DeviceError, match="the writer is closed"):
        writer.commit()


def test_a_segment_of_many_small_frames_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "FRAMES_MAX", 3)
    writer = writer_on(tmp_path, FaultySystemCalls())
    for sequence in range(7):
        writer.append(*sample_frame(10, sequence))
        writer.commit()
    assert writer.finish().segments == 3


def test_a_segment_without_a_frame_is_not_left(tmp_path: Path) -> None:
    calls = FaultySystemCalls(Fault(1, errno.ENOSPC, "fallocate", for_ever=True))
    writer = writer_on(tmp_path, calls)
    with pytest.raises(DeviceError) as caught:
        writer.append(*sample_frame(100))
    assert caught.value.errno == errno.ENOSPC
    assert only_segment(tmp_path).suffix == ".part"
    assert writer.finish().segments == 0
    assert segments(tmp_path) == []


def test_where_another_medium_is_nothing_more_is_written(tmp_path: Path) -> None:
    """Also when the right one is back: nobody knows what it has missed."""
    writer = writer_on(tmp_path, FaultySystemCalls(), DeviceError("another one", device="nas"))
    with pytest.raises(DeviceError, match=r"^another one"):
        writer.append(*sample_frame(100))
    with pytest.raises(DeviceError, match="no further writing after: another one"):
        writer.append(*sample_frame(100))
    assert segments(tmp_path) == []
