"""Each call of writing a medium fails once: nothing is acknowledged that is not there."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from shutil import rmtree

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.calls import SystemCalls
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments import record_file
from flowbackup.monitor import RecordingMonitor
from flowbackup.testing.faulty_calls import SHORT_WRITE, Fault, FaultySystemCalls
from flowbackup.testing.faulty_device import FailingCall, FaultyDevice
from flowbackup.testing.frames import sample_frame
from tests.media.media_samples import SESSION, make_device, write_groups

ERRORS = [errno.ENOSPC, errno.EIO]
"""The others, and a chain of writers, are in tests/faults."""
HARMLESS = {SHORT_WRITE, errno.EINTR}


@pytest.fixture(autouse=True, params=["at once", "in threads"])
def _writes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test twice: all records small, or all large enough to be written in threads."""
    if request.param == "in threads":
        monkeypatch.setattr(record_file, "ASIDE_BYTES_MIN", 0)
    # In memory a reservation costs as much as writing.
    monkeypatch.setattr(record_file, "RESERVE_STEP_MIN", 1 << 16)


def write(calls: FaultySystemCalls, place: Path) -> tuple[list[StoredFrame], DeviceError | None]:
    """Three groups over two segments: what was acknowledged, and how it ended."""
    make_device(place)
    device = make_device(place, segment_bytes=9000, calls=calls)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    acknowledged: list[StoredFrame] = []
    failure = None
    try:
        for number in range(6):
            writer.append(*sample_frame(1500 * (number % 3) + 1, number))
            if number % 2:
                acknowledged += writer.commit()
        writer.finish()
    except DeviceError as error:
        failure = error
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            for again in (writer.commit, writer.finish):
                with pytest.raises(DeviceError) as caught:
                    again()
                assert caught.value.errno == error.errno
    writer.close()
    device.close()
    return acknowledged, failure


def calls_made(memory_path: Path) -> list[str]:
    calls = FaultySystemCalls()
    acknowledged, failure = write(calls, memory_path / "counted")
    assert failure is None and len(acknowledged) == 6
    return calls.made


def check_after(place: Path, acknowledged: list[StoredFrame]) -> None:
    """What holds whatever happened: acknowledged frames are read, and a new session goes on."""
    device = make_device(place)
    found = list(device.reader().frames())
    assert [f for f in found if f in acknowledged] == acknowledged
    for stored in acknowledged:
        assert device.reader(cached=False).read(stored.header, stored.place)[0] == stored.header
    assert not verify_medium(device, RecordingMonitor()).damaged
    device.lock("next session")
    writer = device.writer(SESSION, 2)
    frame = sample_frame(2000, 99)
    writer.append(*frame)
    writer.finish()
    device.close()
    assert frame.header in [f.header for f in device.reader().frames()]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("for_ever", [False, True])
def test_every_call_fails(memory_path: Path, error: int, late: bool, for_ever: bool) -> None:
    made = calls_made(memory_path)
    # A reservation that finds no room is tried once more with what is needed only.
    tolerated = {"fallocate"} if error in (errno.ENOSPC, errno.EDQUOT) else set()
    for nth in range(1, len(made) + 1):
        place = memory_path / f"m{nth}"
        calls = FaultySystemCalls(Fault(nth, error, for_ever=for_ever, late=late))
        acknowledged, failure = write(calls, place)
        verb = calls.made[nth - 1]
        if failure is None:
            assert verb in tolerated and not for_ever, (nth, verb)
        else:
            assert (failure.device, failure.errno) == ("nas", error), (nth, verb)
            assert failure.remedy and 'device "nas"' in failure.message
        check_after(place, acknowledged)
        rmtree(place)


@pytest.mark.parametrize("error", sorted(HARMLESS))
def test_short_and_interrupted_writes_are_continued(memory_path: Path, error: int) -> None:
    writes = calls_made(memory_path).count("pwritev")
    for nth in range(1, writes + 1):
        calls = FaultySystemCalls(Fault(nth, error, "pwritev"))
        acknowledged, failure = write(calls, memory_path / f"m{nth}")
        assert failure is None and len(acknowledged) == 6
        check_after(memory_path / f"m{nth}", acknowledged)


