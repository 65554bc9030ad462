"""A version as a tar archive, judged by GNU tar and by Python's own reader."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from flowbackup.errors import RestoreError
from flowbackup.model.entry import Entry, EntryKind, Extent
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore.settings import RestoreSettings, RestoreStatistics
from flowbackup.restore.tar import RECORD_BYTES, write_tar
from flowbackup.testing.compare import differences
from flowbackup.testing.trees import random_tree, torture_tree
from flowbackup.units import MIB
from tests.restore.memory import Memory, read

ROOT = Entry(b"", EntryKind.DIRECTORY, 0o755)
EXTRACT = (
    "tar",
    "-x",
    "-p",
    "--same-owner",
    "--xattrs",
    "--xattrs-include=*",
    "--warning=no-timestamp",
    "-f",
    "-",
    "-C",
)
needs_tar = pytest.mark.skipif(shutil.which("tar") is None, reason="there is no tar here")
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="owners and devices need root")


def archive(
    entries: Iterable[Entry], memory: Memory, **settings: object
) -> tuple[bytes, RestoreStatistics, RecordingMonitor]:
    out = io.BytesIO()
    monitor = RecordingMonitor()
    by_path = {entry.path: entry for entry in memory.entries()}
    done = write_tar(
        entries, memory, out, RestoreSettings(**settings), monitor, by_path.__getitem__  # type: ignore[arg-type]
    )  # fmt: skip
    assert len(out.getvalue()) % RECORD_BYTES == 0
    return out.getvalue(), done, monitor


def extracted(data: bytes, target: Path) -> str:
    target.mkdir()
    done = subprocess.run([*EXTRACT, target], input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr.decode()


@pytest.mark.slow
@needs_tar
@needs_root
def test_gnu_tar_makes_the_torture_tree_equal(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    torture_tree(str(source), depth=40, links=20)
    memory, _ = read(str(source))
    data, done, monitor = archive(memory.entries(), memory)
    assert (done.failed, monitor.problems) == (0, [])
    assert extracted(data, target) == ""
    left_out = [text.partition(" is a socket")[0] for text in monitor.messages]
    for name in left_out:
        (source / name).unlink()
        os.utime(source / os.path.dirname(name), ns=_times(target / os.path.dirname(name)))
    assert len(left_out) == 1
    assert list(differences(os.fsencode(source), os.fsencode(target))) == []


def _times(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_atime_ns, status.st_mtime_ns


@needs_tar
@pytest.mark.parametrize("seed", range(3))
def test_gnu_tar_makes_random_trees_equal(seed: int, tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    random_tree(str(source), seed=seed)
    memory, _ = read(str(source))
    data, done, _ = archive(memory.entries(), memory)
    assert done.problems == 0
    assert extracted(data, target) == ""
    assert list(differences(os.fsencode(source), os.fsencode(target))) == []


def test_what_another_reader_finds(tmp_path: Path) -> None:
    memory = Memory()
    long = b"d/" + b"x" * 200
    entries = [
        ROOT,
        ROOT._replace(path=b"d", mtime_ns=-1_500_000_000),
        Entry(b"d/big", EntryKind.FILE, 0o4755, 1 << 31, 7, b"o" * 40, size=3, mtime_ns=5,
              chunks=memory.put(b"abc"), xattrs=((b"user.a=b%", b"\0\n1"),)),
        Entry(b"d/empty", EntryKind.FILE, 0o600),
        Entry(b"d/link", EntryKind.SYMLINK, 0o777, target=b"t" * 150),
        Entry(long, EntryKind.FILE, 0o644, size=1, chunks=memory.put(b"1")),
    ]  # fmt: skip
    data, done, _ = archive(entries, memory)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        root, folder, big, empty, link, other = tar.getmembers()
    assert (root.name, folder.name, folder.mtime) == (".", "./d", -1.5)
    assert (big.uid, big.gid, big.uname, big.mode) == (1 << 31, 7, "o" * 40, 0o4755)
    assert big.pax_headers["mtime"] == "0.000000005"
    assert big.pax_headers["SCHILY.xattr.user.a%3Db%25"] == "\0\n1"
    assert (empty.size, link.linkname, other.name) == (0, "t" * 150, "./" + long.decode())
    assert (done.files, done.directories, done.others, done.bytes_written) == (3, 2, 1, 4)


@pytest.mark.parametrize("holes", [(0, 5 * MIB), (3, 5 * MIB), (3, 5 * MIB - 3)])
def test_holes(holes: tuple[int, int], tmp_path: Path) -> None:
    memory = Memory()
    size, hole = 6 * MIB, Extent(*holes)
    content = os.urandom(size - hole.size)
    entry = Entry(
        b"holes", EntryKind.FILE, 0o644, size=size, holes=(hole,), chunks=memory.put(content)
    )
    tail = entry._replace(
        path=b"tail",
        size=9 * MIB,
        holes=(Extent(0, 4096), Extent(4099, 9 * MIB - 4099)),
        chunks=memory.put(b"abc"),
    )
    data, _, _ = archive([ROOT, entry, tail], memory)
    whole = content[: hole.offset] + bytes(hole.size) + content[hole.offset :]
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        _, one, two = tar.getmembers()
        file, last = tar.extractfile(one), tar.extractfile(two)
        assert file is not None and last is not None
        assert file.read() == whole
        assert last.read() == bytes(4096) + b"abc" + bytes(9 * MIB - 4099)
    assert len(data) < len(content) + 20 * 1024


def test_a_further_name_without_its_first_is_a_file_of_its_own(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.mkdir()
    (source / "1").write_bytes(b"linked")
    for name in ("2", "3"):
        os.link(source / "1", source / name)
    memory, _ = read(str(source))
    data, done, _ = archive(memory.entries(), memory, exclude=(b"1",))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        _, two, three = tar.getmembers()
        file = tar.extractfile(two)
        assert file is not None and file.read() == b"linked"
    assert (three.islnk(), three.linkname) == (True, "./2")
    assert (done.files, done.links) == (1, 1)


def test_an_object_that_is_one_file_has_the_name_of_the_object(tmp_path: Path) -> None:
    memory = Memory()
    entry = Entry(b"", EntryKind.FILE, 0o600, size=4, chunks=memory.put(b"dump"))
    data, _, _ = archive([entry], memory, root_name=b"site.sql")
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["site.sql"]


def test_what_cannot_be_had_is_left_out_or_ends_the_archive_without_an_end(tmp_path: Path) -> None:
    memory = Memory()
    bad, good = memory.put(b"bad"), memory.put(b"good")
    memory.damaged.add(bad[0].frame)
    entries = [
        ROOT,
        Entry(b"bad", EntryKind.FILE, size=3, chunks=bad),
        Entry(b"good", EntryKind.FILE, size=4, chunks=good),
        Entry(b"lost", EntryKind.FILE, size=4, problem="unreadable: EACCES"),
        Entry(b"socket", EntryKind.SOCKET),
    ]
    data, done, monitor = archive(entries, memory)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == [".", "./good"]
    assert (done.failed, [p.path for p in monitor.problems]) == (2, [b"bad", b"lost"])
    assert monitor.messages == ["socket is a socket, and left out"]
    out = io.BytesIO()
    half = Entry(b"half", EntryKind.FILE, size=7, chunks=(*good, *bad))
    with pytest.raises(RestoreError, match="the archive ends in half"):
        write_tar([ROOT, half], memory, out, RestoreSettings(), RecordingMonitor())
    with pytest.raises(tarfile.ReadError), tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        tar.extractall(tmp_path, filter="data")


def test_nothing_is_no_archive() -> None:
    with pytest.raises(RestoreError, match="nothing was selected"):
        archive([Entry(b"a", EntryKind.FILE)], Memory(), include=(b"b",))
