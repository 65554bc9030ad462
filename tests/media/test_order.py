"""What may be under way when: frames are written in threads, commits are not."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.calls import SystemCalls, Writable
from flowbackup.media.checks.verify import verify_medium
from flowbackup.monitor import RecordingMonitor
from flowbackup.testing.frames import sample_frame
from tests.media.media_samples import SESSION, make_device, only_segment, write_groups

LARGE = 2 << 20
PATIENCE_SECONDS = 0.1
"""How long a write holds back for a call that must not come before it has ended."""


class SlowFrames(SystemCalls):
    """Writes of frames end late; `done` has the sizes of writes in the order in which they ended.
    fails: the write of a frame, from 1, that fails at once."""

    def __init__(self, fails: int = 0) -> None:
        self.done: list[int] = []
        self.under_way = 0
        self._fails = fails
        self._frames = 0
        self._next_call = Event()

    def pwritev(self, fd: int, buffers: Sequence[Writable], offset: int) -> int:
        size = sum(map(len, buffers))
        if size < LARGE:
            self._next_call.set()
        else:
            self._frames += 1
            if self._frames == self._fails:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self._next_call.clear()
            self.under_way += 1
            self._next_call.wait(PATIENCE_SECONDS)
            self.under_way -= 1
        count = super().pwritev(fd, buffers, offset)
        self.done.append(size)
        return count


def test_a_commit_record_is_written_after_the_frames_it_speaks_of(tmp_path: Path) -> None:
    calls = SlowFrames()
    device = make_device(tmp_path / "m", calls=calls)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(LARGE, 0))
    writer.commit()
    assert calls.done[-2] > LARGE > calls.done[-1]
    writer.close()
    device.close()


def test_nothing_is_under_way_when_a_failure_is_told(tmp_path: Path) -> None:
    calls = SlowFrames(fails=1)
    device = make_device(tmp_path / "m", calls=calls)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    with pytest.raises(DeviceError) as caught:
        for number in range(3):
            writer.append(*sample_frame(LARGE, number))
    assert caught.value.errno == errno.EIO
    assert calls.under_way == 0
    with pytest.raises(DeviceError):
        writer.commit()
    writer.close()
    device.close()
    assert list(device.reader().frames()) == []


def test_frames_read_ahead_are_checked_like_others(tmp_path: Path) -> None:
    device = make_device(tmp_path / "m")
    write_groups(device, [[LARGE, LARGE + 1, 700], [3 * LARGE, 5]])
    path = only_segment(tmp_path / "m")
    report = verify_medium(device, RecordingMonitor())
    assert (report.frames, report.damages) == (5, ())
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(LARGE + (1 << 20))
        file.write(b"damage")
    report = verify_medium(device, RecordingMonitor())
    assert (report.frames, len(report.damages)) == (4, 1)