def test_an_interrupted_reservation_is_made_again(memory_path: Path) -> None:
    calls = FaultySystemCalls(Fault(1, errno.EINTR, "fallocate"))
    acknowledged, failure = write(calls, memory_path / "m")
    assert failure is None and len(acknowledged) == 6
    check_after(memory_path / "m", acknowledged)


@pytest.mark.parametrize("verb", ["pwritev", "fallocate"])
def test_interruptions_without_end_are_an_error(memory_path: Path, verb: str) -> None:
    calls = FaultySystemCalls(Fault(2, errno.EINTR, verb, for_ever=True))
    _, failure = write(calls, memory_path / "m")
    assert failure is not None and failure.errno == errno.EIO


def test_a_failed_sync_is_never_tried_again(memory_path: Path) -> None:
    calls = FaultySystemCalls(Fault(1, errno.EIO, "fdatasync"))
    acknowledged, failure = write(calls, memory_path / "m")
    assert acknowledged == [] and failure is not None
    assert calls.made.count("fdatasync") == 1


def test_a_full_device_still_commits_and_finishes(memory_path: Path) -> None:
    make_device(memory_path / "m")
    # From the third reservation on there is no room: the first two frames have theirs.
    calls = FaultySystemCalls(Fault(2, errno.ENOSPC, "fallocate", for_ever=True))
    device = make_device(memory_path / "m", calls=calls)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    small, large = sample_frame(1000, 0), sample_frame(40 << 20, 1)
    writer.append(*small)
    with pytest.raises(DeviceError) as caught:
        writer.append(*large)
    assert caught.value.errno == errno.ENOSPC
    assert [f.header for f in writer.commit()] == [small.header]
    assert writer.finish().segments == 1
    device.close()
    assert [f.header for f in device.reader().frames()] == [small.header]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EOPNOTSUPP])
def test_file_systems_without_direct_writes_or_reservation_are_used(
    memory_path: Path, number: int
) -> None:
    verb = "pwritev" if number == errno.EINVAL else "fallocate"
    calls = FaultySystemCalls(Fault(2, number, verb))
    acknowledged, failure = write(calls, memory_path / "m")
    assert failure is None and len(acknowledged) == 6
    check_after(memory_path / "m", acknowledged)


def test_the_seam_above_poisons_its_writer(memory_path: Path) -> None:
    device = FaultyDevice(make_device(memory_path / "m"), FailingCall(2, errno.EIO, "append"))
    device.lock("test")
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(10, 0))
    for attempt in (lambda: writer.append(*sample_frame(10, 1)), writer.commit, writer.finish):
        with pytest.raises(DeviceError) as caught:
            attempt()
        assert caught.value.errno == errno.EIO
    writer.close()
    device.close()
    assert list(device.reader().frames()) == []


class _NoDirectOpening(SystemCalls):
    """A file system that refuses direct files at their opening; some make the name first."""

    def __init__(self, error: int, *, makes_the_name: bool) -> None:
        self.opened = 0
        self._error = error
        self._makes_the_name = makes_the_name

    def open(
        self, path: str, flags: int, mode: int = 0o600, *, folder: int | None = None
    ) -> int:  # fmt: skip
        self.opened += 1
        if not flags & record_file.O_DIRECT:
            return super().open(path, flags, mode, folder=folder)
        if self._makes_the_name:
            self.close(super().open(path, flags & ~record_file.O_DIRECT, mode, folder=folder))
        raise OSError(self._error, os.strerror(self._error))


@pytest.mark.parametrize("makes_the_name", [False, True])
def test_a_file_system_without_direct_files_takes_frames(
    tmp_path: Path, makes_the_name: bool
) -> None:
    calls = _NoDirectOpening(errno.EINVAL, makes_the_name=makes_the_name)
    device = make_device(tmp_path / "m", calls=calls)
    frames = [frame for group in write_groups(device, [[700], [300]]) for frame in group]
    assert list(device.reader().frames()) == frames


def test_a_device_that_cannot_open_a_file_is_not_asked_again(tmp_path: Path) -> None:
    make_device(tmp_path / "m").close()
    calls = _NoDirectOpening(errno.EIO, makes_the_name=False)
    device = make_device(tmp_path / "m", calls=calls)
    with pytest.raises(DeviceError, match="Input/output error"):
        write_groups(device, [[700]])
    assert calls.opened == 1
    device.close()
