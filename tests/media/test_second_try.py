"""A writer that begins a new segment behind one that failed: once, from memory, each frame once."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.devices.second_try import SecondTryWriter
from flowbackup.media.port import Device, StoredFrame
from flowbackup.monitor import RecordingMonitor
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls
from flowbackup.testing.frames import sample_frame
from tests.media.media_samples import SESSION, make_device

GROUPS = [[700, 300], [2000], [512, 100]]


def begun(device: Device) -> SecondTryWriter:
    device.lock("test")
    return SecondTryWriter(
        lambda: device.writer(SESSION, 1), lambda: device.reader().written_by(SESSION)
    )


def write(device: Device) -> tuple[list[StoredFrame], DeviceError | None, DeviceError | None]:
    """What was acknowledged, what was made good, and what was not."""
    writer, acknowledged, number = begun(device), list[StoredFrame](), 0
    try:
        for group in GROUPS:
            for size in group:
                writer.append(*sample_frame(size, number))
                number += 1
            acknowledged += writer.commit()
        writer.finish()
    except DeviceError as error:
        return acknowledged, writer.failure, error
    finally:
        writer.close()
        device.close()
    return acknowledged, writer.failure, None


def numbers(frames: Sequence[StoredFrame]) -> list[int]:
    return [frame.header.sequence for frame in frames]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("verb", ["open", "pwritev", "fdatasync", "fallocate", "sync_directory"])
def test_a_failed_segment_is_left_and_its_frames_are_in_a_new_one(
    memory_path: Path, verb: str, late: bool
) -> None:
    device = make_device(
        memory_path / "m", calls=FaultySystemCalls(Fault(1, errno.EIO, verb, late=late))
    )
    acknowledged, made_good, failure = write(device)
    assert failure is None and made_good is not None and made_good.errno == errno.EIO
    found = list(device.reader().frames())
    assert numbers(found) == [0, 1, 2, 3, 4] and found == acknowledged
    assert not verify_medium(device, RecordingMonitor()).damaged


def test_at_every_call_nothing_acknowledged_is_lost_and_nothing_is_there_twice(
    memory_path: Path,
) -> None:
    calls = FaultySystemCalls()
    write(make_device(memory_path / "counted", calls=calls))
    for nth in range(1, len(calls.made) + 1):
        faulty = FaultySystemCalls(Fault(nth, errno.EIO))
        device = make_device(memory_path / f"m{nth}", calls=faulty)
        acknowledged, made_good, failure = write(device)
        assert made_good is not None or failure is not None, nth
        assert numbers(list(device.reader().frames())) == numbers(acknowledged) == [0, 1, 2, 3, 4]


def test_what_a_poisoned_segment_had_committed_stays_there(memory_path: Path) -> None:
    calls = FaultySystemCalls(Fault(2, errno.EIO, "fdatasync"))
    device = make_device(memory_path / "m", calls=calls)
    acknowledged, _, failure = write(device)
    assert failure is None
    assert [(f.header.sequence, f.place.segment) for f in acknowledged] == [
        (0, 1), (1, 1), (2, 2), (3, 2), (4, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.ENODEV])
def test_a_device_that_is_full_or_gone_is_not_tried_again(memory_path: Path, error: int) -> None:
    calls = FaultySystemCalls(Fault(1, error, "pwritev"))
    acknowledged, made_good, failure = write(make_device(memory_path / "m", calls=calls))
    assert failure is not None and failure.errno == error
    assert made_good is None and acknowledged == [] and calls.made.count("open") == 1


def test_a_device_that_fails_again_is_broken(memory_path: Path) -> None:
    calls = FaultySystemCalls(Fault(1, errno.EIO, "fdatasync", for_ever=True))
    device = make_device(memory_path / "m", calls=calls)
    acknowledged, made_good, failure = write(device)
    assert failure is not None and failure.errno == errno.EIO and acknowledged == []
    assert made_good is None and "a new segment failed, too" in failure.message
    assert calls.made.count("open") == 2
    assert list(device.reader().frames()) == []


def test_a_new_segment_that_cannot_be_made_is_told_with_the_first_failure(
    memory_path: Path,
) -> None:
    calls = FaultySystemCalls(Fault(3, errno.EIO, "pwritev", for_ever=True))
    _, made_good, failure = write(make_device(memory_path / "m", calls=calls))
    assert failure is not None and made_good is None
    assert "a new segment failed, too" in failure.message and failure.message.count('"nas"') == 2


def test_a_frame_that_is_durable_all_the_same_is_told_and_not_written_again(
    memory_path: Path,
) -> None:
    """As on a medium of a set that was full when its last group was committed by the change."""
    device = make_device(memory_path / "m")
    device.lock("test")

    class Untold(SecondTryWriter):
        """A writer whose first commit is lost on its way."""

        def commit(self) -> tuple[StoredFrame, ...]:
            self._writer.commit()
            self._begin_again(DeviceError("lost", device="nas", errno=errno.EIO))
            return super().commit()

    writer = Untold(lambda: device.writer(SESSION, 1), lambda: device.reader().written_by(SESSION))
    writer.append(*sample_frame(100, 0))
    assert numbers(writer.commit()) == [0]
    writer.close()
    device.close()
    assert numbers(list(device.reader().frames())) == [0]
