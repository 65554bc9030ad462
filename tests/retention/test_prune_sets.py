"""Prune on sets of media: what a full medium has no room for goes to another one of its set."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import Catalog
from flowbackup.cli.freed import freed_text
from flowbackup.errors import DeviceError
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.pruning import SegmentPruner
from flowbackup.model.device import DeviceTarget, FramePlace
from flowbackup.model.ids import FrameId, new_id
from flowbackup.model.published import freed_fields
from flowbackup.model.report import FreedReport, Outcome
from flowbackup.monitor import SilentMonitor
from tests.catalog.dump import assert_equal, dump
from tests.local_backup import damage
from tests.retention.full_set import Kept, full_set
from tests.retention.keeping import Keeping
from tests.retention.killing import Killed

OF_CONTENT = ("versions", "frames", "copies", "freed_segments", "forgotten", "forgotten_told")


@pytest.fixture
def made(memory_path: Path) -> tuple[Keeping, Kept]:
    return full_set(memory_path)


def check_kept(keeping: Keeping, kept: Kept) -> None:
    for version, tree in kept:
        keeping.recovers(version, tree)
    keeping.judged()


def test_what_has_no_room_goes_to_another_medium(made: tuple[Keeping, Kept]) -> None:
    keeping, kept = made
    before = keeping.used_bytes()
    foreseen = keeping.prune(dry_run=True)
    report = keeping.prune()
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    assert report.freed == foreseen.freed
    first, second = report.freed
    (moved,) = first.moved_to
    assert (moved.medium, moved.number) == (second.medium, 2)
    assert (moved.frames, moved.size_bytes) == (first.moved_frames, first.moved_bytes)
    assert first.segments == 3 and not first.kept and not second.moved_frames
    assert [device.bytes_written for device in report.devices] == [0, moved.size_bytes]
    assert before - keeping.used_bytes() > 500_000
    check_kept(keeping, kept)
    assert not any(freed.segments for freed in keeping.prune().freed)


def test_a_rebuild_finds_what_went_to_another_medium(made: tuple[Keeping, Kept]) -> None:
    keeping, kept = made
    keeping.prune()
    before = dump(keeping.local.catalog_path)
    report = api.rebuild(
        [str(keeping.place())], SilentMonitor(), keeping.local.catalog_path, fresh=True
    )
    assert report.outcome is Outcome.SUCCESS, report.problems
    after = dump(keeping.local.catalog_path)
    for table in OF_CONTENT:
        assert_equal({table: after[table]}, {table: before[table]})
    check_kept(keeping, kept)


def test_each_medium_is_told_of_what_is_forgotten(made: tuple[Keeping, Kept]) -> None:
    """Also of objects of which it has frames only since."""
    keeping, _ = made
    keeping.prune()
    with keeping.local.catalog() as catalog:
        assert not any(catalog.forgetting.untold(info.medium) for info in catalog.media())


def test_it_says_how_much_went_where(made: tuple[Keeping, Kept]) -> None:
    keeping, _ = made
    first, second = keeping.prune().freed
    (moved,) = first.moved_to
    assert freed_fields(first)["moved_to"] == [
        {"medium": second.medium, "number": 2, "frames": moved.frames, "bytes": moved.size_bytes}
    ]
    assert "moved_to" not in freed_fields(second)
    assert "written anew (" in freed_text(first, dry_run=True)
    assert "on medium 2 of the set)" in freed_text(first, dry_run=False)


def test_a_medium_that_is_in_use_takes_nothing(made: tuple[Keeping, Kept]) -> None:
    keeping, kept = made
    device = DirectoryDevice(DeviceTarget("disk", "directory", str(keeping.media()[1])))
    device.lock("a session")
    try:
        report = keeping.prune()
    finally:
        device.close()
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 11)
    check_stays(report.freed)
    check_kept(keeping, kept)


def test_a_medium_that_is_away_takes_nothing(made: tuple[Keeping, Kept], tmp_path: Path) -> None:
    keeping, kept = made
    second = keeping.media()[1]
    second.rename(keeping.folder / "away")
    report = keeping.prune()
    assert report.outcome is Outcome.FAILED and str(second) in report.problems[0].text
    check_stays(report.freed)
    (keeping.folder / "away").rename(second)
    assert keeping.prune().freed[0].segments == 3
    check_kept(keeping, kept)


def check_stays(freed: tuple[FreedReport, ...]) -> None:
    (first,) = freed
    assert (first.segments, first.moved_frames) == (0, 0)
    (kept,) = first.kept
    assert (kept.reason, kept.segments) == ("room", 3)
    assert "no other medium of its set that is within reach" in kept.text


def test_a_medium_alone_gives_nothing_to_another_device(memory_path: Path) -> None:
    """What may be lost with it is to be elsewhere already."""
    keeping, kept = full_set(memory_path, usb=0)
    assert all(move.number == 2 for freed in keeping.prune().freed for move in freed.moved_to)
    keeping.recovers(*kept[-1], "usb")
    keeping.recovers(*kept[-1], "disk")


def test_frames_are_taken_from_the_medium_that_has_them_only(made: tuple[Keeping, Kept]) -> None:
    """Another disk may be where that one was."""
    keeping, _ = made
    first, second = (DeviceTarget("disk", "directory", str(place)) for place in keeping.media())
    frames = [*keeping.readers()[0].frames()][:1]
    pruner = SegmentPruner(second)
    pruner.lock("test")
    with pytest.raises(DeviceError, match="connect the right medium there"):
        pruner.move(new_id(), frames, second)
    (moved,) = pruner.move(new_id(), frames, first)
    pruner.close()
    assert moved.header == frames[0].header and moved.place.medium != frames[0].place.medium


# A frame on two media of a set: it was moved, and the segment where it had been did not go.


def moved_and_not_freed(
    keeping: Keeping, patch: pytest.MonkeyPatch, reason: BaseException
) -> None:  # fmt: skip
    def free(*_: object) -> None:
        raise reason

    with patch.context() as inside, suppress(Killed):
        inside.setattr(SegmentPruner, "free", free)
        assert keeping.prune().outcome is Outcome.FAILED
    keeping.let_go()


def twice(catalog: Catalog) -> list[tuple[FrameId, FramePlace, FramePlace]]:
    """Frames of content on both media, with where they lie on the first and on the second."""
    first, second = (info.medium for info in catalog.media())
    found: list[tuple[FrameId, FramePlace, FramePlace]] = []
    for version in catalog.versions():
        for row in catalog.frames_of(version):
            places = {c.place.medium: c.place for c in catalog.copies_of_frame(row.frame)}
            if {first, second} <= {*places}:
                found.append((row.frame, places[first], places[second]))
    return found


def test_it_counts_as_one_copy_and_is_not_moved_again(
    made: tuple[Keeping, Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping, kept = made
    all_frames = keeping.prune(dry_run=True).freed[0].moved_frames
    moved_and_not_freed(keeping, monkeypatch, Killed())
    with keeping.local.catalog() as catalog:
        known = twice(catalog)
        assert known
        assert {row.copies for row in catalog.below_copies(2)} == {1}
    assert keeping.prune(copies=2).exit_code == 4
    foreseen = keeping.prune(dry_run=True)
    report = keeping.prune()
    assert report.freed == foreseen.freed and report.outcome is Outcome.SUCCESS
    assert report.freed[0].segments == 3
    with keeping.local.catalog() as catalog:
        assert not twice(catalog)
    assert report.freed[0].moved_frames == all_frames - len({frame for frame, *_ in known})
    check_kept(keeping, kept)


def test_the_other_one_is_read_before_this_one_goes(
    made: tuple[Keeping, Kept], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The catalog cannot know what has become of it since."""
    keeping, kept = made
    moved_and_not_freed(keeping, monkeypatch, DeviceError("it fails", errno=errno.EIO))
    with keeping.local.catalog() as catalog:
        (_, _, place), *_ = twice(catalog)
    damage(keeping.media()[1], place)
    report = keeping.prune()
    assert "cannot be read any more" in report.problems[0].text
    for version, tree in kept:
        keeping.recovers(version, tree)
    assert report.freed[0].segments == 3
    with keeping.local.catalog() as catalog:
        assert not twice(catalog)
