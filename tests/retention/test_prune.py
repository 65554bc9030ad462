"""Prune: what no version needs goes, and nothing else, with `recover.py` as the judge."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from flowbackup.catalog.catalog import open_catalog
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.pruning import SegmentPruner
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import id_text
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from tests.local_backup import damage
from tests.retention.keeping import Keeping


@pytest.fixture
def keeping(tmp_path: Path) -> Keeping:
    return Keeping(tmp_path)


def test_what_no_version_needs_goes_and_what_one_needs_stays(keeping: Keeping) -> None:
    keeping.write("stays", 300_000)
    keeping.write("changes", 600_000)
    first = keeping.backup()
    keeping.write("changes", 700_000)
    second = keeping.backup()
    before = keeping.used_bytes()
    keeping.forget(first)
    report = keeping.prune()
    assert report.outcome is Outcome.SUCCESS, report
    (freed,) = report.freed
    assert freed.size_bytes > 600_000 and freed.moved_bytes > 300_000
    assert before - keeping.used_bytes() > 590_000
    keeping.recovers(second, keeping.tree)
    assert keeping.judged() == {id_text(second.object_id)}


def test_a_second_one_finds_nothing_to_do(keeping: Keeping) -> None:
    keeping.write("a", 600_000)
    first = keeping.backup()
    keeping.write("a", 600_000)
    keeping.backup()
    keeping.forget(first)
    keeping.prune()
    before = sorted((keeping.place() / "segments").iterdir())
    (freed,) = keeping.prune().freed
    assert (freed.segments, freed.kept) == (0, ())
    assert sorted((keeping.place() / "segments").iterdir()) == before


def test_the_dry_run_says_what_the_run_does(keeping: Keeping) -> None:
    for _ in range(4):
        keeping.write("a", 300_000)
        keeping.write(f"b{keeping.now_ns}", 100_000)
        keeping.backup()
    keeping.forget(*keeping.versions()[:2])
    before = {file: file.stat().st_mtime_ns for file in (keeping.place() / "segments").iterdir()}
    foreseen = keeping.prune(dry_run=True)
    after = {file: file.stat().st_mtime_ns for file in (keeping.place() / "segments").iterdir()}
    assert after == before and foreseen.session == ""
    assert keeping.prune().freed == foreseen.freed


def test_only_the_sparsest_are_moved(keeping: Keeping) -> None:
    """Until what stays unused is a twentieth."""
    for number in range(6):
        keeping.write(f"stays{number}", 400_000)
        keeping.write("changes", 20_000)
        keeping.backup()
    keeping.write("changes", 300_000)
    keeping.backup()
    keeping.forget(*keeping.versions()[:-1])
    share = Fraction(1, 20)
    foreseen = keeping.prune(dry_run=True, max_unused=None)
    (few,) = keeping.prune(max_unused=share).freed
    assert few.segments >= foreseen.freed[0].segments
    with keeping.local.catalog() as catalog:
        catalog.forgetting.pruning.prepare()
        shares = catalog.forgetting.pruning.shares(catalog.media()[0].medium)
    dead = sum(item.dead_bytes for item in shares)
    assert 0 < dead <= share * sum(item.size_bytes for item in shares)
    (kept,) = few.kept
    assert kept.reason == "sparse" and kept.segments > 0
    keeping.recovers(keeping.versions()[-1], keeping.tree)


def test_nothing_goes_while_a_kept_version_has_too_few_copies(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path, "disk", "usb")
    keeping.write("a", 300_000)
    first = keeping.backup()
    keeping.write("a", 300_000)
    keeping.backup("disk")
    keeping.forget(first)
    before = keeping.used_bytes()
    report = keeping.prune(copies=2)
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4)
    assert "web/site@2 has 1 of 2 durable copies" in report.problems[0].text
    assert keeping.used_bytes() == before
    assert keeping.prune(copies=1).outcome is Outcome.SUCCESS
    assert keeping.used_bytes() < before


def test_a_rebuild_does_not_bring_back_what_was_forgotten(tmp_path: Path) -> None:
    from flowbackup import api

    keeping = Keeping(tmp_path, "disk", "usb")
    keeping.write("a", 300_000)
    keeping.write("b", 300_000)
    first = keeping.backup()
    keeping.write("a", 300_000)
    second = keeping.backup()
    keeping.forget(first)
    # Little is unused, so nothing is moved: the record of the forgotten version is there still.
    keeping.prune(max_unused=None)
    places = [str(keeping.place(name)) for name in keeping.devices]
    report = api.rebuild(places, SilentMonitor(), keeping.local.catalog_path, fresh=True)
    assert report.outcome is Outcome.SUCCESS, report.problems
    assert [(v.number, v.object_id) for v in keeping.versions()] == [(2, second.object_id)]
    third = keeping.backup()
    assert third.number == 3


def test_a_medium_that_is_away_costs_no_other_one(tmp_path: Path) -> None:
    keeping = Keeping(tmp_path, "disk", "usb")
    keeping.write("a", 300_000)
    first = keeping.backup()
    keeping.write("a", 300_000)
    second = keeping.backup()
    keeping.forget(first)
    keeping.place("usb").rename(tmp_path / "away")
    report = keeping.prune()
    assert report.outcome is Outcome.FAILED and report.exit_code == 1
    (problem,) = report.problems
    assert problem.device == "usb"
    assert [freed.device for freed in report.freed] == ["disk"] and report.freed[0].segments
    (tmp_path / "away").rename(keeping.place("usb"))
    assert keeping.prune().outcome is Outcome.SUCCESS
    assert keeping.judged() == {id_text(second.object_id)}


def test_a_medium_that_is_in_use_is_left_alone(keeping: Keeping) -> None:
    keeping.write("a", 300_000)
    keeping.backup()
    device = DirectoryDevice(DeviceTarget("disk", "directory", str(keeping.place())))
    device.lock("a session")
    try:
        report = keeping.prune()
    finally:
        device.close()
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 11)
    assert "a session" in report.problems[0].text


def test_damage_that_is_met_keeps_the_segment(keeping: Keeping) -> None:
    """It may be all that there is: a verification and a repair come first."""
    keeping.write("stays", 300_000)
    keeping.write("a", 300_000)
    first = keeping.backup()
    keeping.write("a", 300_000)
    second = keeping.backup()
    keeping.forget(first)
    with keeping.local.catalog() as catalog:
        (entry,) = [e for e in catalog.entries(second) if e.path == b"stays"]
        (copy,) = catalog.copies_of_frame(entry.chunks[0].frame)
    damage(keeping.place(), copy.place)
    (freed,) = keeping.prune().freed
    assert "damaged" in {kept.reason for kept in freed.kept}
    assert copy.place.segment in keeping.segments()


def test_tags_of_a_run_reach_retention(tmp_path: Path) -> None:
    from flowbackup import api

    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "f").write_bytes(b"x")
    plan = api.quick_plan([str(tmp_path / "src")], str(tmp_path / "disk"))
    settings = api.RunSettings(
        catalog=tmp_path / "c.sqlite", create=True, engine="local", tags=("release", "x")
    )
    assert api.run_backup(plan, settings, SilentMonitor()).outcome is Outcome.SUCCESS
    for _ in range(2):
        with open_catalog(tmp_path / "c.sqlite") as catalog:
            (row,) = catalog.objects()
            (candidate,) = catalog.forgetting.candidates(row.client, row.name)
        assert candidate.tags == ("release", "x") and candidate.copies == 1
        api.rebuild([str(tmp_path / "disk")], SilentMonitor(), tmp_path / "c.sqlite", fresh=True)


def test_a_medium_with_encrypted_frames_is_told_no_names(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who prunes needs no key, and what he writes is not encrypted."""
    from flowbackup.catalog.pruning import Pruning

    monkeypatch.setattr(Pruning, "has_sealed", lambda *_: True)
    keeping.write("a", 300_000)
    first = keeping.backup()
    keeping.write("a", 300_000)
    keeping.backup()
    keeping.forget(first)
    told: list[bytes] = []
    real = SegmentPruner.write_record

    def write_record(pruner: SegmentPruner, *arguments: Any) -> Any:
        told.append(bytes(arguments[2]))
        return real(pruner, *arguments)

    monkeypatch.setattr(SegmentPruner, "write_record", write_record)
    assert keeping.prune().outcome is Outcome.SUCCESS
    assert len(told) == 2 and b'"forgotten"' in told[0]
    assert not any(b"web" in record or b"site" in record for record in told)
