"""Drills: everything has its turn, and what is planted is named."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import NotFoundError, RestoreError
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.model.entry import Entry
from flowbackup.model.frame import FrameKind
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import RecordingMonitor, SilentMonitor
from flowbackup.restore import live
from flowbackup.restore.live import Comparison, Spot
from flowbackup.restore.removal import remove_tree
from flowbackup.runtime.care import drill as drill_of_version
from flowbackup.runtime.care import drilling
from flowbackup.testing.compare import differences
from flowbackup.testing.trees import random_tree, torture_tree
from tests.local_backup import LocalBackup, damage

FILES = 12
ALL = Fraction(1)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    place = tmp_path / "site"
    (place / "folder").mkdir(parents=True)
    for number in range(FILES):
        (place / "folder" / f"file{number:02d}").write_bytes(os.urandom(30_000))
    (place / "link").symlink_to("folder/file00")
    return place


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalBackup:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return LocalBackup(tmp_path, "nas", "usb")


@pytest.fixture
def version(kept: LocalBackup, source: Path) -> VersionRow:
    return kept.run(source, "nas", "usb")


class Drilled:
    """A drill in the process of the test."""

    def __init__(self, kept: LocalBackup, **options: object) -> None:
        monitor = RecordingMonitor()
        request = api.DrillRequest(catalog=kept.catalog_path, **options)  # type: ignore[arg-type]
        self.report: SessionReport = api.drill(None, request, monitor)
        self.told = monitor.messages[-1]
        self.kinds = [problem.kind for problem in self.report.problems]
        self.texts = {problem.path: problem.text for problem in self.report.problems}
        # Whatever came of it, nothing of it is left.
        assert list((kept.folder / "temporary").iterdir()) == []

    @property
    def ended(self) -> tuple[Outcome, int]:
        return self.report.outcome, self.report.exit_code


SOUND = (Outcome.SUCCESS, 0)
BROKEN = (Outcome.FAILED, 1)


def test_one_drill_after_the_other_reaches_everything(
    kept: LocalBackup, version: VersionRow, source: Path
) -> None:
    seen: list[str] = []
    for number in range(5):
        target = kept.folder / f"target{number}"
        drilled = Drilled(kept, sample=3, target=str(target))
        assert drilled.ended == SOUND
        assert f"part {number + 1} of 5 (seed {number})" in drilled.told
        assert "0 changed or gone since" in drilled.told
        (root,) = target.iterdir()
        seen += [path.name for path in root.rglob("*") if not path.is_dir() or path.is_symlink()]
    assert sorted(seen) == sorted(["link", *(f"file{n:02d}" for n in range(FILES))])
    assert {row.kind for row in api.sessions(kept.catalog_path)} == {"backup", "drill"}
    assert "part 1 of 5 (seed 5)" in Drilled(kept, sample=3).told
    assert "part 2 of 5 (seed 1)" in Drilled(kept, sample=3, seed=1).told


def test_a_whole_version_of_everything_is_equal(kept: LocalBackup, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    random_tree(str(tree), seed=3)
    kept.run(tree, "nas")
    target = tmp_path / "target"
    drilled = Drilled(kept, sample=ALL, target=str(target))
    assert (drilled.ended, drilled.kinds) == (SOUND, [])
    (root,) = target.iterdir()
    assert list(differences(str(tree), str(root))) == []


@pytest.mark.slow
@pytest.mark.root
def test_the_torture_tree_is_equal_in_every_part(kept: LocalBackup, tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("needs root")
    tree = tmp_path / "tree"
    torture_tree(str(tree), depth=400, links=40)
    kept.run(tree, "nas")
    for _ in range(4):
        drilled = Drilled(kept, sample=Fraction(1, 4))
        assert (drilled.ended, drilled.kinds) == (SOUND, [])


def test_the_newest_version_of_every_object_is_taken(
    kept: LocalBackup, version: VersionRow, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "one").write_bytes(b"a file is an object, too")
    kept.run(tmp_path / "one", "nas")
    (source / "new").write_text("new")
    newest = kept.run(source, "nas")
    drilled = Drilled(kept, sample=ALL)
    assert drilled.ended == SOUND
    objects = {each.name: (each.version, each.files) for each in drilled.report.objects}
    assert objects == {"one": (1, 1), "site": (newest.number, FILES + 1)}
    request = api.DrillRequest(catalog=kept.catalog_path, sample=ALL)
    report = api.drill("site@1", request, RecordingMonitor())
    assert [(each.name, each.version) for each in report.objects] == [("site", 1)]


def test_nothing_is_believed_that_memory_still_has(
    kept: LocalBackup, version: VersionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached: list[bool] = []
    plain = SegmentSource.__init__

    def noted(self: SegmentSource, *arguments: object, **options: object) -> None:
        cached.append(bool(options["cached"]))
        plain(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(SegmentSource, "__init__", noted)
    assert Drilled(kept, sample=ALL).ended == SOUND
    assert cached
    assert not any(cached)


def damage_first(kept: LocalBackup, version: VersionRow, *devices: str) -> None:
    with kept.catalog() as catalog:
        rows = catalog.frames_of(version)
        frame = next(r.frame for r in rows if r.header and r.header.kind == FrameKind.DATA)
        places = {info.device: place for info, place in catalog.places(frame)}
    for device in devices:
        damage(kept.place(device), places[device])


def test_a_damaged_copy_is_healed_and_two_are_a_failure(
    kept: LocalBackup, version: VersionRow
) -> None:
    damage_first(kept, version, "nas")
    damage_first(kept, version, "usb")
    damaged = Drilled(kept, sample=ALL)
    assert damaged.ended == BROKEN
    assert "damaged" in damaged.kinds
    damage_first(kept, version, "usb")
    healed = Drilled(kept, sample=ALL)
    assert healed.ended == SOUND
    assert set(healed.kinds) <= {"healed"}


def _truncate(path: str) -> None:
    os.truncate(path, 29_999)


def _flip(path: str) -> None:
    with open(path, "r+b") as file:
        file.seek(20_000)
        byte = file.read(1)
        file.seek(20_000)
        file.write(bytes([byte[0] ^ 4]))


PLANTS: dict[str, Callable[[str], None]] = {
    "content": _flip,
    "content ": _truncate,
    "mode": lambda path: os.chmod(path, 0o640),
    "time": lambda path: os.utime(path, ns=(1, 1)),
    "attributes": lambda path: os.setxattr(path, "user.planted", b"1"),
    "missing": os.unlink,
}


@pytest.mark.parametrize("what", PLANTS)
def test_what_is_restored_wrong_is_named(
    what: str, kept: LocalBackup, version: VersionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the restore, whose own checks are content, and the comparison."""

    def planting(entry: Entry, source: Spot, restored: Spot) -> Comparison:
        if entry.path.endswith(b"file07"):
            path = os.path.join(f"/proc/self/fd/{restored.root}", os.fsdecode(restored.path))
            status = os.stat(path)
            PLANTS[what](path)
            if what not in ("missing", "time"):
                os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
        return live.compare(entry, source, restored)

    monkeypatch.setattr(drill_of_version, "compare", planting)
    drilled = Drilled(kept, sample=ALL, seed=4)
    assert drilled.ended == BROKEN
    assert set(drilled.kinds) == {"differs"}
    ((path, text),) = drilled.texts.items()
    assert path == b"folder/file07"
    assert text.startswith(what.strip() + ": ")
    assert "in web/site@1 (--seed 4 repeats this)" in text


