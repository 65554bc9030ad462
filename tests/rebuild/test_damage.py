"""Rebuild from media that are damaged, forged, busy or gone: what there is is taken."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import CatalogError, DamageError, DeviceError, DeviceLockedError, UsageError
from flowbackup.model.digest import frame_digest
from flowbackup.model.ids import new_id
from flowbackup.model.queue import Ticket
from flowbackup.model.report import Outcome
from flowbackup.monitor import RecordingMonitor, SilentMonitor
from flowbackup.runtime.care.record_reader import RecordReader
from flowbackup.testing.frames import sample_id
from tests.catalog.dump import Dump, assert_equal, dump
from tests.rebuild.conftest import (
    BEHIND_THE_RECORD,
    DAMAGED_MEDIA_TELL,
    of_one,
    rebuild,
    without_ends,
)
from tests.rebuild.written_media import Chain


def flip(path: Path, offset: int) -> None:
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def segments(place: Path) -> list[Path]:
    return sorted((place / "segments").iterdir())


def test_a_damaged_index_is_told_and_the_segment_scanned(chain: Chain, lost: Dump) -> None:
    sealed = [path for path in segments(chain.places[0]) if path.suffix == ".seg"]
    for path in sealed:
        flip(path, path.stat().st_size - 4096 + 20)
    monitor = RecordingMonitor()
    report = rebuild(chain, chain.locations[0], monitor=monitor)
    assert (report.outcome, report.exit_code) == DAMAGED_MEDIA_TELL
    assert len(monitor.problems) == len(sealed)
    assert {problem.kind for problem in monitor.problems} == {"damaged"}
    found = dump(chain.catalog)
    assert_equal(without_ends(found), of_one(without_ends(lost), found["media"][0][0]))


def place_of_frame(
    chain: Chain, known: Dump, place: int, kind: int, nth: int = 0
) -> tuple[Path, int]:
    """File and offset of the payload of the n-th frame of a kind on a device."""
    frames = sorted(row[:3] for row in known["frames"] if row[3] == kind)
    medium = next(row[0] for row in known["media"] if row[1] == chain.places[place].name)
    wanted = frames[nth]
    copy = next(r for r in known["copies"] if r[0] == medium and r[1:4] == wanted)
    (path,) = (chain.places[place] / "segments").glob(f"{copy[4]:08d}-*")
    return path, copy[6] + 4096


def test_damaged_manifests_come_frame_by_frame_from_any_medium(chain: Chain, lost: Dump) -> None:
    for place, nth in ((0, 0), (0, 1), (1, 2), (2, 3)):
        flip(*place_of_frame(chain, lost, place, 2, nth))
    monitor = RecordingMonitor()
    report = rebuild(chain, monitor=monitor)
    # All could be had, so nothing is incomplete; what was seen is told, and marked.
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0)
    assert monitor.problems and {p.kind for p in monitor.problems} == {"damaged"}
    found = dump(chain.catalog)
    damaged = [row for row in found["copies"] if row[7]]
    assert len(damaged) == len(monitor.problems)
    for name in ("versions", "pages", "version_pages", "frames", "version_frames"):
        assert found[name] == lost[name]


def test_a_manifest_that_is_gone_takes_one_version_and_no_number(chain: Chain, lost: Dump) -> None:
    """The second of four versions of web/site cannot be had from one medium; from the next it is
    added, under the number that it always had."""
    before = {row[3]: row[:3] for row in lost["versions"]}
    site = {number: key for key, (client, _, number) in before.items() if client == "web"}
    object_id = site[2]
    frames = sorted(row[:3] for row in lost["frames"] if row[3] == 2)
    nth = next(n for n, row in enumerate(frames) if _object_of(lost, row) == object_id)
    flip(*place_of_frame(chain, lost, 0, 2, nth))
    monitor = RecordingMonitor()
    report = rebuild(chain, chain.locations[0], monitor=monitor)
    assert (report.outcome, report.exit_code) == DAMAGED_MEDIA_TELL
    assert [p.kind for p in monitor.problems] == ["damaged", "version_lost"]
    assert "web/site@2" in monitor.problems[1].text
    found = {row[3]: row[:3] for row in dump(chain.catalog)["versions"]}
    assert found == {key: row for key, row in before.items() if key != object_id}
    rebuild(chain, chain.locations[1])
    assert {row[3]: row[:3] for row in dump(chain.catalog)["versions"]} == before


def _object_of(known: Dump, frame: tuple[object, ...]) -> bytes:
    (row,) = (row for row in known["frames"] if row[:3] == frame)
    assert isinstance(row[5], bytes)
    return row[5]


def test_paranoid_marks_copies_of_content_that_are_damaged(chain: Chain, lost: Dump) -> None:
    flip(*place_of_frame(chain, lost, 1, 1))
    monitor = RecordingMonitor()
    report = rebuild(chain, mode="paranoid", monitor=monitor)
    assert report.outcome is Outcome.SUCCESS
    (problem,) = monitor.problems
    assert (problem.kind, problem.device) == ("damaged", "d1")
    assert {d.name: d.state for d in report.devices} == {
        "d0": "read",
        "d1": "damaged",
        "d2": "read",
    }
    (damaged,) = (row for row in dump(chain.catalog)["copies"] if row[7])
    # A fast one believes the paranoid one; a paranoid one sees for itself.
    rebuild(chain)
    assert [row for row in dump(chain.catalog)["copies"] if row[7]] == [damaged]
    flip(*place_of_frame(chain, lost, 1, 1))
    rebuild(chain, mode="paranoid")
    assert_equal(without_ends(dump(chain.catalog)), without_ends(lost))


def test_a_version_that_lacks_content_is_told(chain: Chain, lost: Dump) -> None:
    flip(*place_of_frame(chain, lost, 1, 1))
    monitor = RecordingMonitor()
    report = rebuild(chain, chain.locations[1], mode="paranoid", monitor=monitor)
    assert (report.outcome, report.exit_code) == DAMAGED_MEDIA_TELL
    assert [p.kind for p in monitor.problems] == ["damaged", "frames_missing"]
    assert "lacks 1 frame " in monitor.problems[1].text


def test_a_header_that_is_damaged_hides_a_frame_from_the_slow_way_only(
    chain: Chain, lost: Dump
) -> None:
    path, offset = place_of_frame(chain, lost, 0, 1)
    flip(path, offset - 4096 + 30)
    rebuild(chain, chain.locations[0])
    copies = len(dump(chain.catalog)["copies"])
    report = rebuild(chain, chain.locations[0], mode="slow")
    assert (report.outcome, report.exit_code) == DAMAGED_MEDIA_TELL
    assert len(dump(chain.catalog)["copies"]) == copies - 1


def test_a_lost_segment_takes_its_copies_and_nothing_else(chain: Chain, lost: Dump) -> None:
    rebuild(chain)
    gone = segments(chain.places[0])[2]
    gone.unlink()
    assert rebuild(chain).outcome is Outcome.SUCCESS
    number, medium = int(gone.name[:8]), chain.device(chain.places[0]).info().medium
    expected = [row for row in lost["copies"] if (row[0], row[4]) != (medium, number)]
    assert len(expected) < len(lost["copies"])
    assert_equal(without_ends(dump(chain.catalog)), without_ends(lost) | {"copies": expected})


def test_a_segment_that_cannot_be_opened_is_told(chain: Chain, lost: Dump) -> None:
    path = segments(chain.places[0])[2]
    path.unlink()
    path.symlink_to("/etc/passwd")
    monitor = RecordingMonitor()
    report = rebuild(chain, monitor=monitor)
    assert (report.outcome, report.exit_code) == DAMAGED_MEDIA_TELL
    assert [problem.kind for problem in monitor.problems] == ["damaged"]


def test_what_a_repair_has_written_is_told(chain: Chain, lost: Dump) -> None:
    """New segments hold frames of old sessions, and the repair's own record."""
    flip(*place_of_frame(chain, lost, 1, 1))
    rebuild(chain, mode="paranoid")
    report = api.repair([], api.RepairRequest(catalog=chain.catalog), SilentMonitor())
    assert report.exit_code == 0
    known = dump(chain.catalog, BEHIND_THE_RECORD)
    assert len(known["copies"]) > len(lost["copies"])
    assert {row[1] for row in known["sessions"]} == {"backup", "repair"}
    report = rebuild(chain, mode="paranoid", fresh=True)
    assert report.outcome is Outcome.SUCCESS
    assert [problem.kind for problem in report.problems] == ["damaged"]
    assert_equal(dump(chain.catalog, BEHIND_THE_RECORD), known)


