"""Target F10: a failed fsync is never believed later.

Linux reports what it could not write once, then counts the pages as written: the next fsync says
OK, and reading finds the bytes in the page cache.  Shown twice: with a modelled disk that behaves
so, here, at every sync; with a real one in test_failed_sync_real.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.segments.record_file import RecordFile
from flowbackup.model.ids import FrameId
from flowbackup.testing.crash_disk import CrashDisk
from flowbackup.testing.crash_image import Loss, crash_image, put_image
from tests.faults.objects import OBJECTS
from tests.faults.parallel import in_folder, shared_out
from tests.faults.pipeline import STAGES, target_of
from tests.faults.workplace import Workplace
from tests.targets import Target

TEXT = "a sync that failed is never believed ({})"


class FailedSync(NamedTuple):
    """The sync, from 1, of a stage, from 0, that fails."""

    stage: int
    sync: int


def syncs(folder: Path, _: Sequence[FailedSync]) -> list[FailedSync]:
    """All that there are."""
    disks = [CrashDisk() for _ in STAGES]
    Workplace(folder, objects=OBJECTS).run(disks)
    return [
        FailedSync(stage, sync + 1)
        for stage, disk in enumerate(disks)
        for sync in range(sum(note.verb in ("fsync", "fdatasync") for note in disk.notes))
    ]


def found(device: DirectoryDevice) -> set[FrameId]:
    return {stored.header.frame_id for stored in device.reader().frames()}


def check(folder: Path, cases: Sequence[FailedSync]) -> int:
    work = Workplace(folder, objects=OBJECTS)
    for case in cases:
        try:
            check_one(work, case)
        except AssertionError as error:
            error.add_note(f"case: {case}")
            raise
    return len(cases)


def check_one(work: Workplace, case: FailedSync) -> None:
    stage = case.stage
    disks = [CrashDisk(failing_sync=case.sync if n == stage else 0) for n in range(len(STAGES))]
    pipeline = work.run(disks)
    failed = pipeline.stages[stage]
    told = failed.failure or failed.agent.durable_since(0).made_good
    assert "[EIO]" in str(told) and f'device "{STAGES[stage]}"' in str(told)
    # A segment whose end could not be synced has all frames under its commits.
    is_complete = failed.failure is None
    work.check_complete(pipeline, [n for n in range(len(STAGES)) if n != stage or is_complete])
    believed = found(DirectoryDevice(target_of(work.media[stage], STAGES[stage])))
    image = crash_image(disks[stage].notes, Loss.NOTHING, Random(0))
    work.clear(stage)
    put_image(image, str(work.media[stage] / "segments"))
    there = found(DirectoryDevice(target_of(work.media[stage], STAGES[stage])))
    assert believed <= there, f"in the page cache only: {believed - there}"
    work.check(stage, failed.durable.keys())


def test_some_failed_syncs(target: Target) -> None:
    cases = Random(1).sample(in_folder(syncs, []), 15)
    target("F10", cases=in_folder(check, cases), text=TEXT.format("modelled disk"))


@pytest.mark.slow
def test_every_failed_sync(target: Target) -> None:
    cases = in_folder(syncs, [])
    target("F10", cases=sum(shared_out(check, cases)), text=TEXT.format("modelled disk"))


# Writers that are wrong.  Each must be caught, or the cases show nothing.


def syncs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sync = RecordFile.sync

    def stubborn(file: RecordFile) -> None:
        try:
            sync(file)
        except OSError:
            sync(file)

    monkeypatch.setattr(RecordFile, "sync", stubborn)


def leaves_what_was_not_acknowledged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RecordFile, "cut_back", lambda file, end: file.wait())


@pytest.mark.parametrize(
    ("breaks", "said"),
    [(syncs_again, "assert"), (leaves_what_was_not_acknowledged, "in the page cache only")],
)
def test_a_wrong_writer_is_caught(
    breaks: Callable[[pytest.MonkeyPatch], None], said: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    breaks(monkeypatch)
    with pytest.raises(AssertionError, match=said):
        check(tmp_path, [FailedSync(1, 5)])
