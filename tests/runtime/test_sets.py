"""Care for a set of media: what lies on a lost medium is named, healed, and written again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import CopyRow
from flowbackup.media.segments.room import medium_bytes
from flowbackup.media.sets.media_set import find_set
from flowbackup.model.ids import id_text
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import RecordingMonitor
from flowbackup.testing.compare import differences
from tests import judge
from tests.local_backup import LocalBackup
from tests.media.media_samples import EMPTY_BYTES
from tests.runtime.repaired import repair, tree

MEDIA_BYTES = EMPTY_BYTES + 400_000


@pytest.fixture
def source(memory_path: Path) -> Path:
    """Of about a megabyte."""
    return tree(memory_path / "site")


@pytest.fixture
def kept(memory_path: Path) -> LocalBackup:
    return LocalBackup(memory_path, "vault", "usb", media_bytes={"vault": MEDIA_BYTES})


def media_of(kept: LocalBackup) -> list[Path]:
    found = find_set(str(kept.place("vault")), "vault")
    return [Path(member.location) for member in found.members]


def lose(kept: LocalBackup, number: int) -> Path:
    place = kept.place("vault") / f"medium-{number:05d}"
    shutil.rmtree(place)
    return place


def restore(kept: LocalBackup, source: Path) -> tuple[SessionReport, bool]:
    """And whether what was restored is equal."""
    target = kept.folder / "restored"
    monitor = RecordingMonitor()
    request = api.RestoreRequest(catalog=kept.catalog_path)
    report = api.restore("latest", str(target), request, monitor)
    equal = list(differences(str(source), str(target))) == []
    shutil.rmtree(target, ignore_errors=True)
    return report, equal


def texts(report: SessionReport, kind: str) -> list[str]:
    return [problem.text for problem in report.problems if problem.kind == kind]


def test_an_object_is_restored_from_all_media_of_a_set(kept: LocalBackup, source: Path) -> None:
    kept.run(source, "vault")
    media = media_of(kept)
    assert len(media) >= 3
    assert all(medium_bytes(str(place)) <= MEDIA_BYTES for place in media)
    report, equal = restore(kept, source)
    assert (report.outcome, report.problems, equal) == (Outcome.SUCCESS, (), True)
    with kept.catalog() as catalog:
        version = catalog.resolve("latest")
        assert catalog.copies_durable(version) == 1
        rows = catalog.copies_of(version)
    assert {row.medium.location for row in rows} == {str(place) for place in media}
    assert sum(row.frames_held for row in rows) == rows[0].frames_needed


def test_recover_takes_the_set_or_its_media(kept: LocalBackup, source: Path) -> None:
    kept.run(source, "vault")
    for number, named in enumerate(([kept.place("vault")], media_of(kept)[::-1])):
        target = kept.folder / f"judged{number}"
        done = judge.recovered_here(named, target)
        assert (done.exit_code, done.problems) == (0, ())
        assert list(differences(str(source), str(target))) == []
    lost = lose(kept, 2)
    done = judge.recovered_here([kept.place("vault")], kept.folder / "lacking")
    assert done.exit_code == 1 and done.problems
    assert any("only medium 1, 3" in note and lost.name not in note for note in done.notes)


def test_a_lost_medium_is_named_with_what_it_takes_along(
    kept: LocalBackup, source: Path, memory_path: Path
) -> None:
    small = memory_path / "small"
    small.mkdir()
    (small / "file").write_bytes(os.urandom(1000))
    kept.run(small, "vault", "usb")
    kept.run(source, "vault")
    lost = lose(kept, 2)
    report, _ = restore(kept, source)
    assert report.outcome is not Outcome.SUCCESS
    taken = "it takes along web/site@1 ("
    (text,) = texts(report, "unreachable")
    assert 'device "vault", medium 2 of its set' in text and str(lost) in text and taken in text
    assert "web/small" not in text
    verified = api.verify(["vault"], RecordingMonitor(), kept.catalog_path)
    assert verified.outcome is Outcome.FAILED
    (text,) = texts(verified, "device_failed")
    assert "medium 2 of its set" in text and taken in text
    states = [device.state for device in verified.devices]
    assert states.count("failed") == 1 and set(states) == {"failed", "sound"}
    (found,) = api.lost_media(kept.catalog_path)
    assert found.info.location == str(lost)
    assert [str(row.version) for row in found.versions] == ["web/site@1"]


def test_another_copy_heals_and_a_repair_writes_on(kept: LocalBackup, source: Path) -> None:
    kept.run(source, "vault", "usb")
    lost = lose(kept, 2)
    report, equal = restore(kept, source)
    assert (report.outcome, equal) == (Outcome.SUCCESS, True)
    (found,) = api.lost_media(kept.catalog_path)
    assert not found.versions and "everything on it has another copy" in found.text
    with kept.catalog() as catalog:
        held = {row.medium.location: row.frames_held for row in catalog.copies_of(
            catalog.resolve("latest"))}  # fmt: skip
    before = [path.read_bytes() for path in sorted(media_of(kept)[0].rglob("*.seg"))]
    repaired = repair(kept, "vault")
    assert (repaired.outcome, repaired.exit_code) == (Outcome.SUCCESS, 0)
    assert [device.frames for device in repaired.devices] == [held[str(lost)]]
    assert [path.read_bytes() for path in sorted(media_of(kept)[0].rglob("*.seg"))] == before
    assert not lost.exists()
    kept.place("usb").rename(kept.folder / "away")
    report, equal = restore(kept, source)
    assert (report.outcome, equal) == (Outcome.SUCCESS, True)
    target = kept.folder / "judged"
    assert judge.recovered_here(media_of(kept), target).exit_code == 0
    assert list(differences(str(source), str(target))) == []
    again = repair(kept, "vault")
    assert (again.outcome, again.bytes_new) == (Outcome.SUCCESS, 0)


def test_a_repair_begins_media_where_they_are_full(kept: LocalBackup, source: Path) -> None:
    """Everything goes to the set: more than one medium of it."""
    kept.run(source, "usb")
    with kept.catalog() as catalog:
        for info in api_media(kept):
            catalog.add_medium(info)
    report = repair(kept, "vault", full=True)
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    media = media_of(kept)
    assert len(media) >= 3
    assert all(medium_bytes(str(place)) <= MEDIA_BYTES for place in media)
    with kept.catalog() as catalog:
        assert catalog.copies_durable(catalog.resolve("latest")) == 2
        known = {info.location for info in catalog.media()}
    assert {str(place) for place in media} < known
    target = kept.folder / "judged"
    assert judge.recovered_here(media, target).exit_code == 0
    assert list(differences(str(source), str(target))) == []


def api_media(kept: LocalBackup) -> list:
    from flowbackup.media.open import open_device
    from flowbackup.model.device import DeviceTarget

    target = DeviceTarget("vault", "directory", str(kept.place("vault")))
    return list(open_device(target).media())


def test_a_catalog_is_rebuilt_from_a_set(kept: LocalBackup, source: Path) -> None:
    kept.run(source, "vault")
    with kept.catalog() as catalog:
        before = catalog.copies_of(catalog.resolve("latest"))
    kept.catalog_path.unlink()
    report = api.rebuild([str(kept.place("vault"))], RecordingMonitor(), kept.catalog_path)
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    with open_catalog(kept.catalog_path) as catalog:
        rows = catalog.copies_of(catalog.resolve("latest"))
        members = [info.membership for info in catalog.media()]
    assert key(rows) == key(before)
    assert [m.number for m in members if m] == list(range(1, len(members) + 1))
    report, equal = restore(kept, source)
    assert (report.outcome, equal) == (Outcome.SUCCESS, True)
    lost = lose(kept, 2)
    monitor = RecordingMonitor()
    report = api.rebuild([str(kept.place("vault"))], monitor, kept.catalog_path, fresh=True)
    assert report.outcome is Outcome.INCOMPLETE
    assert any(str(lost) in problem.text for problem in monitor.problems)
    assert any("web/site@1 lacks" in text for text in texts(report, "frames_missing"))


def key(rows: list[CopyRow]) -> list[tuple[str, int]]:
    return sorted((id_text(row.medium.medium), row.frames_held) for row in rows)


def test_verify_takes_all_media_of_a_device_or_one_of_them(kept: LocalBackup, source: Path) -> None:
    kept.run(source, "vault", "usb")
    media = media_of(kept)
    for named, count in (("vault", len(media)), (str(kept.place("vault")), len(media)),
                         (str(media[1]), 1), ("usb", 1)):  # fmt: skip
        report = api.verify([named], RecordingMonitor(), kept.catalog_path)
        assert (report.outcome, len(report.devices)) == (Outcome.SUCCESS, count), named


def test_show_and_list_say_which_medium_of_which_set(kept: LocalBackup, source: Path) -> None:
    kept.run(source, "vault")
    shown = api.show_device("vault", kept.catalog_path).info
    assert shown.membership is not None
    assert shown.membership.number == len(media_of(kept))
    assert 0 <= shown.free_bytes < MEDIA_BYTES
    numbers = [row.info.membership.number for row in api.devices(kept.catalog_path)
               if row.info.membership]  # fmt: skip
    assert numbers == list(range(1, shown.membership.number + 1))