def test_another_target_of_a_link_and_another_owner_are_named(
    kept: LocalBackup, version: VersionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planting(entry: Entry, source: Spot, restored: Spot) -> Comparison:
        if entry.path == b"link":
            path = os.path.join(f"/proc/self/fd/{restored.root}", "link")
            status = os.lstat(path)
            os.unlink(path)
            os.symlink("elsewhere", path)
            times = (status.st_mtime_ns, status.st_mtime_ns)
            os.utime(path, ns=times, follow_symlinks=False)
        return live.compare(entry, source, restored)

    monkeypatch.setattr(drill_of_version, "compare", planting)
    drilled = Drilled(kept, sample=ALL)
    assert list(drilled.texts) == [b"link"]
    assert drilled.texts[b"link"].startswith("target: b'folder/file00' at the source")


class _Status:
    """A status with some other fields."""

    def __init__(self, status: os.stat_result, **fields: int) -> None:
        self._status = status
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> object:
        return getattr(self._status, name)


def test_a_source_that_rotted_under_its_old_times_is_named(
    kept: LocalBackup, version: VersionRow, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _flip(str(source / "folder" / "file03"))
    with kept.catalog() as catalog:
        entry = catalog.entry(version, b"folder/file03")
    plain = live.status_at

    def status_at(name: bytes, directory: int) -> object:
        status = plain(name, directory)
        times = {"st_ctime_ns": entry.ctime_ns, "st_mtime_ns": entry.mtime_ns}
        return _Status(status, **times) if status.st_ino == entry.inode else status

    monkeypatch.setattr(live, "status_at", status_at)
    drilled = Drilled(kept, sample=ALL)
    assert drilled.ended == BROKEN
    assert list(drilled.texts) == [b"folder/file03"]
    assert "content: differs" in drilled.texts[b"folder/file03"]


@pytest.mark.parametrize("field", ["st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"])
def test_a_source_of_which_anything_is_other_has_changed(
    field: str, kept: LocalBackup, version: VersionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = live.status_at

    def status_at(name: bytes, directory: int) -> object:
        status = plain(name, directory)
        return _Status(status, **{field: 1}) if name == b"file03" else status

    monkeypatch.setattr(live, "status_at", status_at)
    drilled = Drilled(kept, sample=ALL)
    assert (drilled.ended, drilled.kinds) == (SOUND, [])
    assert "1 changed or gone since" in drilled.told


def test_a_source_that_changes_while_it_is_compared_has_changed(
    kept: LocalBackup, version: VersionRow, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, victim = live.status_at, source / "folder" / "file03"
    looks: list[bytes] = []

    def status_at(name: bytes, directory: int) -> object:
        status = plain(name, directory)
        if name == b"file03" and not looks:
            looks.append(name)
            _flip(str(victim))
        return status

    monkeypatch.setattr(live, "status_at", status_at)
    drilled = Drilled(kept, sample=ALL)
    assert (drilled.ended, drilled.kinds) == (SOUND, [])
    assert "1 changed or gone since" in drilled.told


def test_what_changed_or_went_since_is_counted_and_no_fault(
    kept: LocalBackup, version: VersionRow, source: Path
) -> None:
    folder = source / "folder"
    (folder / "file01").write_bytes(b"changed")
    _flip(str(folder / "file02"))
    (folder / "file03").unlink()
    (folder / "file04").rename(folder / "away")
    (folder / "file04").symlink_to("away")
    drilled = Drilled(kept, sample=ALL)
    assert (drilled.ended, drilled.kinds) == (SOUND, [])
    # The four, and the folder in which two names changed.
    assert "5 changed or gone since" in drilled.told
    assert f"{FILES + 3 - 5} unchanged since" in drilled.told


@pytest.mark.parametrize("how", ["another machine", "gone", "replaced"])
def test_without_the_source_the_restore_itself_is_checked(
    how: str, kept: LocalBackup, version: VersionRow, source: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if how == "another machine":
        monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    else:
        source.rename(kept.folder / "away")
    if how == "replaced":
        source.mkdir()
    drilled = Drilled(kept, sample=ALL)
    assert drilled.ended == SOUND
    assert "is not on this machine any more, only the restore was checked" in drilled.told
    assert drilled.report.files == FILES


def test_a_target_with_something_in_it_or_without_room_is_refused(
    kept: LocalBackup, version: VersionRow, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RestoreError, match="is not empty"):
        Drilled(kept, target=str(source))
    plain = os.statvfs

    def full(place: object) -> os.statvfs_result:
        values = list(plain(place))  # type: ignore[call-overload]
        values[4] = 1
        return os.statvfs_result(values)

    monkeypatch.setattr(os, "statvfs", full)
    with pytest.raises(RestoreError, match="are to be restored") as raised:
        Drilled(kept)
    assert "--target" in raised.value.remedy
    assert list((kept.folder / "temporary").iterdir()) == []
    monkeypatch.undo()
    # Neither was a turn.
    assert "(seed 0)" in Drilled(kept, target=str(kept.folder / "t")).told


def test_a_catalog_without_objects_says_so(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.sqlite"
    api.devices(catalog)
    with pytest.raises(NotFoundError, match="no data object"):
        api.drill(None, api.DrillRequest(catalog=catalog), RecordingMonitor())


def tell_twice() -> None:
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGINT)


def test_who_is_told_twice_while_its_place_is_removed_ends_that(
    kept: LocalBackup, version: VersionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removing(place: bytes) -> None:
        tell_twice()
        remove_tree(place)

    monkeypatch.setattr(drilling, "remove_tree", removing)
    assert Drilled(kept).ended == SOUND


def test_who_is_told_twice_when_its_place_was_just_made_removes_it(
    kept: LocalBackup, version: VersionRow
) -> None:
    class Telling(SilentMonitor):
        def message(self, text: str) -> None:
            if text.startswith("restoring to"):
                tell_twice()

    with pytest.raises(KeyboardInterrupt):
        api.drill(None, api.DrillRequest(catalog=kept.catalog_path), Telling())
    assert list((kept.folder / "temporary").iterdir()) == []
