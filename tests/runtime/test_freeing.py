"""Room on a staging device: what goes, what stays and why, and where restores come from."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import DeviceLockedError, UsageError
from flowbackup.media.calls import SYSTEM
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import init_medium
from flowbackup.media.locks.lock import MediumLock
from flowbackup.model.device import DeviceTarget
from flowbackup.model.queue import Ticket
from flowbackup.model.report import Outcome
from flowbackup.testing.frames import sample_id
from tests import judge
from tests.local_backup import damage
from tests.runtime.staged import QUIET, Staged, reasons


def test_restorable_before_between_and_after(staged: Staged) -> None:
    before = staged.segments()
    assert len(before) >= 3 and staged.restores()
    report = staged.free()
    assert (report.outcome, report.exit_code, report.problems) == (Outcome.SUCCESS, 0, ())
    assert reasons(report) == {"copies": len(before)} and staged.segments() == before
    (kept,) = report.freed[0].kept
    assert kept.text == "web/site@1 has 0 of 1 copies on other devices"
    assert kept.size_bytes > 1_200_000
    staged.drain()
    foreseen = staged.free(dry_run=True)
    assert foreseen.session == "" and staged.segments() == before
    sessions = len(api.sessions(staged.catalog))
    report = staged.free()
    assert (report.outcome, report.exit_code, report.problems) == (Outcome.SUCCESS, 0, ())
    assert report.freed == foreseen.freed and len(api.sessions(staged.catalog)) == sessions + 1
    (freed,) = report.freed
    assert (freed.device, freed.segments, freed.kept) == ("fast", len(before), ())
    assert (
        freed.size_bytes > 1_200_000 and freed.frames == len([*staged.reader("slow").frames()]) - 1
    )
    assert staged.segments() == [] and staged.freed() == before
    staged.hide("fast")
    assert staged.restores() and staged.copies() == 1
    target = staged.folder / "recovered"
    assert judge.recovered([staged.place("slow")], target).exit_code == 0
    assert (target / "large").read_bytes() == (staged.source / "large").read_bytes()


def test_what_is_new_stays_and_what_is_drained_goes(staged: Staged) -> None:
    first = staged.segments()
    staged.drain()
    staged.change(2)
    staged.backup()
    second = [segment for segment in staged.segments() if segment not in first]
    report = staged.free()
    assert report.freed[0].segments == len(first) and reasons(report) == {"copies": len(second)}
    assert staged.segments() == second
    assert staged.restores("web/site@1") and staged.restores("web/site@2")
    staged.drain()
    staged.free()
    assert staged.segments() == [] and staged.restores("web/site@1") and staged.restores()


def test_it_is_kept_for_its_time(staged: Staged) -> None:
    staged.drain()
    before = staged.segments()
    report = staged.free_with(SYSTEM, "copies: 1, keep: 7 d", days=6)
    assert reasons(report) == {"young": len(before)} and staged.segments() == before
    assert report.freed[0].kept[0].text == "web/site@1 is to be kept for another 24:00:00"
    staged.free_with(SYSTEM, "copies: 1, keep: 7 d", days=7)
    assert staged.segments() == []


def test_two_copies_are_two_devices(memory_path: Path) -> None:
    staged = Staged(memory_path, "slow", "tape")
    staged.backup("fast", "slow")
    before = staged.segments()
    assert reasons(staged.free("copies: 2")) == {"copies": len(before)}
    staged.drain("tape")
    assert staged.free("copies: 2").freed[0].segments == len(before)
    assert staged.copies() == 2


# The media win


def test_a_medium_that_is_away_is_no_copy(drained: Staged) -> None:
    before = drained.segments()
    drained.hide("slow")
    report = drained.free()
    assert (report.outcome, report.exit_code, report.problems) == (Outcome.SUCCESS, 0, ())
    assert reasons(report) == {"unseen": len(before)} and drained.segments() == before
    assert "slow does not exist" in report.freed[0].kept[0].text
    assert drained.copies() == 2, "it is away, and not lost"
    drained.show("slow")
    assert drained.free().freed[0].segments == len(before)


def test_another_medium_in_its_place_is_no_copy(drained: Staged) -> None:
    before = drained.segments()
    drained.hide("slow")
    init_medium(str(drained.place("slow")), name="slow")
    report = drained.free()
    assert reasons(report) == {"unseen": len(before)}
    assert "expected" in report.freed[0].kept[0].text and drained.segments() == before


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.chmod(0o600)
    os.truncate(path, path.stat().st_size // 2)


def overwrite_footer(path: Path) -> None:
    flip(path, path.stat().st_size - 4096 + 20)


def overwrite_a_header(path: Path) -> None:
    """Of the first frame behind the record of the session, which came first."""
    flip(path, 4 * 4096 + 20)


def flip(path: Path, offset: int) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


@pytest.mark.parametrize("harm", [remove, cut, overwrite_footer, overwrite_a_header])
def test_what_the_other_medium_does_not_show_keeps_the_segment(drained: Staged, harm) -> None:  # type: ignore[no-untyped-def]
    """Whatever the catalog says: it is told, too, and a repair makes it good."""
    before = drained.segments()
    (copy,) = {stored.place.segment for stored in drained.reader("slow").frames()}
    harm(drained.place("slow") / "segments" / f"{copy:08d}-0000.seg")
    report = drained.free()
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4)
    assert {problem.kind for problem in report.problems} == {"damaged"}
    assert "slow does not show" in report.problems[0].text
    assert set(reasons(report)) <= {"unseen", "copies"} and reasons(report)["unseen"] >= 1
    assert drained.segments() == before, "a version is safe as a whole or not at all"
    assert drained.copies() == 1 and drained.restores()
    drained.drain()
    assert reasons(drained.free()) == {} and drained.segments() == [] and drained.restores()


def test_a_copy_that_a_verification_found_damaged_is_none(drained: Staged) -> None:
    before = drained.segments()
    stored = next(s for s in drained.reader("slow").frames() if s.header.stream == 1)
    damage(drained.place("slow"), stored.place, byte=100)
    api.verify([str(drained.place("slow"))], QUIET, drained.catalog)
    assert reasons(drained.free()) == {"copies": len(before)}


def test_what_the_catalog_does_not_know_stays(drained: Staged) -> None:
    """A catalog that is older than the medium: as if the last frames had never been heard of."""
    with open_catalog(drained.catalog) as catalog:
        first, last = min(drained.segments()), max(drained.segments())
        forgotten = next(s for s in drained.reader("fast").frames() if s.place.segment == first)
        catalog._database.execute(
            """DELETE FROM copies WHERE segment = ? AND offset = ?
               AND medium = (SELECT medium FROM media WHERE device = 'fast')""",
            (first, forgotten.place.offset),
        )
    report = drained.free()
    assert reasons(report) == {"unknown": 1} and drained.segments() == [first]
    assert last in drained.freed() and "rebuild" in report.freed[0].kept[0].text


def test_a_segment_that_lacks_what_was_written_to_it_stays(drained: Staged) -> None:
    first = drained.segments()[0]
    stored = next(s for s in drained.reader("fast").frames() if s.place.segment == first)
    with open_catalog(drained.catalog) as catalog:
        elsewhere = replace(stored.place, offset=stored.place.offset + 4096)
        catalog.add_durable([(stored.header, elsewhere)])
    report = drained.free()
    assert reasons(report) == {"damaged": 1} and drained.segments() == [first]


def test_a_segment_that_is_damaged_here_or_never_sealed_stays(drained: Staged) -> None:
    first, second, *_ = drained.segments()
    overwrite_footer(drained.place("fast") / "segments" / f"{first:08d}-0000.seg")
    sealed = drained.place("fast") / "segments" / f"{second:08d}-0000.seg"
    sealed.rename(sealed.with_suffix(".part"))
    report = drained.free()
    assert reasons(report) == {"damaged": 1, "unsealed": 1}
    assert drained.restores()


# Who may, and when


def test_a_device_in_use_waits_for_another_time(drained: Staged) -> None:
    before = drained.segments()
    target = DeviceTarget("fast", "directory", str(drained.place("fast")))
    device = DirectoryDevice(target)
    device.lock("a backup")
    report = drained.free()
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 11)
    assert "a backup" in report.problems[0].text and report.devices[0].state == "locked"
    by_itself = drained.free_with(SYSTEM, is_asked=False)
    assert (by_itself.outcome, by_itself.problems) == (Outcome.SUCCESS, ())
    assert reasons(drained.free(dry_run=True)) == {} and drained.segments() == before
    device.close()
    assert drained.free().freed[0].segments == len(before)


def test_who_waits_for_a_device_is_not_overtaken(drained: Staged) -> None:
    before = drained.segments()
    queue = DirectoryDevice(DeviceTarget("fast", "directory", str(drained.place("fast")))).queue()
    queue.enter(Ticket(1, sample_id(7)), "session 7")
    report = drained.free()
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 11)
    assert '"fast" is kept for session 7' in report.problems[0].text
    assert drained.segments() == before
    queue.leave()
    assert drained.free().freed[0].segments == len(before)


def test_one_command_at_a_time_makes_room(drained: Staged) -> None:
    lock = MediumLock(f"{drained.catalog}.freeing", "", "flowbackup free")
    with pytest.raises(DeviceLockedError, match="room is made already"):
        drained.free()
    lock.close()
    assert drained.free().freed[0].segments


def test_only_staging_devices_are_freed(drained: Staged) -> None:
    plan = drained.plan()
    settings = RunSettings(catalog=drained.catalog)
    with pytest.raises(UsageError, match='no staging device "slow"'):
        api.free(plan, ["slow"], settings, QUIET)
    assert drained.segments("slow")


def test_devices_of_other_nodes_need_a_cluster(drained: Staged) -> None:
    file = drained.folder / "staging.yaml"
    drained.plan()
    text = file.read_text().replace(
        "devices:\n  fast: {", "nodes: {far: {}}\ndevices:\n  fast: {node: far, ", 1
    )
    file.write_text(text)
    with open_catalog(drained.catalog) as catalog:
        (info,) = [info for info in catalog.media() if info.device == "fast"]
        catalog.add_medium(replace(info, node="far"))
    report = api.free(api.load_plan(file), (), RunSettings(catalog=drained.catalog), QUIET)
    assert report.outcome is Outcome.FAILED and "--address" in report.problems[0].text


def test_what_made_room_is_known_as_long_as_it_is_elsewhere(drained: Staged) -> None:
    assert drained.free().exit_code == 0 and drained.segments() == []
    plan = drained.backup_plan()
    settings = RunSettings(catalog=drained.catalog, engine="local")
    report = api.run_backup(plan, settings, QUIET)
    assert (report.exit_code, report.bytes_new) == (0, 0)
    assert report.bytes_deduplicated == sum(p.stat().st_size for p in drained.source.iterdir())
    assert drained.restores()
    with open_catalog(drained.catalog) as catalog:
        for row in catalog.frames_of(catalog.resolve("latest")):
            for info, place in catalog.places(row.frame):
                if info.device == "slow":
                    catalog.mark_damaged(place)
    assert api.run_backup(plan, settings, QUIET).bytes_new == report.bytes_deduplicated
