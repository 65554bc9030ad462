"""The rows of a rebuild: numbers of versions, copies, conflicts; and how a new catalog comes in."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbackup.catalog import Catalog, open_catalog
from flowbackup.catalog.rebuild import numbered
from flowbackup.catalog.replacement import replacing_catalog
from flowbackup.errors import CatalogError, DamageError
from flowbackup.model.found import FoundFrame
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import NO_ID
from tests.catalog.conftest import (
    SESSION,
    file_entry,
    frame,
    header,
    identifier,
    medium,
    paged,
    place,
    record,
)

TIMES = st.dictionaries(st.binary(min_size=2, max_size=2), st.integers(0, 20), max_size=8)


def found(number: int, sequence: int, damaged: bool = False) -> FoundFrame:
    name = frame(sequence)
    return FoundFrame(header(name, identifier(5)), place(medium(number), name), damaged)


def damaged_copies(catalog: Catalog) -> list[bool]:
    connection = sqlite3.connect(catalog.path)
    rows = connection.execute("SELECT damaged FROM copies ORDER BY offset").fetchall()
    connection.close()
    return [bool(row[0]) for row in rows]


# Numbers


@given(TIMES, TIMES)
def test_numbers_are_those_of_all_told_at_once(
    first: dict[bytes, int], then: dict[bytes, int]
) -> None:
    then = {key: time for key, time in then.items() if key not in first}
    known = {key: (number, first[key]) for key, number in numbered({}, first).items()}
    decided = numbered(known, then)
    times = first | then
    assert decided == numbered({}, times)
    assert sorted(decided.values()) == list(range(1, len(times) + 1))
    assert sorted(times, key=lambda key: (times[key], key)) == sorted(
        times, key=decided.__getitem__
    )


def test_numbers_that_are_known_stay_when_newer_versions_come() -> None:
    """The first were forgotten: whoever has written down the fifth must find it."""
    known = {b"a": (5, 10), b"b": (7, 20)}
    assert numbered(known, {b"c": 30, b"d": 25}) == {b"a": 5, b"b": 7, b"d": 8, b"c": 9}
    assert numbered(known, {}) == {b"a": 5, b"b": 7}


def test_numbers_given_by_an_old_catalog_are_given_again() -> None:
    """It knew of one version and called the fourth the second."""
    known = {b"1": (1, 10), b"4": (2, 40)}
    assert numbered(known, {b"2": 20, b"3": 30}) == {b"1": 1, b"2": 2, b"3": 3, b"4": 4}


def test_versions_move_in_one_step(catalog: Catalog) -> None:
    rebuild = catalog.rebuild()
    old, new = (record(identifier(n), frame(9), finished_ns=n) for n in (20, 30))
    assert [catalog.add_version(old, ()), catalog.add_version(new, ())] == [1, 2]
    oldest = record(identifier(10), frame(9), finished_ns=10)
    numbers = rebuild.number_versions([oldest])
    assert numbers == {oldest.object_id: 1}
    rebuild.add_version(oldest, (), 1)
    assert [(row.number, row.object_id) for row in catalog.versions()] == [
        (1, identifier(10)), (2, identifier(20)), (3, identifier(30)),
    ]  # fmt: skip


# Frames and copies


def test_a_medium_has_the_copies_that_it_tells_and_no_others(catalog: Catalog) -> None:
    rebuild = catalog.rebuild()
    for number in (1, 2):
        catalog.add_medium(medium(number))
        catalog.add_durable([found(number, sequence)[:2] for sequence in (0, 1)])
    rebuild.add_frames([found(1, 1), found(1, 2)])
    assert rebuild.end_medium(medium(1), checked=False) == []
    held = {n: {info.medium for info, _ in catalog.places(frame(n))} for n in range(3)}
    one, two = medium(1).medium, medium(2).medium
    assert held == {0: {two}, 1: {one, two}, 2: {one}}


def test_only_who_has_looked_calls_a_copy_sound(catalog: Catalog) -> None:
    rebuild = catalog.rebuild()
    rebuild.add_frames([found(1, 0, damaged=True), found(1, 1)])
    rebuild.end_medium(medium(1), checked=True)
    assert damaged_copies(catalog) == [True, False]
    rebuild.add_frames([found(1, 0), found(1, 1)])
    rebuild.end_medium(medium(1), checked=False)
    assert damaged_copies(catalog) == [True, False]
    rebuild.add_frames([found(1, 0), found(1, 1, damaged=True)])
    rebuild.end_medium(medium(1), checked=True)
    assert damaged_copies(catalog) == [False, True]


def test_two_contents_of_one_frame_are_told_and_the_first_counts(catalog: Catalog) -> None:
    rebuild = catalog.rebuild()
    first = found(1, 0)
    forged = FoundFrame(first.header._replace(digest=bytes(16)), place(medium(1), frame(7)))
    rebuild.add_frames([forged, first])
    (left_out,) = rebuild.end_medium(medium(1), checked=False)
    assert left_out == (frame(0), forged.place)
    assert catalog.header(frame(0)) == first.header
    assert [spot for _, spot in catalog.places(frame(0))] == [first.place]


def test_a_version_that_no_medium_can_give_back_is_out_of_reach(catalog: Catalog) -> None:
    rebuild = catalog.rebuild()
    pages = paged([file_entry(b"a", frame(0)), file_entry(b"b", frame(1))], 2, frame(2))
    rebuild.add_version(record(identifier(5), frame(2)), pages, 1)
    ((version, count),) = rebuild.out_of_reach()
    assert (version.object_id, count) == (identifier(5), 3)
    rebuild.add_frames([found(1, 0), found(1, 1, damaged=True), found(1, 2)])
    rebuild.end_medium(medium(1), checked=True)
    assert [count for _, count in rebuild.out_of_reach()] == [1]
    assert catalog.header(frame(0)) == found(1, 0).header
    rebuild.add_frames([found(2, 1)])
    rebuild.end_medium(medium(2), checked=True)
    assert rebuild.out_of_reach() == []


def test_sessions_begin_when_their_id_was_made(catalog: Catalog) -> None:
    forged = b"\xff" * 16
    rebuild = catalog.rebuild()
    alien = FoundFrame(header(frame(1, forged), NO_ID), place(medium(1), frame(1)))
    rebuild.add_frames([found(1, 0), alien])
    rebuild.end_medium(medium(1), checked=False)
    rebuild.end()
    rows = {row.session: row.started_ns for row in catalog.sessions()}
    assert rows == {SESSION: 1_000_000_000, forged: 0}
    assert {row.state for row in catalog.sessions()} == {"interrupted"}


def test_only_records_that_may_tell_something_new_are_read(catalog: Catalog) -> None:
    rebuild = catalog.rebuild()
    version = header(frame(3), identifier(5), FrameKind.CATALOG)
    end = header(frame(4), NO_ID, FrameKind.CATALOG)
    rebuild.add_frames(
        [found(1, 0), *(FoundFrame(h, place(medium(1), h.frame_id)) for h in (version, end))]
    )
    rebuild.end_medium(medium(1), checked=False)
    assert rebuild.record_frames() == [frame(3), frame(4)]
    rebuild.add_version(record(identifier(5), frame(2)), (), 1)
    assert rebuild.record_frames() == [frame(4)]


@pytest.mark.parametrize("part", ["page", "entry"])
def test_a_frame_that_no_stream_has_is_damage(part: str, catalog: Catalog) -> None:
    impossible = frame(1 << 63)
    entries = [file_entry(b"a", impossible if part == "entry" else frame(0))]
    pages = paged(entries, 1, impossible if part == "page" else frame(2))
    with pytest.raises(DamageError, match="no stream"):
        catalog.rebuild().add_version(record(identifier(5), frame(2)), pages, 1)
    assert catalog.versions() == []


# A new catalog in the place of the old


def test_the_new_catalog_comes_whole_and_the_old_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "c.sqlite"
    told: list[str] = []
    for number in range(3):
        with replacing_catalog(path, told.append) as catalog:
            catalog.begin_session(identifier(number), "backup", "g", "", "h", 1, "")
            assert number == 0 or open_rows(path) == [identifier(number - 1)]
        assert open_rows(path) == [identifier(number)]
    kept = [Path(text.rpartition(" ")[2]) for text in told]
    assert [open_rows(old) for old in kept] == [[identifier(0)], [identifier(1)]]
    assert set(path.parent.iterdir()) == {path, *kept}


def test_the_new_catalog_is_durable_before_the_old_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fsync, rename = os.fsync, os.rename

    def note_fsync(descriptor: int) -> None:
        calls.append(f"sync {Path(os.readlink(f'/proc/self/fd/{descriptor}')).name}")
        fsync(descriptor)

    def note_rename(source: Path, target: Path) -> None:
        calls.append(f"rename to {Path(target).name}")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "rename", note_rename)
    with replacing_catalog(tmp_path / "c.sqlite", print):
        pass
    assert calls == ["sync c.sqlite", "rename to c.sqlite", f"sync {tmp_path.name}"]


def open_rows(path: Path) -> list[bytes]:
    with open_catalog(path, create=False) as catalog:
        return [row.session for row in catalog.sessions()]


def test_a_failure_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with open_catalog(path) as catalog:
        catalog.begin_session(identifier(1), "backup", "g", "", "h", 1, "")
    with pytest.raises(ZeroDivisionError), replacing_catalog(path, print) as new:
        new.begin_session(identifier(2), "backup", "g", "", "h", 1, "")
        raise ZeroDivisionError
    assert open_rows(path) == [identifier(1)]
    assert list(tmp_path.iterdir()) == [path]


def test_what_sqlite_left_beside_the_old_one_goes_with_it(tmp_path: Path) -> None:
    """A log of another file would be written into the new one."""
    path = tmp_path / "c.sqlite"
    open_catalog(path).close()
    log = path.with_name("c.sqlite-wal")
    log.write_bytes(b"log")
    with replacing_catalog(path, print):
        pass
    (kept_log,) = tmp_path.glob("*.before-rebuild-*-wal")
    assert kept_log.read_bytes() == b"log" and not log.exists()


def test_a_link_to_the_catalog_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "disk" / "c.sqlite", tmp_path / "c.sqlite"
    real.parent.mkdir()
    link.symlink_to(real)
    with replacing_catalog(link, print) as catalog:
        catalog.begin_session(identifier(1), "backup", "g", "", "h", 1, "")
    assert link.is_symlink() and open_rows(real) == [identifier(1)]


def test_a_place_that_takes_no_catalog_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(CatalogError, match="no new catalog"),
        replacing_catalog(tmp_path / "file" / "c", print),
    ):
        pass


def test_rot_inside_of_a_catalog_is_found(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    with open_catalog(path) as catalog:
        for number in range(200):
            catalog.begin_session(identifier(number), "backup", "g" * 200, "", "h", 1, "")
        catalog.check()
    data = bytearray(path.read_bytes())
    for page in range(len(data) - 4 * 4096, len(data), 4096):
        data[page : page + 64] = b"\xa5" * 64
    path.write_bytes(data)
    with open_catalog(path) as catalog, pytest.raises(CatalogError) as caught:
        catalog.check()
    assert f"`flowbackup rebuild --fresh --catalog {path} DEVICE...`" in caught.value.remedy
