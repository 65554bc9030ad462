"""What changes, vanishes or cannot be read is flagged, reported, and stops nothing.

Faults happen at exact moments: when a name is opened, or when the reader asks for a slot, which is
after it looked at the file and before it read it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup.model.entry import EntryKind
from flowbackup.model.frame import FrameKind
from flowbackup.source import reader, walk
from tests.source.memory_sink import (
    FRAME_BYTES,
    MemorySink,
    Reading,
    assert_equal_to_source,
    open_descriptors,
    read_tree,
)


def at_first_borrow(action: Callable[[], object]) -> MemorySink:
    def once(number: int) -> None:
        if number == 0:
            action()

    return MemorySink(on_borrow=once)


def bystanders(tmp_path: Path) -> None:
    """Files before and behind, which must come back whatever happens to `m`."""
    (tmp_path / "z").write_bytes(b"behind")


def check_bystanders(reading: Reading) -> None:
    assert reading.content(reading.by_path()[b"z"]) == b"behind"
    assert reading.record.outcome == "incomplete"
    assert reading.record.problems == len(reading.monitor.problems) == 1


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more" * 1000)


def rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"X")
    os.utime(path, ns=(1, 1))


CHANGES: dict[str, Callable[[Path], object]] = {
    "grows": append,
    "shrinks": lambda path: os.truncate(path, 10),
    "is emptied": lambda path: os.truncate(path, 0),
    "is rewritten": rewrite,
    "is unlinked": lambda path: path.unlink(),
}


@pytest.mark.parametrize("size", [1000, 3 * FRAME_BYTES + 5])
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_is_flagged_and_bounded(tmp_path: Path, change: str, size: int) -> None:
    path = tmp_path / "m"
    path.write_bytes(b"m" * size)
    bystanders(tmp_path)
    reading = read_tree(tmp_path, at_first_borrow(lambda: CHANGES[change](path)))
    check_bystanders(reading)
    entry = reading.by_path()[b"m"]
    assert entry.problem == "changed while read"
    assert reading.monitor.problems[0].kind == "changed"
    assert reading.monitor.problems[0].path == os.fsencode(path)
    expected = {"shrinks": 10, "is emptied": 0}.get(change, size)
    assert entry.size == expected
    assert len(reading.content(entry)) == expected
    assert reading.record.bytes_read == expected + len(b"behind")


def test_a_file_that_vanished_is_reported_and_has_no_entry(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "m").write_bytes(b"m")
    bystanders(tmp_path)
    reading = read_tree(tmp_path, at_first_borrow((tmp_path / "m").unlink))
    check_bystanders(reading)
    assert reading.kinds_of_problems() == ["vanished"]
    assert set(reading.by_path()) == {b"", b"a", b"z"}


def test_a_directory_that_vanished_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "m").mkdir()
    bystanders(tmp_path)
    reading = read_tree(tmp_path, at_first_borrow((tmp_path / "m").rmdir))
    check_bystanders(reading)
    assert reading.kinds_of_problems() == ["vanished"]
    assert set(reading.by_path()) == {b"", b"a", b"z"}


SWAPS: dict[str, tuple[Callable[[Path], object], EntryKind]] = {
    "link": (lambda path: path.symlink_to("/etc/passwd"), EntryKind.SYMLINK),
    "fifo": (os.mkfifo, EntryKind.FIFO),
    "directory": (os.mkdir, EntryKind.DIRECTORY),
}


@pytest.mark.parametrize("swap", SWAPS)
def test_a_file_swapped_for_something_else_is_neither_followed_nor_waited_for(
    tmp_path: Path, swap: str
) -> None:
    path = tmp_path / "m"
    (tmp_path / "a").write_bytes(b"a")
    path.write_bytes(b"m")
    bystanders(tmp_path)
    make, kind = SWAPS[swap]

    def act() -> None:
        path.unlink()
        make(path)

    reading = read_tree(tmp_path, at_first_borrow(act))
    check_bystanders(reading)
    entry = reading.by_path()[b"m"]
    assert (entry.kind, entry.chunks) == (kind, ())
    assert entry.problem.startswith("changed: replaced")
    assert reading.record.bytes_read == len(b"a" + b"behind")


def test_a_directory_swapped_for_a_link_is_not_followed(tmp_path: Path) -> None:
    source, outside = tmp_path / "source", tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"not yours")
    (source / "m").mkdir(parents=True)
    (source / "a").write_bytes(b"a")
    bystanders(source)

    def act() -> None:
        (source / "m").rmdir()
        (source / "m").symlink_to(outside)

    reading = read_tree(source, at_first_borrow(act))
    check_bystanders(reading)
    assert set(reading.by_path()) == {b"", b"a", b"m", b"z"}
    assert reading.by_path()[b"m"].kind == EntryKind.SYMLINK


def failing_open(
    monkeypatch: pytest.MonkeyPatch, module: object, function: str, name: bytes, code: int
) -> None:
    real = getattr(module, function)

    def refuse(asked: bytes, *rest: int) -> int:
        if asked == name:
            raise OSError(code, os.strerror(code))
        return int(real(asked, *rest))

    monkeypatch.setattr(module, function, refuse)


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO, errno.EPERM, errno.EWOULDBLOCK])
def test_a_file_that_cannot_be_opened_keeps_its_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    (tmp_path / "m").write_bytes(b"m" * 50)
    bystanders(tmp_path)
    failing_open(monkeypatch, reader, "open_file", b"m", code)
    reading = read_tree(tmp_path)
    check_bystanders(reading)
    entry = reading.by_path()[b"m"]
    assert entry.problem == f"unreadable: {errno.errorcode[code]}"
    assert (entry.size, entry.chunks) == (50, ())
    assert reading.kinds_of_problems() == ["unreadable"]
    (problem,) = reading.monitor.problems
    assert problem.text == f"{os.strerror(code)} [{errno.errorcode[code]}]"


def test_a_directory_that_cannot_be_opened_keeps_its_entry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "below").touch()
    bystanders(tmp_path)
    failing_open(monkeypatch, walk, "open_without_atime", b"m", errno.EACCES)
    reading = read_tree(tmp_path)
    check_bystanders(reading)
    assert set(reading.by_path()) == {b"", b"m", b"z"}
    assert reading.by_path()[b"m"].problem == "unreadable: EACCES"


@pytest.mark.parametrize("good_reads", [0, 1, 2])
def test_bad_sectors_cost_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good_reads: int
) -> None:
    """EIO in the middle: no chunk of the file is referenced, frames stay readable."""
    (tmp_path / "m").write_bytes(os.urandom(4 * FRAME_BYTES))
    (tmp_path / "n").write_bytes(os.urandom(2 * FRAME_BYTES))
    bystanders(tmp_path)
    calls, preadv = [], os.preadv

    def failing(descriptor: int, buffers: object, offset: int) -> int:
        calls.append(offset)
        if len(calls) == good_reads + 1:
            raise OSError(errno.EIO, "bad sector")
        return preadv(descriptor, buffers, offset)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "preadv", failing)
    before = open_descriptors()
    reading = read_tree(tmp_path)
    assert open_descriptors() <= before
    check_bystanders(reading)
    entry = reading.by_path()[b"m"]
    assert (entry.problem, entry.chunks) == ("unreadable: EIO", ())
    assert reading.content(reading.by_path()[b"n"]) == (tmp_path / "n").read_bytes()
    data = [frame for frame in reading.sink.frames if frame[0].kind == FrameKind.DATA]
    assert sum(header.content_bytes for header, _ in data) == reading.record.bytes_new


def test_short_reads_and_interruptions_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small").write_bytes(os.urandom(5000))
    (tmp_path / "large").write_bytes(os.urandom(3 * FRAME_BYTES + 7))
    preadv = os.preadv

    def short(descriptor: int, buffers: tuple[memoryview], offset: int) -> int:
        return preadv(descriptor, [buffers[0][:1713]], offset)

    monkeypatch.setattr(os, "preadv", short)
    reading = read_tree(tmp_path)
    assert reading.record.outcome == "success"
    assert_equal_to_source(reading, tmp_path)


def test_attributes_that_cannot_be_read_are_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").write_bytes(b"content")
    monkeypatch.setattr(os, "listxattr", _raising(errno.EIO))
    reading = read_tree(tmp_path / "m")
    (entry,) = reading.entries()
    assert entry.problem == "attributes unreadable: EIO"
    assert reading.content(entry) == b"content"
    assert reading.kinds_of_problems() == ["metadata"]


def test_a_file_system_without_attributes_is_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").write_bytes(b"content")
    monkeypatch.setattr(os, "listxattr", _raising(errno.ENOTSUP))
    assert read_tree(tmp_path).record.outcome == "success"


def test_the_second_name_holds_the_content_when_the_first_was_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m").write_bytes(b"content")
    os.link(tmp_path / "m", tmp_path / "n")
    bystanders(tmp_path)
    failing_open(monkeypatch, reader, "open_file", b"m", errno.EACCES)
    reading = read_tree(tmp_path)
    found = reading.by_path()
    assert found[b"n"].hard_link is None
    assert reading.content(found[b"n"]) == b"content"


def moved_tree(tmp_path: Path) -> tuple[Path, Path]:
    source, elsewhere = tmp_path / "source", tmp_path / "elsewhere"
    deep = source / "p" / "q" / "r"
    deep.mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "alien").write_bytes(b"not in the source")
    (deep / "f").write_bytes(b"f")
    (source / "p" / "zz").write_bytes(b"behind")
    bystanders(source)
    return source, elsewhere


def test_a_moved_directory_does_not_lead_the_walk_astray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The return to a closed parent goes by "..", which now is another directory: the parent is
    found again from the root."""
    monkeypatch.setattr(walk, "OPEN_LEVELS", 1)
    source, elsewhere = moved_tree(tmp_path)
    act = at_first_borrow(lambda: (source / "p" / "q").rename(elsewhere / "q"))
    reading = read_tree(source, act)
    assert reading.record.outcome == "success"
    expected = {b"", b"p", b"p/q", b"p/q/r", b"p/q/r/f", b"p/zz", b"z"}
    assert set(reading.by_path()) == expected


def test_a_directory_that_is_found_no_more_is_left_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walk, "OPEN_LEVELS", 1)
    source, elsewhere = moved_tree(tmp_path)

    def act() -> None:
        (source / "p" / "q").rename(elsewhere / "q")
        (source / "p").rename(elsewhere / "p")

    reading = read_tree(source, at_first_borrow(act))
    check_bystanders(reading)
    assert reading.kinds_of_problems() == ["vanished"]
    assert reading.monitor.problems[0].path == os.fsencode(source / "p")
    assert set(reading.by_path()) == {b"", b"p", b"p/q", b"p/q/r", b"p/q/r/f", b"z"}


def _raising(code: int) -> Callable[..., list[str]]:
    def fail(*args: object, **options: object) -> list[str]:
        raise OSError(code, os.strerror(code))

    return fail
