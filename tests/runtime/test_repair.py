"""Repair: copies that lag, failed, are damaged, lost or new are completed, and only that moves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.errors import NotFoundError, UsageError
from flowbackup.flow import admission
from flowbackup.media.labels.label import LABEL_NAME, read_label
from flowbackup.media.open import open_device
from flowbackup.model.report import Outcome
from flowbackup.monitor import WAITING, Progress, RecordingMonitor
from flowbackup.testing.compare import differences
from tests import judge
from tests.local_backup import LocalBackup, damage
from tests.runtime.repaired import (
    content_of,
    frames_of,
    held,
    judged,
    moved,
    place_on,
    repair,
    states,
    target,
    tree,
)


@pytest.fixture
def source(memory_path: Path) -> Path:
    return tree(memory_path / "site")


@pytest.fixture
def kept(memory_path: Path) -> LocalBackup:
    return LocalBackup(memory_path, "nas", "usb", "vault")


@pytest.mark.parametrize("taken", [0, 1, 9])
def test_a_copy_that_failed_in_the_middle_is_completed(
    kept: LocalBackup, source: Path, taken: int
) -> None:
    version = kept.run(source, "nas", "usb", "vault", fails_at={"usb": taken})
    wanted = frames_of(kept, version)
    with kept.catalog() as catalog:
        assert [row.copies for row in catalog.below_copies(3)] == [2]
    before = content_of(kept.place("nas")), content_of(kept.place("vault"))
    report = repair(kept)
    assert (report.outcome, report.exit_code, report.problems) == (Outcome.SUCCESS, 0, ())
    # Its own record of the session was not written either.
    assert moved(report) == {"nas": 0, "usb": len(wanted) - taken + 1, "vault": 0}
    assert set(states(report).values()) == {"complete"}
    assert (content_of(kept.place("nas")), content_of(kept.place("vault"))) == before
    with kept.catalog() as catalog:
        assert catalog.below_copies(3) == []
        assert report.bytes_new == report.bytes_read > 0
    judged(kept, "usb", source)
    again = repair(kept)
    assert (again.exit_code, sum(moved(again).values()), again.bytes_read) == (0, 0, 0)


def test_a_damaged_frame_is_written_to_a_new_segment_and_stays_where_it_is(
    kept: LocalBackup, source: Path
) -> None:
    version = kept.run(source, "nas", "usb")
    bad = frames_of(kept, version)[3]
    place = place_on(kept, bad, "usb")
    damage(kept.place("usb"), place)
    before = content_of(kept.place("usb"))
    assert api.verify([], RecordingMonitor(), kept.catalog_path).outcome is Outcome.FAILED
    assert held(kept)["usb"] is False
    report = repair(kept)
    assert (report.exit_code, moved(report)) == (0, {"nas": 0, "usb": 1})
    after = content_of(kept.place("usb"))
    assert before.items() < after.items() and len(after) == len(before) + 1
    assert held(kept) == {"nas": True, "usb": True}
    # The damage is still seen, and harms nobody any more.
    verified = api.verify(["usb"], RecordingMonitor(), kept.catalog_path)
    assert (verified.outcome, [p.kind for p in verified.problems]) == (
        Outcome.SUCCESS, ["repaired"],
    )  # fmt: skip
    # Both readers take the good one of the two that are there.
    judged(kept, "usb", source)
    kept.place("nas").rename(kept.folder / "away")
    request = api.RestoreRequest(catalog=kept.catalog_path)
    monitor = RecordingMonitor()
    restored = api.restore("latest", str(kept.folder / "back"), request, monitor)
    assert restored.outcome is Outcome.SUCCESS
    assert list(differences(str(source), str(kept.folder / "back"))) == []
    assert {problem.kind for problem in monitor.problems} <= {"unreachable"}


def test_damage_that_nobody_has_found_yet_is_found_by_reading_and_repaired(
    kept: LocalBackup, source: Path
) -> None:
    """usb lacks everything; nas, from which it is read, turns out to be damaged in one frame that
    vault has: both are completed."""
    version = kept.run(source, "nas", "usb", "vault", fails_at={"usb": 0})
    for frame in frames_of(kept, version):
        damage(kept.place("nas"), place_on(kept, frame, "nas"))
    report = repair(kept)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0)
    assert {problem.kind for problem in report.problems} == {"healed"}
    assert moved(report)["usb"] == len(frames_of(kept, version)) + 1
    assert moved(report)["nas"] == len(report.problems) > 0
    judged(kept, "usb", source)


def test_each_copy_heals_the_other(kept: LocalBackup, source: Path) -> None:
    version = kept.run(source, "nas", "usb")
    first, last = frames_of(kept, version)[0], frames_of(kept, version)[-1]
    damage(kept.place("nas"), place_on(kept, first, "nas"))
    damage(kept.place("usb"), place_on(kept, last, "usb"))
    api.verify([], RecordingMonitor(), kept.catalog_path)
    report = repair(kept)
    assert (report.exit_code, moved(report)) == (0, {"nas": 1, "usb": 1})
    for device in ("nas", "usb"):
        judged(kept, device, source)


@pytest.mark.parametrize("name", ["usb", "location", None])
def test_a_lost_device_is_replaced_by_an_empty_one(
    kept: LocalBackup, source: Path, name: str | None
) -> None:
    version = kept.run(source, "nas", "usb")
    shutil.rmtree(kept.place("usb"))
    LocalBackup(kept.folder, "usb")
    words = {"usb": ("usb",), "location": (str(kept.place("usb")),), None: ()}[name]
    report = repair(kept, *words)
    assert (report.outcome, report.exit_code, report.problems) == (Outcome.SUCCESS, 0, ())
    assert moved(report)["usb"] == len(frames_of(kept, version)) + 1
    judged(kept, "usb", source)
    assert sum(moved(repair(kept)).values()) == 0
    # What is meant for the device is meant for the new medium, now and later.
    kept.run(tree(kept.folder / "more"), "nas", "usb", fails_at={"usb": 2})
    assert repair(kept).exit_code == 0
    judged(kept, "usb", kept.folder / "more")


def test_a_replacement_elsewhere_is_completed_when_it_is_named(
    kept: LocalBackup, source: Path, tmp_path: Path
) -> None:
    version = kept.run(source, "nas", "usb")
    shutil.rmtree(kept.place("usb"))
    elsewhere = LocalBackup(tmp_path / "elsewhere", "usb").place("usb")
    assert moved(repair(kept)) == {"nas": 0, "usb": 0}
    report = repair(kept, str(elsewhere))
    assert (report.exit_code, report.problems) == (0, ())
    assert moved(report) == {"usb": len(frames_of(kept, version)) + 1}


def test_the_same_name_alone_moves_nothing(kept: LocalBackup, source: Path, tmp_path: Path) -> None:
    """Two graphs may call their disks the same; while one is away the other is not filled."""
    kept.run(source, "nas", "usb")
    other = LocalBackup(tmp_path / "other", "usb")
    with kept.catalog() as catalog:
        catalog.add_medium(open_device(target(other, "usb")).info())
    kept.place("usb").rename(kept.folder / "away")
    report = repair(kept)
    assert (report.exit_code, sum(moved(report).values())) == (0, 0)
    assert content_of(other.place("usb")) == {}


def test_a_device_of_another_node_is_completed_where_it_was_brought(
    kept: LocalBackup, source: Path
) -> None:
    kept.run(source, "nas", "usb", fails_at={"usb": 1})
    with kept.catalog() as catalog:
        info = open_device(target(kept, "usb")).info()
        catalog.add_medium(replace(info, node="vault"))
    report = repair(kept)
    assert (report.exit_code, sum(moved(report).values())) == (4, 0)
    (problem,) = report.problems
    assert "is on node vault" in problem.text and "bring it here" in problem.text
    report = repair(kept, str(kept.place("usb")))
    assert (report.exit_code, states(report)) == (0, {"usb": "complete"})
    judged(kept, "usb", source)


def test_a_new_mirror_gets_everything_or_one_object(kept: LocalBackup, source: Path) -> None:
    first = kept.run(source, "nas")
    second = kept.run(tree(kept.folder / "more"), "nas")
    assert moved(repair(kept, str(kept.place("vault")))) == {"vault": 0}
    report = repair(kept, "vault", full=True, objects=("more",))
    assert (report.exit_code, moved(report)) == (0, {"vault": len(frames_of(kept, second)) + 1})
    judged(kept, "vault", kept.folder / "more")
    report = repair(kept, "vault", full=True)
    assert (report.exit_code, moved(report)) == (0, {"vault": len(frames_of(kept, first)) + 1})
    with kept.catalog() as catalog:
        assert catalog.below_copies(2) == []
    # What it holds by now is kept there, though it was never meant for it.
    damage(kept.place("vault"), place_on(kept, frames_of(kept, first)[0], "vault"))
    api.verify(["vault"], RecordingMonitor(), kept.catalog_path)
    assert moved(repair(kept))["vault"] == 1


def test_a_segment_that_is_gone_or_cut_is_noticed_and_replaced(
    kept: LocalBackup, source: Path
) -> None:
    version = kept.run(source, "nas", "usb")
    segments = sorted((kept.place("usb") / "segments").iterdir())
    assert len(segments) >= 3
    places = [place_on(kept, frame, "usb") for frame in frames_of(kept, version)]
    lost = sum(place.segment == 1 for place in places)
    cut = max(place.offset for place in places if place.segment == 2)
    segments[0].unlink()
    segments[1].chmod(0o600)
    os.truncate(segments[1], cut)
    report = repair(kept)
    assert report.exit_code == 0
    assert [problem.kind for problem in report.problems] == ["damaged"]
    assert f"with {lost + 1} frames" in report.problems[0].text
    assert moved(report) == {"nas": 0, "usb": lost + 1}
    target = kept.folder / "judged"
    judge.recovered_here([kept.place("usb")], target)
    segments[1].unlink()
    assert moved(repair(kept))["usb"] > 0
    verified = api.verify(["usb"], RecordingMonitor(), kept.catalog_path)
    assert (verified.outcome, verified.problems) == (Outcome.SUCCESS, ())
    assert list(differences(str(source), str(target))) == []


def test_what_no_copy_holds_is_named_and_the_rest_is_repaired(
    kept: LocalBackup, source: Path
) -> None:
    version = kept.run(source, "nas", "usb", "vault", fails_at={"vault": 0})
    frames = frames_of(kept, version)
    for device in ("nas", "usb"):
        damage(kept.place(device), place_on(kept, frames[0], device))
    report = repair(kept)
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, 1)
    (lost,) = [problem for problem in report.problems if problem.kind == "lost"]
    assert str(frames[0]) in lost.text and "web/site@1: file00" in lost.text
    assert moved(report) == {"nas": 0, "usb": 0, "vault": len(frames)}
    assert states(report) == dict.fromkeys(("nas", "usb", "vault"), "incomplete")


def test_what_only_an_absent_device_holds_is_left_for_another_day(
    kept: LocalBackup, source: Path
) -> None:
    version = kept.run(source, "nas", "usb", fails_at={"usb": 5})
    kept.place("nas").rename(kept.folder / "away")
    report = repair(kept)
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4)
    assert states(report) == {"nas": "unreachable", "usb": "incomplete"}
    assert "lost" not in {problem.kind for problem in report.problems}
    (kept.folder / "away").rename(kept.place("nas"))
    report = repair(kept)
    assert (report.exit_code, moved(report)["usb"]) == (0, len(frames_of(kept, version)) - 5 + 1)


@pytest.mark.parametrize(("optional", "exit_code"), [((), 4), (("usb",), 0)])
def test_an_absent_copy_that_lacks_frames_is_told(
    kept: LocalBackup, source: Path, optional: tuple[str, ...], exit_code: int
) -> None:
    kept.run(source, "nas", "usb", fails_at={"usb": 5}, optional=optional)
    kept.place("usb").rename(kept.folder / "away")
    report = repair(kept)
    assert (report.exit_code, states(report)["usb"]) == (exit_code, "unreachable")
    assert [(p.kind, p.device) for p in report.problems] == [("unreachable", "usb")]


def test_a_dry_run_tells_and_moves_nothing(kept: LocalBackup, source: Path) -> None:
    version = kept.run(source, "nas", "usb", fails_at={"usb": 5})
    before = content_of(kept.place("usb"))
    report = repair(kept, dry_run=True)
    missing = len(frames_of(kept, version)) - 5 + 1
    assert (report.exit_code, moved(report)) == (4, {"nas": 0, "usb": missing})
    assert (report.bytes_new, content_of(kept.place("usb"))) == (0, before)
    assert moved(repair(kept))["usb"] == missing


def test_a_locked_device_is_left_alone_and_the_others_are_repaired(
    kept: LocalBackup, source: Path
) -> None:
    kept.run(source, "nas", "usb", "vault", fails_at={"usb": 5, "vault": 7})
    with locked(kept, "vault"):
        report = repair(kept)
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 11)
    assert states(report) == {"nas": "complete", "usb": "complete", "vault": "locked"}
    assert "a long backup" in next(p.text for p in report.problems if p.kind == "locked")
    assert repair(kept).exit_code == 0


def test_a_repair_that_may_wait_waits_for_all_of_its_devices(
    kept: LocalBackup, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "LOOK_SECONDS", 0.001)
    kept.run(source, "nas", "usb", "vault", fails_at={"usb": 5, "vault": 7})
    long_backup = open_device(target(kept, "vault"))
    long_backup.lock("a long backup")

    class Ends(RecordingMonitor):
        def progress(self, progress: Progress) -> None:
            if progress.stage == WAITING:
                # Whoever waits holds nothing.
                with locked(kept, "usb"):
                    long_backup.close()

    monitor = Ends()
    request = api.RepairRequest(catalog=kept.catalog_path, wait_seconds_max=600)
    report = api.repair((), request, monitor)
    assert 'device "vault" is in use by a long backup' in monitor.messages[0]
    assert (report.exit_code, set(states(report).values())) == (0, {"complete"})


def test_a_repair_that_waited_in_vain_repairs_what_is_free(
    kept: LocalBackup, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "LOOK_SECONDS", 0.001)
    kept.run(source, "nas", "usb", "vault", fails_at={"usb": 5, "vault": 7})
    with locked(kept, "vault"):
        report = repair(kept, wait_seconds_max=0.01)
    assert (report.exit_code, states(report)["usb"]) == (11, "complete")
    assert states(report)["vault"] == "locked"
    assert not any("queue" in n for d in ("nas", "usb") for n in os.listdir(kept.place(d)))


@contextmanager
def locked(kept: LocalBackup, name: str) -> Iterator[None]:
    device = open_device(target(kept, name))
    device.lock("a long backup")
    try:
        yield
    finally:
        device.close()


def test_a_device_that_is_complete_may_be_locked(kept: LocalBackup, source: Path) -> None:
    kept.run(source, "nas", "usb", fails_at={"usb": 5})
    with locked(kept, "nas"):
        report = repair(kept)
    assert (report.exit_code, states(report)["nas"]) == (0, "complete")


def test_label_and_documents_are_written_anew(kept: LocalBackup, source: Path) -> None:
    kept.run(source, "nas")
    place = kept.place("nas")
    label = bytearray((place / LABEL_NAME).read_bytes())
    label[40] ^= 1
    (place / LABEL_NAME).write_bytes(label)
    good = (place / "FORMAT.md").read_bytes()
    (place / "FORMAT.md").write_bytes(good[:-1])
    (place / "README.txt").unlink()
    report = repair(kept)
    assert report.exit_code == 0
    assert len([p for p in report.problems if p.kind == "damaged"]) == 3
    assert (place / "FORMAT.md").read_bytes() == good
    assert read_label(str(place)).faults == ()
    assert repair(kept).problems == ()
    assert api.verify([], RecordingMonitor(), kept.catalog_path).outcome is Outcome.SUCCESS


def test_what_cannot_be_meant_is_refused(kept: LocalBackup, source: Path) -> None:
    kept.run(source, "nas")
    with pytest.raises(UsageError, match="--full"):
        repair(kept, full=True)
    with pytest.raises(NotFoundError, match="nowhere"):
        repair(kept, "nowhere")
    with pytest.raises(NotFoundError, match="nothing"):
        repair(kept, objects=("nothing",))
