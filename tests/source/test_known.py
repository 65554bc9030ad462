"""Reading goes on where it was interrupted: what is safe and unchanged is not read again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from flowbackup.errors import InterruptedSessionError
from flowbackup.frame.page import decode_page, encode_page
from flowbackup.model.entry import Entry
from flowbackup.model.frame import FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.model.known import KnownContent
from flowbackup.source.known import CLOCK_GRAIN_NS, KnownFiles
from flowbackup.units import KIB
from tests.source.memory_sink import MemorySink, Reading, read_tree

LATER_NS = 1 << 62
"""A start of reading behind every change that a test makes."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Twenty files, of which one has several chunks and one holes."""
    for number in range(18):
        (tmp_path / f"file{number:02}").write_bytes(os.urandom(20 * KIB))
    (tmp_path / "large").write_bytes(os.urandom(300 * KIB))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(200 * KIB)
        file.seek(100 * KIB)
        file.write(os.urandom(5 * KIB))
    return tmp_path


def known(
    journal: Iterable[bytes], safe: Iterable[FrameId], started_ns: int = LATER_NS
) -> KnownFiles:
    return KnownFiles([KnownContent(b"o" * 16, started_ns, tuple(journal))], set(safe))


def later() -> MemorySink:
    """Of another session."""
    return MemorySink(session=b"t" * 16)


def frames_of(reading: Reading) -> list[FrameId]:
    return [header.frame_id for header in reading.sink.of_kind(FrameKind.DATA)]


def entries(journal: Iterable[bytes]) -> list[Entry]:
    return [entry for page in journal for entry in decode_page(page)]


def test_the_journal_names_every_entry_once_and_in_order(tree: Path) -> None:
    reading = read_tree(tree)
    assert entries(reading.journal) == [
        entry for _, page in reading.pages.pages for entry in decode_page(page)
    ]
    # Of much content it tells early, not with the first page of the manifest.
    assert len(reading.journal) > len(reading.pages.pages)


def test_an_unchanged_tree_is_not_read_at_all(tree: Path) -> None:
    first = read_tree(tree)
    files = known(first.journal, frames_of(first))
    again = read_tree(tree, later(), known=files)
    counters = again.counters
    assert (counters.bytes_read, counters.bytes_cut) == (0, 0)
    assert counters.bytes_known == counters.bytes_source == first.counters.bytes_source
    assert again.sink.of_kind(FrameKind.DATA) == []
    assert files.frames == set(frames_of(first))
    assert again.entries() == first.entries()


def test_what_was_changed_is_read_and_sent_alone(tree: Path) -> None:
    first = read_tree(tree)
    (tree / "file03").write_bytes(os.urandom(20 * KIB))
    (tree / "file05").unlink()
    (tree / "file05x").write_bytes(os.urandom(7 * KIB))
    os.utime(tree / "file07")
    # Renamed over: the same name, times set back, another inode.
    (tree / "new").write_bytes(os.urandom(20 * KIB))
    status = os.stat(tree / "file09")
    os.utime(tree / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (tree / "new").rename(tree / "file09")
    again = read_tree(tree, later(), known=known(first.journal, frames_of(first)))
    assert again.counters.bytes_read == again.counters.bytes_cut == 67 * KIB
    # What has another time and the same content is not sent.
    assert again.record.bytes_new == 47 * KIB
    found = again.by_path()
    assert set(found) == {b"", *(name.name.encode() for name in tree.iterdir())}
    for name in ("file03", "file05x", "file07", "file09"):
        reading = first if name == "file07" else again
        assert reading.content(found[name.encode()]) == (tree / name).read_bytes()


def test_a_file_is_known_only_if_every_frame_of_it_is_safe(tree: Path) -> None:
    first = read_tree(tree)
    (large,) = (entry for entry in first.entries() if entry.path == b"large")
    assert len({chunk.frame for chunk in large.chunks}) > 2
    lost = large.chunks[2].frame
    hit = {e.path for e in first.entries() if any(c.frame == lost for c in e.chunks)}
    safe = [frame for frame in frames_of(first) if frame != lost]
    again = read_tree(tree, later(), known=known(first.journal, safe))
    read = {e.path for e in again.entries() if any(c.frame not in safe for c in e.chunks)}
    assert read == hit
    assert again.counters.bytes_read == sum(
        chunk.size for entry in first.entries() if entry.path in hit for chunk in entry.chunks
    )


def test_where_reading_broke_off_it_goes_on(tree: Path) -> None:
    def fail(number: int) -> None:
        if number == 8:
            raise InterruptedSessionError("cancelled")

    sink, journal = MemorySink(on_borrow=fail), list[bytes]()
    with pytest.raises(InterruptedSessionError):
        read_tree(tree, sink, journal=journal)
    sent = [header.frame_id for header in sink.of_kind(FrameKind.DATA)]
    assert journal
    again = read_tree(tree, later(), known=known(journal, sent))
    known_bytes = again.counters.bytes_known
    assert 0 < known_bytes < again.counters.bytes_source
    assert known_bytes >= sum(
        entry.size for entry in entries(journal) if {c.frame for c in entry.chunks} <= set(sent)
    )


def test_the_newest_of_several_lists_is_asked_first(tree: Path) -> None:
    first = read_tree(tree)
    (tree / "file03").write_bytes(os.urandom(20 * KIB))
    second = read_tree(tree)
    older = KnownContent(b"1" * 16, LATER_NS, tuple(first.journal))
    newer = KnownContent(b"2" * 16, LATER_NS, tuple(second.journal)[:1])
    files = KnownFiles([newer, older], set(frames_of(first)))
    again = read_tree(tree, later(), known=files)
    told = {entry.path for entry in decode_page(second.journal[0])}
    assert again.counters.bytes_read == (0 if b"file03" in told else 20 * KIB)


def test_a_file_changed_just_before_it_was_read_is_read_again(tree: Path) -> None:
    first = read_tree(tree)
    changed_ns = max(entry.ctime_ns for entry in first.entries())
    for started_ns, read in ((changed_ns + 2 * CLOCK_GRAIN_NS, False), (changed_ns + 1, True)):
        again = read_tree(tree, later(), known=known(first.journal, frames_of(first), started_ns))
        assert bool(again.counters.bytes_read) is read


def test_a_list_that_begins_in_the_middle_of_a_file_says_nothing_of_it(tree: Path) -> None:
    first = read_tree(tree)
    files = [entry for entry in first.entries() if entry.path == b"large"]
    status = os.stat(tree / "large")
    (whole,) = files
    page = encode_page([whole._replace(part=1)])
    assert known([page], frames_of(first)).find(b"large", status, 1 << 20) == ()
    page = encode_page([whole._replace(chunks=whole.chunks[:-1])])
    assert known([page], frames_of(first)).find(b"large", status, 1 << 20) == ()
    page = encode_page([whole])
    assert known([page], frames_of(first)).find(b"large", status, 1 << 20) == (whole,)
    # Frames of another size have smaller pages.
    assert known([page], frames_of(first)).find(b"large", status, 100) == ()


@pytest.mark.parametrize("field", ["size", "mtime_ns", "ctime_ns", "inode"])
def test_every_one_of_the_facts_must_be_the_same(tree: Path, field: str) -> None:
    first = read_tree(tree)
    whole = first.by_path()[b"large"]
    status = os.stat(tree / "large")
    other = whole._replace(**{field: getattr(whole, field) - 1})
    assert known([encode_page([whole])], frames_of(first)).find(b"large", status, 1 << 20)
    assert not known([encode_page([other])], frames_of(first)).find(b"large", status, 1 << 20)
