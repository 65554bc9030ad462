"""When room was made on a staging device: what other commands say, and every way to be killed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.api import RepairRequest
from flowbackup.catalog.catalog import open_catalog
from flowbackup.media.calls import SYSTEM
from flowbackup.media.checks.survey import MediumSurvey
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.freeing import SegmentFreer
from flowbackup.media.labels.label import init_medium
from flowbackup.model.device import DeviceTarget
from flowbackup.model.report import Outcome
from flowbackup.monitor import RecordingMonitor
from flowbackup.runtime.care import verifying
from flowbackup.runtime.care.verify_turn import Verifier
from flowbackup.runtime.reading.freed_media import looking_at, take_over_freed
from flowbackup.testing.crash_disk import CrashDisk, Stopped
from tests import judge
from tests.catalog.dump import assert_equal, dump
from tests.runtime.staged import QUIET, Staged, reasons

# Afterwards


def test_nobody_calls_it_damage_or_brings_it_back(drained: Staged) -> None:
    drained.free()
    report = api.verify((), QUIET, drained.catalog)
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    report = api.repair((), RepairRequest(catalog=drained.catalog), QUIET)
    assert (report.outcome, report.problems, report.bytes_read) == (Outcome.SUCCESS, (), 0)
    assert drained.segments() == []
    (freed, held) = sorted(
        (row.medium.device, row.frames_held, row.frames_freed)
        for row in api.copies("latest", catalog=drained.catalog)
    )  # type: ignore[union-attr]
    assert freed[:2] == ("fast", 0) and held[1:] == (freed[2], 0) and held[1] > 10
    assert judge.check_media([drained.place("fast"), drained.place("slow")]).problems == ()


class Overtaken:
    """A Verifier of a medium that is freed when it has been surveyed."""

    def __init__(self, verifier: Verifier, free: Callable[[], object]) -> None:
        self.freed = verifier.freed
        self.read = verifier.read
        self._survey = verifier.survey
        self._free = free

    def survey(self) -> MediumSurvey:
        found = self._survey()
        self._free()
        return found


def test_what_goes_while_it_is_verified_is_no_damage(
    drained: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free() -> None:
        freer = SegmentFreer(DeviceTarget("fast", "directory", str(drained.place("fast"))))
        freer.lock("another command")
        for segment, epoch in freer.sizes():
            sealed = freer.sealed(segment, epoch)
            assert sealed is not None
            freer.free(sealed, bytes(16), 1, ())
        freer.close()

    near = verifying.open_near
    monkeypatch.setattr(verifying, "open_near", lambda info: Overtaken(near(info), free))
    report = api.verify(["fast"], QUIET, drained.catalog)
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    assert drained.segments() == [] and drained.copies() == 1


def test_a_set_of_media_is_freed_medium_by_medium(memory_path: Path) -> None:
    """They lie below the place of the device; only the newest is in use while a backup runs."""
    staged = Staged(memory_path, "slow")
    shutil.rmtree(staged.place("fast"))
    media = ("fast/medium-00001", "fast/medium-00002")
    for seed, medium in enumerate(media, 1):
        init_medium(str(staged.place(medium)), name="fast")
        staged.change(seed)
        staged.backup(medium)
    staged.drain()
    newest = DirectoryDevice(DeviceTarget("fast", "directory", str(staged.place(media[1]))))
    newest.lock("a backup")
    by_itself = staged.free_with(SYSTEM, is_asked=False)
    newest.close()
    assert by_itself.outcome is Outcome.SUCCESS
    assert staged.segments(media[0]) == [] and staged.segments(media[1])
    report = staged.free()
    assert report.outcome is Outcome.SUCCESS and len(report.freed) == 2
    assert staged.segments(media[1]) == []
    staged.hide("fast")
    assert staged.restores("web/site@1") and staged.restores()


def test_a_rebuild_knows_it_too(drained: Staged) -> None:
    drained.free()
    known = dump(drained.catalog)
    drained.catalog.unlink()
    places = [str(drained.place(name)) for name in ("fast", "slow")]
    assert api.rebuild(places, QUIET, drained.catalog).outcome is Outcome.SUCCESS
    found = dump(drained.catalog)
    for name in ("copies", "freed", "freed_segments", "versions", "frames"):
        assert_equal({name: found[name]}, {name: known[name]})
    assert drained.restores()


def test_the_next_backup_goes_on(drained: Staged) -> None:
    before = drained.segments()
    drained.free()
    drained.change(2)
    drained.backup()
    assert min(drained.segments()) > max(before) and drained.restores()


# Killed


@pytest.fixture
def calls(drained: Staged) -> int:
    disk = CrashDisk()
    folder = drained.folder
    copy = folder.with_name(folder.name + "-counted")
    shutil.copytree(folder, copy)
    try:
        drained.free_with(disk)
    finally:
        shutil.rmtree(folder)
        copy.rename(folder)
    return len(disk.notes)


def test_killed_at_any_call_everything_is_restorable_and_the_next_command_goes_on(
    drained: Staged, calls: int
) -> None:
    folder = drained.folder
    pristine = folder.with_name(folder.name + "-pristine")
    shutil.copytree(folder, pristine)
    before = drained.segments()
    partly = 0
    for stop_at in range(1, calls + 1):
        with pytest.raises(Stopped):
            drained.free_with(CrashDisk(stop_at=stop_at))
        freed = drained.freed()
        assert sorted([*drained.segments(), *freed]) == before, stop_at
        partly += 0 < len(freed) < len(before)
        if stop_at % 4 == 0:
            assert drained.restores()
            drained.hide("fast")
            assert drained.restores()
            drained.show("fast")
        if stop_at % 3 == 0:
            verified = api.verify(["fast"], QUIET, drained.catalog)
            assert (verified.outcome, verified.problems) == (Outcome.SUCCESS, ())
        if stop_at % 3 == 1:
            repaired = api.repair((), RepairRequest(catalog=drained.catalog), QUIET)
            assert (repaired.problems, repaired.bytes_read) == ((), 0)
        report = drained.free()
        assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
        assert drained.segments() == [] and drained.freed() == before and drained.copies() == 1
        with open_catalog(drained.catalog) as catalog:
            (medium,) = [m.medium for m in catalog.media() if m.device == "fast"]
            assert [s.segment for s in catalog.freed_segments(medium)] == before
        shutil.rmtree(folder)
        shutil.copytree(pristine, folder)
    shutil.rmtree(pristine)
    assert partly > 5


def test_a_drain_that_was_killed_leaves_both_and_frees_nothing(memory_path: Path) -> None:
    """`slow` has the first frames only: the version is as safe as its worst frame."""
    staged = Staged(memory_path, "slow")
    staged.local.run(staged.source, "fast", "slow", fails_at={"slow": 9})
    before = staged.segments()
    assert reasons(staged.free()) == {"copies": len(before)} and staged.segments() == before
    assert staged.restores() and len({*staged.reader("slow").frames()}) > 4
    # Only both together have all of it now.
    (staged.place("fast") / "segments" / f"{before[0]:08d}-0000.seg").unlink()
    assert staged.restores()
    staged.drain()
    report = staged.free()
    assert reasons(report) == {"damaged": 1} and staged.restores()
    assert "its file is gone" in report.freed[0].kept[0].text


def test_what_was_freed_and_not_told_is_taken_over(drained: Staged) -> None:
    freer = SegmentFreer(DeviceTarget("fast", "directory", str(drained.place("fast"))))
    freer.lock("test")
    first = drained.segments()[0]
    freer.free(freer.sealed(first, 0), bytes(16), 1, ())
    freer.close()
    with open_catalog(drained.catalog) as catalog:
        (info,) = [m for m in catalog.media() if m.device == "fast"]
        look = looking_at(info.location, "fast")
        assert take_over_freed(catalog, info.medium, *look) == 1
        assert take_over_freed(catalog, info.medium, *look) == 0
        assert [s.segment for s in catalog.freed_segments(info.medium)] == [first]


def test_a_run_makes_no_session_where_there_is_nothing_to_free(staged: Staged) -> None:
    from flowbackup.runtime.cancel import Cancel
    from flowbackup.runtime.engines.local import LocalEngine
    from flowbackup.runtime.freeing.room import Room

    monitor = RecordingMonitor()
    with open_catalog(staged.catalog) as catalog:
        before = len(catalog.sessions())
        Room(staged.plan(), catalog, monitor, LocalEngine(), Cancel()).make()
        assert len(catalog.sessions()) == before
