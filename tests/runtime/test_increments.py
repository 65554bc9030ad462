"""What was safe before is neither read nor sent again, and every version is a full one."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.media.open import open_device
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameKind
from flowbackup.plan.decided import StreamPlan
from flowbackup.testing.compare import differences
from flowbackup.units import KIB, MIB
from tests.judge import recovered_here
from tests.local_backup import damage
from tests.runtime.history import QUIET, History

FILES, FILE_BYTES = 40, 20 * KIB
TREE_BYTES = FILES * FILE_BYTES + 3 * MIB


@pytest.fixture
def history(memory_path: Path) -> History:
    """Two devices; forty small files in four directories and a large one."""
    history = History(memory_path, devices=2)
    for number in range(FILES):
        place = history.source / f"dir{number % 4}"
        place.mkdir(exist_ok=True)
        (place / f"file{number:02}").write_bytes(os.urandom(FILE_BYTES))
    (history.source / "large").write_bytes(os.urandom(3 * MIB))
    history.backup()
    return history


def payload_bytes(medium: Path, kind: FrameKind = FrameKind.DATA) -> int:
    reader = open_device(DeviceTarget("d", "directory", str(medium))).reader()
    return sum(f.header.payload_bytes for f in reader.frames() if f.header.kind == kind)


def assert_kept(history: History, number: int) -> None:
    """The newest version: restored by flowbackup, and from each medium alone by a reader that
    shares no code."""
    assert list(differences(str(history.source), str(history.restored(number)))) == []
    for medium in history.media:
        target = history.folder / f"from-{medium.name}"
        shutil.rmtree(target, ignore_errors=True)
        assert recovered_here([medium], target).problems == ()
        assert list(differences(str(history.source), str(target))) == []


def test_of_a_tree_that_is_as_it_was_nothing_is_opened_read_or_sent(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr("flowbackup.source.reader.open_file", lambda *a: opened.append(a))
    before = [payload_bytes(medium) for medium in history.media]
    report = history.run()
    (site,) = report.objects
    assert (site.version, site.files, site.copies_durable) == (2, FILES + 1, 2)
    assert (site.bytes_read, site.bytes_new, report.bytes_known) == (0, 0, TREE_BYTES)
    assert opened == []
    # Neither content nor the list of files: what is written are its root, and records.
    assert [payload_bytes(medium) for medium in history.media] == before
    assert all(device.bytes_written < 64 * KIB for device in report.devices)
    assert_kept(history, 2)


def test_a_new_name_moves_no_data(history: History) -> None:
    (history.source / "dir1").rename(history.source / "a")
    (history.source / "large").rename(history.source / "dir2" / "larger")
    (history.source / "dir3" / "file03").rename(history.source / "dir0" / "file03")
    site = history.backup()
    assert site.bytes_new == 0
    assert site.bytes_deduplicated == site.bytes_read == 3 * MIB + 11 * FILE_BYTES
    assert_kept(history, 2)


def test_of_a_changed_file_the_changed_chunks_are_sent(history: History) -> None:
    with (history.source / "large").open("r+b") as file:
        file.seek(FILE_BYTES)
        file.write(b"!")
    site = history.backup()
    # A chunk is as large as a frame here.
    assert (site.bytes_read, site.bytes_new) == (3 * MIB, 256 * KIB)
    assert site.bytes_deduplicated == 3 * MIB - 256 * KIB
    assert_kept(history, 2)


def test_what_has_changed_its_kind_or_is_gone(history: History) -> None:
    tree = history.source
    shutil.rmtree(tree / "dir0")
    (tree / "dir0").write_bytes(b"a file now")
    (tree / "large").unlink()
    (tree / "large").mkdir()
    (tree / "dir1" / "file01").unlink()
    (tree / "dir1" / "file01").symlink_to("file05")
    (tree / "dir2" / "file02").unlink()
    os.link(tree / "dir2" / "file06", tree / "dir2" / "file02")
    (tree / "dir3" / "file03").chmod(0o600)
    history.backup()
    assert_kept(history, 2)
    history.backup()
    assert_kept(history, 3)


def test_a_full_run_reads_everything_and_sends_what_is_new(history: History) -> None:
    place = history.source / "dir1" / "file01"
    status = place.stat()
    assert history.backup(full=True).bytes_new == 0
    # Changed behind the back of all times, as a failing disk does.
    place.write_bytes(os.urandom(FILE_BYTES))
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))
    site = history.backup(full=True)
    assert (site.bytes_known, site.bytes_read, site.bytes_new) == (0, TREE_BYTES, FILE_BYTES)
    assert_kept(history, 3)


def test_known_is_only_what_every_required_device_has(history: History) -> None:
    more = history.folder / "more"
    assert history.backup(more).bytes_new == TREE_BYTES
    history.media.append(more)
    assert history.backup().bytes_new == 0
    assert_kept(history, 3)


def test_what_was_found_damaged_is_sent_again(history: History) -> None:
    with open_catalog(history.catalog) as catalog:
        frame = next(
            row.frame for row in catalog.frames_of(history.version(1))
            if row.header and row.header.kind == FrameKind.DATA
        )  # fmt: skip
        place = next(
            place for info, place in catalog.places(frame)
            if info.location == str(history.media[1])
        )  # fmt: skip
        damage(history.media[1], place)
        catalog.mark_damaged(place)
        lost = catalog.header(frame).content_bytes
    assert history.backup().bytes_new == lost
    assert recovered_here([history.media[1]], history.folder / "t").problems == ()


def test_a_catalog_made_anew_knows_as_much(history: History) -> None:
    with (history.source / "large").open("r+b") as file:
        file.write(b"!")
    history.backup()
    history.rebuild()
    again = history.run()
    assert (again.bytes_read, again.bytes_new, again.objects[0].version) == (0, 0, 3)
    assert all(device.bytes_written < 64 * KIB for device in again.devices)
    (history.source / "large").rename(history.source / "larger")
    assert history.backup().bytes_new == 0
    assert_kept(history, 4)


def test_the_tenth_version_needs_no_list_of_the_first_nine(history: History) -> None:
    """They are forgotten by the catalog, and what only they need is destroyed on the media."""
    for number in range(2, 11):
        (history.source / f"dir{number % 4}" / f"new{number}").write_bytes(b"%d" % number)
        history.backup()
    with open_catalog(history.catalog) as catalog:
        needed = {row.frame for row in catalog.frames_of(history.version(10))}
        spoilt = 0
        for medium in history.media:
            reader = open_device(DeviceTarget("d", "directory", str(medium))).reader()
            for stored in list(reader.frames()):
                if stored.header.frame_id not in needed:
                    damage(medium, stored.place)
                    spoilt += 1
    # Of each of them a root and the records of version and session.
    assert spoilt >= 2 * 9 * 3 - 1
    with sqlite3.connect(history.catalog) as connection:
        for table in ("version_pages", "version_frames", "versions"):
            connection.execute(
                f"DELETE FROM {table} WHERE version IN"
                " (SELECT version FROM versions WHERE number < 10)"
            )
    assert list(differences(str(history.source), str(history.restored(10)))) == []


def test_what_was_saved_is_told(history: History) -> None:
    (history.source / "large").rename(history.source / "larger")
    report = history.run()
    assert (report.bytes_read, report.bytes_deduplicated) == (3 * MIB, 3 * MIB)
    assert (report.bytes_known, report.bytes_packed) == (FILES * FILE_BYTES, 0)
    (history.source / "new").write_bytes(bytes(FILE_BYTES))
    assert 0 < history.run().bytes_packed < KIB
    found = api.stats(catalog=history.catalog)
    (tree,) = found.objects
    assert (tree.name, tree.versions) == ("here/tree", 3)
    assert tree.bytes_source == 3 * TREE_BYTES + FILE_BYTES
    assert tree.bytes_content == TREE_BYTES + FILE_BYTES
    assert tree.dedup_factor == round(tree.bytes_source / tree.bytes_content, 3)
    assert tree.bytes_packed == payload_bytes(history.media[0])
    assert tree.compression_factor == round(tree.bytes_content / tree.bytes_packed, 3)
    assert found.total == replace(tree, name="all")
    first = api.stats("tree@1", history.catalog).total
    assert (first.versions, first.bytes_content, first.dedup_factor) == (1, TREE_BYTES, 1.0)
    assert [medium.medium.device for medium in found.media] == ["d0", "d1"]
    assert all(m.bytes_held > tree.bytes_packed + tree.bytes_lists for m in found.media)


def test_what_a_command_gives_is_always_read_and_sent_where_it_is_new(history: History) -> None:
    plan = history.plan()
    (tree,) = plan.objects
    large = history.folder / "large"
    large.write_bytes(os.urandom(3 * MIB))
    stream = StreamPlan(command=("/bin/cat", str(large)))
    plan = replace(plan, objects=(replace(tree, name="dump", path="", stream=stream),))
    settings = api.RunSettings(catalog=history.catalog, engine="local")
    first, second = (api.run_backup(plan, settings, QUIET) for _ in range(2))
    assert (first.bytes_read, first.bytes_new) == (3 * MIB, 3 * MIB)
    assert (second.bytes_read, second.bytes_new, second.bytes_known) == (3 * MIB, 0, 0)
    found = io.BytesIO()
    api.cat("dump", found, history.catalog)
    assert found.getvalue() == large.read_bytes()


def test_a_rebuild_finds_the_tags_that_the_last_backup_has_told(history: History) -> None:
    history.backup()
    api.tag(["tree@1"], history.catalog, more=["release"])
    history.backup()
    api.tag(["tree@2"], history.catalog, more=["untold"])
    history.rebuild()
    found = [tags for _, tags in api.tag(["tree"], history.catalog, every=True)]
    assert found == [("release",), (), ()]
