"""Trees that break backup programs: names, depth, width, kinds, links, holes, attributes, times."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbackup.model.entry import FLAGS_ATTRIBUTE, EntryKind, Extent, path_order
from flowbackup.source.metadata import EntryMaker
from flowbackup.source.walk import OPEN_LEVELS, walk
from flowbackup.units import KIB, MIB, TIB
from tests.source.memory_sink import (
    MemorySink,
    Reading,
    assert_equal_to_source,
    open_descriptors,
    read_tree,
)


def test_every_byte_stands_in_a_name(tmp_path: Path) -> None:
    base = os.fsencode(tmp_path)
    names = [bytes([byte]) for byte in range(1, 256) if byte not in b"/."]
    names += [b"\xff\xfe", "é".encode(), "é".encode(), b"new\nline", b"\x1b[2J", b"x" * 255]
    names += [b"a", b"a.b", b"a-b", b"-rf", b" ", b"..."]
    for name in set(names):
        with open(os.path.join(base, name), "wb") as file:
            file.write(name)
    reading = read_tree(base)
    found = {path: reading.content(e) for path, e in reading.by_path().items() if path}
    assert found == {name: name for name in names}


def test_entries_come_in_path_order(tmp_path: Path) -> None:
    for name in ["a", "a.b", "a-b", "b"]:
        (tmp_path / name).mkdir()
        for child in ["z", "0", "x.y", "x"]:
            (tmp_path / name / child).touch()
    paths = [entry.path for entry in read_tree(tmp_path).entries()]
    assert paths == sorted(paths, key=path_order)
    assert paths[1:4] == [b"a", b"a/0", b"a/x"]


def deep_tree(base: Path, depth: int, name: bytes) -> None:
    """Made by descriptors, because the path is longer than the system takes."""
    here = os.open(base, os.O_PATH)
    for level in range(depth):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_PATH, dir_fd=here)
        os.close(here)
        here = below
        if level % 500 == 0 or level == depth - 1:
            file = os.open(b"zfile", os.O_WRONLY | os.O_CREAT, dir_fd=here)
            os.write(file, b"at %d" % level)
            os.close(file)
    os.close(here)


def remove_deep_tree(base: Path, name: bytes) -> None:
    """The same way back: rmtree of this Python recurses and needs the whole path."""
    here = os.open(base, os.O_RDONLY)
    levels = [here]
    while True:
        try:
            levels.append(os.open(name, os.O_RDONLY, dir_fd=levels[-1]))
        except FileNotFoundError:
            break
    for descriptor in reversed(levels):
        for child in os.listdir(descriptor):
            try:
                os.unlink(child, dir_fd=descriptor)
            except (IsADirectoryError, PermissionError):
                os.rmdir(child, dir_fd=descriptor)
        if descriptor != here:
            os.close(descriptor)
    os.close(here)


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Only for the test's own removal of a deep tree."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3000:
        pytest.skip("3,000 open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3000), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_depth_2000_with_few_open_directories(
    tmp_path: Path, many_descriptors: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth, name = 2000, b"level"
    deep_tree(tmp_path, depth, name)
    try:
        most, before = 0, len(open_descriptors())
        make = EntryMaker.make

        def watching(self: EntryMaker, path: bytes, *rest: object, **more: object) -> object:
            nonlocal most
            if path.endswith(b"/zfile"):
                most = max(most, len(open_descriptors()) - before)
            return make(self, path, *rest, **more)  # type: ignore[arg-type]

        monkeypatch.setattr(EntryMaker, "make", watching)
        reading = read_tree(tmp_path, MemorySink(1 * MIB))
        found = reading.by_path()
        deepest = b"/".join([name] * depth) + b"/zfile"
        assert len(deepest) > 4096
        assert reading.content(found[deepest]) == b"at %d" % (depth - 1)
        assert len(found) == 1 + depth + 5
        assert not reading.monitor.problems
        assert most <= OPEN_LEVELS + 8
    finally:
        remove_deep_tree(tmp_path, name)


def test_an_object_whose_own_path_is_over_4096_bytes(
    tmp_path: Path, many_descriptors: None
) -> None:
    deep_tree(tmp_path, 30, b"n" * 200)
    try:
        path = os.fsencode(tmp_path) + b"/" + b"/".join([b"n" * 200] * 29)
        assert [e.path[200:] for e in read_tree(path).entries()] == [b"", b"", b"/zfile"]
    finally:
        remove_deep_tree(tmp_path, b"n" * 200)


@pytest.mark.slow
def test_100000_files_in_one_directory(tmp_path: Path) -> None:
    for number in range(100_000):
        os.close(os.open(tmp_path / str(number), os.O_CREAT))
    reading = read_tree(tmp_path, MemorySink(1 * MIB))
    assert reading.record.files == 100_000
    assert len(reading.entries()) == 100_001


def kinds(reading: Reading) -> dict[bytes, int]:
    return {path: entry.kind for path, entry in reading.by_path().items()}


def test_every_kind_that_needs_no_root(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(tmp_path)  # the address of a socket holds 108 bytes
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
    (tmp_path / "dangling").symlink_to(b"\xff nowhere")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "up").symlink_to("..")
    (tmp_path / "d").mkdir(mode=0o2750)
    (tmp_path / "f").touch()
    (tmp_path / "f").chmod(0o6711)
    reading = read_tree(tmp_path)
    assert_equal_to_source(reading, tmp_path)
    assert kinds(reading) == {
        b"": EntryKind.DIRECTORY,
        b"fifo": EntryKind.FIFO,
        b"socket": EntryKind.SOCKET,
        b"dangling": EntryKind.SYMLINK,
        b"loop": EntryKind.SYMLINK,
        b"up": EntryKind.SYMLINK,
        b"d": EntryKind.DIRECTORY,
        b"f": EntryKind.FILE,
    }
    assert reading.record.outcome == "success"


@pytest.mark.root
def test_devices(tmp_path: Path) -> None:
    try:
        os.mknod(tmp_path / "null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        os.mknod(tmp_path / "block", stat.S_IFBLK | 0o600, os.makedev(7, 200))
    except PermissionError:
        pytest.skip("CAP_MKNOD")
    found = read_tree(tmp_path).by_path()
    assert (found[b"null"].kind, found[b"null"].rdev) == (
        EntryKind.CHARACTER_DEVICE,
        os.makedev(1, 3),
    )
    assert (found[b"block"].kind, found[b"block"].rdev) == (
        EntryKind.BLOCK_DEVICE,
        os.makedev(7, 200),
    )


def test_hard_links_across_directories(tmp_path: Path) -> None:
    for name in ["a", "b", "c"]:
        (tmp_path / name).mkdir()
    (tmp_path / "b" / "first").write_bytes(b"content" * 10)
    os.link(tmp_path / "b" / "first", tmp_path / "a" / "again")
    os.link(tmp_path / "b" / "first", tmp_path / "c" / "more")
    os.link(tmp_path / "b" / "first", tmp_path / "outside-the-order")
    os.symlink("x", tmp_path / "link")
    os.link(tmp_path / "link", tmp_path / "link2", follow_symlinks=False)
    reading = read_tree(tmp_path)
    assert_equal_to_source(reading, tmp_path)
    found = reading.by_path()
    assert found[b"a/again"].hard_link is None
    assert {found[path].hard_link for path in (b"b/first", b"c/more", b"outside-the-order")} == {
        b"a/again"
    }
    assert not found[b"b/first"].chunks
    assert found[b"link2"].hard_link == b"link"
    assert reading.record.bytes_read == reading.record.bytes_source == 70
    assert reading.record.files == 4


HOLES = [
    ("start", [(MIB, b"tail")], None),
    ("middle", [(0, b"head"), (3 * MIB, b"tail")], None),
    ("end", [(0, b"head")], 5 * MIB),
    ("only", [], 2 * MIB),
    ("many", [(number * 256 * KIB, b"%d" % number) for number in range(20)], 6 * MIB),
]


@pytest.mark.parametrize(("name", "parts", "size"), HOLES, ids=[row[0] for row in HOLES])
def test_holes_are_kept_and_not_read(
    tmp_path: Path, name: str, parts: list[tuple[int, bytes]], size: int | None
) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        for offset, data in parts:
            file.seek(offset)
            file.write(data)
        if size is not None:
            file.truncate(size)
    if path.stat().st_blocks * 512 >= path.stat().st_size:
        pytest.skip("holes on this file system")
    reading = read_tree(tmp_path)
    assert_equal_to_source(reading, tmp_path)
    entry = reading.by_path()[os.fsencode(name)]
    assert sum(hole.size for hole in entry.holes) + reading.record.bytes_read == entry.size
    assert reading.record.bytes_read <= 64 * KIB * max(1, len(parts))


def test_a_sparse_file_of_8_tib_takes_no_time(tmp_path: Path) -> None:
    try:
        with (tmp_path / "huge").open("wb") as file:
            file.write(b"head")
            file.truncate(8 * TIB)
    except OSError as error:
        pytest.skip(f"files of 8 TiB: {error}")
    reading = read_tree(tmp_path)
    entry = reading.by_path()[b"huge"]
    (hole,) = entry.holes
    assert hole == Extent(hole.offset, 8 * TIB - hole.offset)
    assert reading.record.bytes_read == hole.offset <= 64 * KIB


def test_attributes_of_files_directories_and_links(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    (tmp_path / "d").mkdir()
    (tmp_path / "l").symlink_to("f")
    try:
        os.setxattr(tmp_path / "f", "user.b", b"\0\xff")
        os.setxattr(tmp_path / "f", "user.a", b"")
        os.setxattr(tmp_path / "d", "user.d", b"1")
    except OSError as error:
        pytest.skip(f"extended attributes: {error}")
    found = read_tree(tmp_path).by_path()
    assert found[b"f"].xattrs == ((b"user.a", b""), (b"user.b", b"\0\xff"))
    assert found[b"d"].xattrs == ((b"user.d", b"1"),)
    assert found[b"l"].xattrs == ()


@pytest.mark.root
def test_attributes_of_what_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to("nowhere")
    os.mkfifo(tmp_path / "p")
    try:
        for name in ["l", "p"]:
            os.setxattr(tmp_path / name, "trusted.t", b"2", follow_symlinks=False)
    except OSError as error:
        pytest.skip(f"trusted attributes: {error}")
    found = read_tree(tmp_path).by_path()
    assert found[b"l"].xattrs == found[b"p"].xattrs == ((b"trusted.t", b"2"),)


@pytest.mark.parametrize("seconds", [-3_000_000_000 // 2, -1, 0, 2**32 + 7, 8_000_000_000])
def test_times_to_the_nanosecond(tmp_path: Path, seconds: int) -> None:
    (tmp_path / "f").touch()
    os.utime(tmp_path / "f", ns=(0, seconds * 10**9 + 123_456_789))
    assert_equal_to_source(read_tree(tmp_path), tmp_path)


def test_a_time_that_no_page_holds_is_kept_at_the_end_of_time() -> None:
    status = os.stat_result(
        (stat.S_IFREG, 1, 1, 1, 0, 0, 0, 0, 0, 0),
        {"st_mtime_ns": 2**64, "st_ctime_ns": -(2**64)},
    )
    entry = EntryMaker().make(b"x", status)
    assert (entry.mtime_ns, entry.ctime_ns) == (2**63 - 1, -(2**63) + 1)


def test_names_of_owners(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("root")
    (tmp_path / "known").touch()
    (tmp_path / "unknown").touch()
    os.chown(tmp_path / "unknown", 2**32 - 2, 4_000_000_000)
    found = read_tree(tmp_path).by_path()
    assert found[b"known"].owner == b"root"
    assert (found[b"unknown"].uid, found[b"unknown"].owner) == (2**32 - 2, b"")
    assert (found[b"unknown"].gid, found[b"unknown"].group) == (4_000_000_000, b"")


def test_a_walk_closed_early_leaves_nothing_open(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"abcdefgh")
    deep.mkdir(parents=True)
    before = open_descriptors()
    for steps in range(9):
        root = os.open(tmp_path, os.O_RDONLY)
        names = walk(root, lambda problem: None)
        for _ in range(steps):
            next(names, None)
        names.close()
        os.close(root)
        assert open_descriptors() <= before


@pytest.mark.root
@pytest.mark.parametrize(
    ("letters", "value"), [("i", b"i"), ("a", b"a"), ("ai", b"ai"), ("d", b"")]
)
def test_locks_are_kept_as_an_attribute(tmp_path: Path, letters: str, value: bytes) -> None:
    if os.geteuid() or shutil.which("chattr") is None:
        pytest.skip("chattr as root")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"content")
    for name in ("d/f", "d"):
        done = subprocess.run(
            ["chattr", f"+{letters}", tmp_path / name], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"chattr: {done.stderr.decode()}")
    try:
        found = read_tree(tmp_path).by_path()
    finally:
        subprocess.run(["chattr", "-R", "-a", "-i", tmp_path / "d"], check=True)
    expected = ((FLAGS_ATTRIBUTE, value),) if value else ()
    assert found[b"d"].xattrs == found[b"d/f"].xattrs == expected