# Media that are not there, or are busy


def test_a_medium_that_is_not_there_changes_nothing(
    chain: Chain, lost: Dump, tmp_path: Path
) -> None:
    with pytest.raises(DeviceError, match="does not exist"):
        rebuild(chain, chain.locations[0], str(tmp_path / "nowhere"))
    assert not chain.catalog.exists()


def test_who_waits_for_a_medium_is_not_overtaken(chain: Chain, lost: Dump) -> None:
    queue = chain.device(chain.places[1]).queue()
    queue.enter(Ticket(1, sample_id(7)), "session 7")
    with pytest.raises(DeviceLockedError, match="kept for session 7"):
        rebuild(chain)
    queue.leave()
    rebuild(chain)


def test_a_medium_that_is_written_just_now_is_left_alone(chain: Chain, lost: Dump) -> None:
    device = chain.device(chain.places[1])
    device.lock("session x")
    with pytest.raises(DeviceLockedError, match="session x"):
        rebuild(chain)
    assert not chain.catalog.exists()
    device.close()
    rebuild(chain)
    chain.device(chain.places[1]).lock("afterwards")


def test_one_medium_twice_is_one_and_its_copy_is_refused(
    chain: Chain, lost: Dump, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(chain.places[0])
    report = rebuild(chain, chain.locations[0], str(link))
    assert len(report.devices) == 1
    shutil.copytree(chain.places[0], tmp_path / "cloned")
    with pytest.raises(UsageError, match="the same medium"):
        rebuild(chain, chain.locations[0], str(tmp_path / "cloned"))


def test_a_catalog_with_rot_in_it_is_not_added_to(chain: Chain, lost: Dump) -> None:
    rebuild(chain)
    with closing(sqlite3.connect(chain.catalog)) as connection:
        # One that a rebuild has no business with: it would go unnoticed.
        sql = "SELECT rootpage FROM sqlite_master WHERE name = 'stretches'"
        (page,) = connection.execute(sql).fetchone()
    data = bytearray(chain.catalog.read_bytes())
    data[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    chain.catalog.write_bytes(data)
    with pytest.raises(CatalogError, match="rebuild --fresh"):
        rebuild(chain, chain.locations[0])
    rebuild(chain, fresh=True)
    assert_equal(without_ends(dump(chain.catalog)), without_ends(lost))


@pytest.mark.parametrize("key", ["object_id", "session"])
def test_a_record_speaks_of_its_own_frame_only(tmp_path: Path, key: str) -> None:
    """Else one forged record could take the place of another one's."""
    source = tmp_path / "source"
    source.mkdir()
    chain = Chain(tmp_path, 1)
    session = chain.sent({"web/site": source})
    header, payload = session.frames[-1]
    session.frames[-1] = header._replace(**{key: new_id()}), payload
    chain.write(chain.places[0], session)
    chain.catalog.unlink()
    monitor = RecordingMonitor()
    report = rebuild(chain, monitor=monitor)
    assert (report.outcome, report.exit_code) == DAMAGED_MEDIA_TELL
    assert [problem.kind for problem in monitor.problems] == ["forged"]
    assert api.objects(chain.catalog) == []


def test_a_copy_that_is_another_frame_is_no_copy(tmp_path: Path) -> None:
    """A sound frame lies where an index says that another one does."""
    source = tmp_path / "source"
    source.mkdir()
    chain = Chain(tmp_path, 1)
    session = chain.backup({"web/site": source})
    one, two = [header for header, _ in session.frames][-2:]
    with open_catalog(chain.catalog) as catalog, closing(sqlite3.connect(chain.catalog)) as other:
        places = [catalog.places(header.frame_id)[0][1] for header in (one, two)]
        other.execute("DELETE FROM copies")
        other.commit()
        for header, place in zip((one, two), reversed(places), strict=True):
            catalog.add_durable([(header, place)])
        reader = chain.device(chain.places[0]).reader()
        records = RecordReader(catalog, {places[0].medium: reader}, SilentMonitor())
        with pytest.raises(DamageError, match="damaged on each"):
            records.frame(one.frame_id)


def test_the_same_frame_with_other_content_is_forged(tmp_path: Path) -> None:
    """Two media tell of one frame: the older medium counts, in whatever order they are named."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_bytes(b"content")
    chain = Chain(tmp_path, 2)
    first, second = chain.places
    chain.places = [first]
    session = chain.backup({"web/site": source})
    header, payload = session.frames[0]
    payload[0] ^= 1
    session.frames[0] = header._replace(digest=frame_digest(payload)), payload
    with pytest.raises(CatalogError, match="other content"):
        chain.write(second, session)
    chain.places = [first, second]
    for order in ((first, second), (second, first)):
        monitor = RecordingMonitor()
        report = rebuild(chain, *map(str, order), fresh=True, monitor=monitor)
        assert (report.outcome, report.exit_code) == DAMAGED_MEDIA_TELL
        assert [problem.kind for problem in monitor.problems] == ["forged"]
        rows = [row for row in dump(chain.catalog)["frames"] if row[:3] == header.frame_id]
        assert [row[-1] for row in rows] == [header.digest]
