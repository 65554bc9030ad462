"""Target F10 with the real mechanism: ext4 on a loop device on a tmpfs that is too small for it.

Writes succeed, fsync fails once, then says OK while blocks are lost.  The twin that always runs is
test_failed_sync.py.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from mmap import mmap
from pathlib import Path

import pytest

from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.checks.verify import VerifyReport, verify_medium
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import init_medium
from flowbackup.media.segments import record_file, segment_source
from flowbackup.model.ids import FrameId
from flowbackup.monitor import SilentMonitor
from tests.faults.objects import OBJECTS
from tests.faults.pipeline import STAGES, target_of
from tests.faults.recovery import check_content
from tests.faults.small_disk import PAGE_BYTES, SmallDisk, make_or_skip
from tests.faults.workplace import Workplace
from tests.targets import Target

pytestmark = [pytest.mark.root, pytest.mark.slow]

STAGE = 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    disk = SmallDisk(tmp_path / "disk")
    try:
        make_or_skip(disk)
        yield disk
    finally:
        disk.remove()


class Witness(SystemCalls):
    """Sees what the system does when a sync fails, before the writer hears of it."""

    def __init__(self) -> None:
        self.failed = 0
        self.next_said_ok = False
        self.was_lost = False

    def fdatasync(self, fd: int) -> None:
        try:
            super().fdatasync(fd)
        except OSError:
            self.failed += 1
            super().fdatasync(fd)
            self.next_said_ok = True
            size = os.fstat(fd).st_size
            self.was_lost = on_disk(fd, size) != os.pread(fd, size, 0)
            raise


def on_disk(fd: int, size: int) -> bytes:
    """The content of a file of whole pages, past the page cache, which stays as it is."""
    direct = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap(-1, size) as memory:
            os.preadv(direct, [memory], 0)
            return memory[:]
    finally:
        os.close(direct)


def told(place: Path) -> tuple[VerifyReport, set[FrameId]]:
    """What verify says, and what readers find that may use the page cache."""
    device = DirectoryDevice(target_of(place, STAGES[STAGE]))
    cached = {stored.header.frame_id for stored in device.reader().frames()}
    return verify_medium(device, SilentMonitor()), cached


@pytest.mark.parametrize("direct_reads", [True, False])
@pytest.mark.parametrize("direct_writes", [True, False])
def test_blocks_that_are_lost_behind_a_failed_sync_are_never_believed(
    small_disk: SmallDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    direct_writes: bool, direct_reads: bool, target: Target,
) -> None:  # fmt: skip
    if not direct_writes:
        monkeypatch.setattr(record_file, "O_DIRECT", 0)
    if not direct_reads:
        monkeypatch.setattr(segment_source, "O_DIRECT", 0)
    work = Workplace(tmp_path, objects=OBJECTS)
    place = work.media[STAGE] = small_disk.place / "medium"
    init_medium(str(place), name=STAGES[STAGE], block_bytes=PAGE_BYTES)
    small_disk.shrink()
    witness = Witness()

    pipeline = work.run([witness if stage == STAGE else SYSTEM for stage in range(len(STAGES))])

    failed = pipeline.stages[STAGE]
    assert failed.failure is not None and failed.failure.errno in (errno.ENOSPC, errno.EIO)
    assert failed.failure.device == STAGES[STAGE]
    assert 0 < len(failed.durable) < len(work.originals)
    if not direct_writes:
        assert (witness.failed, witness.next_said_ok, witness.was_lost) == (1, True, True)
    before = told(place)
    small_disk.mount_again()
    assert told(place) == before
    report, frames = before
    assert failed.durable.keys() <= frames and report.frames >= len(frames)
    assert not report.damaged
    device = DirectoryDevice(target_of(place, STAGES[STAGE]))
    assert check_content(device, work.originals) == frames
    others = [stage for stage in range(len(STAGES)) if stage != STAGE]
    work.check_complete(pipeline, others)
    for stage in others:
        work.check_restores(stage, pipeline.stages[stage].durable.keys())
    target("F10", cases=1, text="a sync that failed is never believed (ext4 on a small disk)")
