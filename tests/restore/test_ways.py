"""The short ways: small files under their own names at once, large ones past the page cache."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import stat
import threading
from pathlib import Path

import pytest

from flowbackup.errors import RestoreError
from flowbackup.frame.seal import Content
from flowbackup.model.entry import Entry, EntryKind, Extent
from flowbackup.model.ids import FrameId
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore import Overwrite, RestoreSettings, restore_tree
from flowbackup.restore import nodes as making
from flowbackup.restore import sync as syncing
from flowbackup.restore.large import LARGE_BYTES_MIN, LargeFileWriter
from flowbackup.restore.sync import STEP_BYTES, RunningSync
from flowbackup.units import MIB
from tests.restore.memory import Memory

OURS = (os.getuid(), os.getgid())
ROOT = Entry(b"", EntryKind.DIRECTORY, 0o755, *OURS)
DIRECTORY = ROOT._replace(path=b"d")


def restored(
    tmp_path: Path, memory: Memory, *entries: Entry, overwrite: Overwrite = Overwrite.NEVER
) -> RecordingMonitor:
    monitor = RecordingMonitor()
    settings = RestoreSettings(overwrite, sync=False)
    restore_tree((ROOT, *entries), memory, os.fsencode(tmp_path / "t"), settings, monitor)
    return monitor


def small(path: bytes, memory: Memory, content: bytes = b"small", mode: int = 0o644) -> Entry:
    entry = Entry(path, EntryKind.FILE, mode, *OURS, size=len(content), mtime_ns=5)
    return entry._replace(chunks=memory.put(content) if content else ())


# Small files


def test_only_a_directory_of_ones_own_needs_no_temporary_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[bytes] = []
    real = making.publish

    def noted(temporary: bytes, name: bytes, directory: int, *, replace: bool) -> None:
        published.append(name)
        real(temporary, name, directory, replace=replace)

    monkeypatch.setattr(making, "publish", noted)
    memory = Memory()
    entries = (
        small(b"at the top", memory), DIRECTORY, small(b"d/deep", memory),
        small(b"d/empty", memory, b""),
    )  # fmt: skip
    assert restored(tmp_path, memory, *entries).problems == []
    # The target was there before, as far as the restore knows.
    assert published == [b"at the top"]
    assert (tmp_path / "t/d/deep").read_bytes() == b"small"
    assert (tmp_path / "t/d/empty").read_bytes() == b""
    (tmp_path / "t/d/deep").unlink()
    restored(tmp_path, memory, *entries)
    assert published == [b"at the top", b"deep"]


def test_a_directory_that_others_may_enter_is_no_private_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when somebody puts another one in the place of the one that was made."""
    real = os.mkdir

    def swapped(name: bytes, mode: int, *, dir_fd: int | None = None) -> None:
        real(name, mode, dir_fd=dir_fd)
        os.chmod(name, 0o777, dir_fd=dir_fd)

    def refused(name: bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        assert not (name == b"f" and flags & os.O_CREAT), "made under its own name"
        return opened(name, flags, mode, dir_fd=dir_fd)

    opened = os.open
    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(os, "mkdir", swapped)
    memory = Memory()
    assert restored(tmp_path, memory, DIRECTORY, small(b"d/f", memory)).problems == []
    assert (tmp_path / "t/d/f").read_bytes() == b"small"


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077], ids="{:03o}".format)
def test_modes_are_the_entries_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    memory = Memory()
    modes = (0o000, 0o400, 0o600, 0o644, 0o664, 0o777, 0o4755, 0o2755, 0o1644)
    entries = [small(b"d/%04o" % mode, memory, mode=mode) for mode in modes]
    before = os.umask(mask)
    try:
        assert restored(tmp_path, memory, DIRECTORY, *entries).problems == []
    finally:
        os.umask(before)
    found = [os.stat(tmp_path / f"t/d/{mode:04o}") for mode in modes]
    assert [stat.S_IMODE(status.st_mode) for status in found] == list(modes)
    assert {status.st_mtime_ns for status in found} == {5}


def test_what_cannot_be_finished_keeps_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    real = os.write

    def full(descriptor: int, data: memoryview) -> int:
        real(descriptor, data[:2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RestoreError, match="No space left"):
        restored(tmp_path, memory, DIRECTORY, small(b"d/f", memory))
    assert os.listdir(tmp_path / "t/d") == []


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory, real = Memory(), os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:2]))
    restored(tmp_path, memory, DIRECTORY, small(b"d/f", memory))
    assert (tmp_path / "t/d/f").read_bytes() == b"small"


@pytest.mark.parametrize("overwrite", list(Overwrite))
def test_a_name_that_appears_meanwhile_is_replaced_only_if_asked(
    tmp_path: Path, overwrite: Overwrite
) -> None:
    class Racing(Memory):
        def payload(self, frame: FrameId) -> Content:
            (tmp_path / "t/d/f").write_text("mine")
            return super().payload(frame)

    memory = Racing()
    restored(tmp_path, memory, DIRECTORY, small(b"d/f", memory), overwrite=overwrite)
    kept = overwrite is Overwrite.NEVER
    assert (tmp_path / "t/d/f").read_text() == ("mine" if kept else "small")
    assert os.listdir(tmp_path / "t/d") == ["f"]


# Large files


def large(memory: Memory, content: bytes, holes: tuple[Extent, ...] = (), lead: int = 0) -> Entry:
    """In one frame, behind so many bytes of somebody else; holes are zeros in `content`."""
    pieces, place = [], 0
    for hole in (*holes, Extent(len(content), 0)):
        pieces += [
            content[at : min(at + MIB, hole.offset)] for at in range(place, hole.offset, MIB)
        ]
        place = hole.offset + hole.size
    refs = memory.put(bytes(lead), *pieces)[1:] if lead else memory.put(*pieces)
    entry = Entry(b"d/large", EntryKind.FILE, 0o640, *OURS, size=len(content), mtime_ns=5)
    return entry._replace(holes=holes, chunks=refs)


@pytest.mark.parametrize("direct", [True, False], ids=["direct", "refused"])
@pytest.mark.parametrize("tail", [0, 1, 4096, 5000])
@pytest.mark.parametrize("lead", [0, 1, 512, 4096])
def test_large_files_come_back_equal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lead: int, tail: int, direct: bool
) -> None:
    if not direct:
        refuse_direct(monkeypatch)
    memory = Memory()
    content = random.Random(lead + tail).randbytes(LARGE_BYTES_MIN + tail)
    assert restored(tmp_path, memory, DIRECTORY, large(memory, content, lead=lead)).problems == []
    assert (tmp_path / "t/d/large").read_bytes() == content
    assert os.stat(tmp_path / "t/d/large").st_mtime_ns == 5


@pytest.mark.parametrize("begin", [0, 4096, 5000, 2 * MIB])
@pytest.mark.parametrize("size", [1, 4096, 70_000, 2 * MIB])
def test_large_files_with_holes_anywhere(tmp_path: Path, begin: int, size: int) -> None:
    memory = Memory()
    content = bytearray(random.Random(begin + size).randbytes(LARGE_BYTES_MIN + 5000))
    content[begin : begin + size] = bytes(size)
    restored(tmp_path, memory, DIRECTORY, large(memory, bytes(content), (Extent(begin, size),)))
    assert (tmp_path / "t/d/large").read_bytes() == content


def test_direct_writing_is_used_where_there_is_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work, not only the result: what is whole blocks never passes through the page cache."""
    probe = os.open(tmp_path / "probe", os.O_WRONLY | os.O_CREAT)
    try:
        fcntl.fcntl(probe, fcntl.F_SETFL, os.O_DIRECT)
    except OSError:
        pytest.skip("the file system of the temporary directory has no direct writing")
    finally:
        os.close(probe)
    buffered: list[int] = []
    real = os.pwrite

    def noted(descriptor: int, data: memoryview, offset: int) -> int:
        written = real(descriptor, data, offset)
        if not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            buffered.append(written)
        return written

    monkeypatch.setattr(os, "pwrite", noted)
    memory = Memory()
    restored(tmp_path, memory, DIRECTORY, large(memory, bytes(LARGE_BYTES_MIN + 5000), lead=7))
    assert buffered == [5000 - 4096]


def test_no_write_is_under_way_when_the_content_turns_out_damaged(tmp_path: Path) -> None:
    writer = LargeFileWriter()
    descriptor = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT)

    def damaged() -> object:
        for place in range(4):
            yield place * MIB, memoryview(bytes([place + 1]) * MIB)
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        writer.fill(descriptor, damaged())  # type: ignore[arg-type]
    sizes = {os.fstat(descriptor).st_size}
    writer.close()
    sizes.add(os.fstat(descriptor).st_size)
    os.close(descriptor)
    assert sizes == {4 * MIB}


def test_a_disk_that_is_full_later_ends_the_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: memoryview, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    memory = Memory()
    with pytest.raises(RestoreError, match="No space left"):
        restored(tmp_path, memory, DIRECTORY, large(memory, bytes(LARGE_BYTES_MIN)))
    assert os.listdir(tmp_path / "t/d") == []


def refuse_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    real = fcntl.fcntl

    def refused(descriptor: int, command: int, argument: int = 0) -> int:
        if command == fcntl.F_SETFL and argument & os.O_DIRECT:
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(descriptor, command, argument)

    monkeypatch.setattr(fcntl, "fcntl", refused)


# Durable


class Syncs:
    """Stands for the system's syncfs: every call waits for `go`, and the n-th fails."""

    def __init__(self, failing: int = 0) -> None:
        self.failing = failing
        self.begun = 0
        self.go = threading.Event()

    def __call__(self, descriptor: int) -> None:
        self.begun += 1
        assert self.go.wait(60)
        if self.begun == self.failing:
            raise OSError(errno.EIO, "Input/output error")


def test_the_disk_begins_before_the_end_and_nobody_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    syncs = Syncs()
    monkeypatch.setattr(syncing, "sync_file_system", syncs)
    sync = RunningSync(-1)
    sync.reached(STEP_BYTES - 1)
    assert syncs.begun == 0
    for step in range(1, 5):
        sync.reached(step * STEP_BYTES)
    syncs.go.set()
    sync.finish()
    # The one that was running while the others would have been due, and the last.
    assert syncs.begun == 2
    sync.close()


@pytest.mark.parametrize("failing", [1, 2])
def test_a_sync_that_fails_ends_the_restore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    """Also an early one: the system tells the failure once, and the last sync would succeed."""
    syncs = Syncs(failing)
    syncs.go.set()
    monkeypatch.setattr(syncing, "sync_file_system", syncs)
    monkeypatch.setattr(syncing, "STEP_BYTES", 1)
    memory = Memory()
    entries = (ROOT, small(b"f", memory))
    with pytest.raises(RestoreError, match="Input/output error"):
        restore_tree(entries, memory, os.fsencode(tmp_path / "t"))
    assert syncs.begun == failing


def test_a_dry_run_syncs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs = Syncs(1)
    monkeypatch.setattr(syncing, "sync_file_system", syncs)
    monkeypatch.setattr(syncing, "STEP_BYTES", 1)
    memory = Memory()
    dry = RestoreSettings(dry_run=True)
    restore_tree((ROOT, small(b"f", memory)), memory, os.fsencode(tmp_path / "t"), dry)
    assert syncs.begun == 0
