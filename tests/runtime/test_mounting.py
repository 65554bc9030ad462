"""Versions as directories: any part of a file, and a mount of Linux, judged by what reads it."""

from __future__ import annotations

import ctypes.util
import errno
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowbackup.errors import DamageError
from flowbackup.model.entry import Entry, EntryKind, Extent
from flowbackup.model.report import SessionReport
from flowbackup.plan.decided import Plan
from flowbackup.restore.content import ContentSource
from flowbackup.runtime.mounting.mounted_file import MountedFile
from flowbackup.testing.compare import CompareSettings, differences
from flowbackup.testing.trees import torture_tree
from tests.restore.memory import Memory
from tests.runtime.left_behind import wait_for

HAS_FUSE = os.path.exists("/dev/fuse") and any(map(ctypes.util.find_library, ("fuse3", "fuse")))
needs_fuse = pytest.mark.skipif(
    not HAS_FUSE or os.getuid() != 0, reason="mounting here needs root and libfuse"
)
NO_HOLES = CompareSettings(holes=False)
"""A file system in user space does not say where they are."""


def entry(size: int, *holes: tuple[int, int], **settings: object) -> Entry:
    extents = tuple(Extent(*hole) for hole in holes)
    return Entry(b"file", EntryKind.FILE, size=size, holes=extents)._replace(**settings)


def test_any_part_of_a_file_is_what_it_was() -> None:
    rng = random.Random(7)
    memory = Memory()
    pieces = [rng.randbytes(size) for size in (10, 1, 25, 14)]
    file = entry(
        80, (4, 8), (40, 20), (78, 2), chunks=memory.put(*pieces[:2]) + memory.put(*pieces[2:])
    )
    content = b"".join(pieces)
    whole = content[:4] + bytes(8) + content[4:32] + bytes(20) + content[32:] + bytes(2)
    assert len(whole) == 80
    opened = MountedFile(file, ContentSource(memory))
    for offset in range(82):
        for size in range(82):
            assert opened.read(size, offset) == whole[offset : offset + size]
    assert MountedFile(entry(0), ContentSource(memory)).read(5, 0) == b""
    assert MountedFile(entry(9, (0, 9)), ContentSource(memory)).read(5, 6) == bytes(3)


def test_what_cannot_be_right_is_not_given() -> None:
    memory = Memory()
    file = entry(6, chunks=memory.put(b"abc") + memory.put(b"def"))
    opened = MountedFile(file, ContentSource(memory))
    assert opened.read(2, 0) == b"ab"
    name = file.chunks[1].frame
    memory.frames[name] = b"dex"
    with pytest.raises(DamageError):
        opened.read(3, 2)
    with pytest.raises(DamageError, match="not saved: unreadable"):
        MountedFile(entry(6, problem="unreadable: EACCES"), ContentSource(memory))
    with pytest.raises(DamageError):
        MountedFile(entry(7, chunks=file.chunks), ContentSource(memory))


@contextmanager
def mounted(place: Path, catalog: Path) -> Iterator[Path]:
    """A mount by a command of its own, which is ended by a signal."""
    place.mkdir(exist_ok=True)
    said = place.with_suffix(".log")
    with said.open("wb") as log:
        command = subprocess.Popen(
            [sys.executable, "-c", "from flowbackup.cli.main import main; main()", "mount",
             str(place), "--catalog", str(catalog)], stderr=log,
        )  # fmt: skip
    try:
        wait_for(lambda: place.is_mount() or command.poll() is not None)
        assert place.is_mount(), said.read_text()
        yield place
    finally:
        command.send_signal(signal.SIGINT)
        code = command.wait(60)
    assert (code, place.is_mount()) == (0, False), said.read_text()


@needs_fuse
@pytest.mark.ray
def test_a_hostile_tree_is_there_as_it_was(
    tmp_path: Path, catalog: Path, backup: Callable[[Plan], SessionReport],
    chain_of: Callable[..., Plan],
) -> None:  # fmt: skip
    source = tmp_path / "source"
    torture_tree(str(source), depth=100)
    for file in source.glob("*/*"):
        if not file.is_symlink() and file.is_file() and file.stat().st_size > 1 << 30:
            file.unlink()  # Mostly a hole, through which would be read.
    assert backup(chain_of(source, 1)).exit_code == 0
    with mounted(tmp_path / "mount", catalog) as place:
        (shown,) = place.glob("*/source/latest")
        assert os.readlink(shown) == "1"
        assert list(differences(str(source), f"{shown}/", NO_HOLES)) == []
        with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
            (shown / "new").touch()
        (source / "later").write_bytes(b"x" * 5000)
        assert backup(chain_of(source, 1)).exit_code == 0
        assert os.readlink(shown) == "2"
        assert (shown / "later").read_bytes() == b"x" * 5000
        assert sorted(os.listdir(shown.parent)) == ["1", "2", "latest"]
        assert not (shown.parent / "1" / "later").exists()
    for segment in (tmp_path / "d0" / "segments").iterdir():
        segment.unlink()
    with mounted(tmp_path / "mount", catalog) as place:
        (shown,) = place.glob("*/source/2")
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            (shown / "later").read_bytes()
    assert "later: " in (tmp_path / "mount.log").read_text()


def test_only_an_empty_directory_is_mounted_on(tmp_path: Path, catalog: Path) -> None:
    from flowbackup import api
    from flowbackup.errors import UsageError
    from flowbackup.monitor import SilentMonitor

    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "file", tmp_path / "none"):
        with pytest.raises(UsageError, match="is no empty directory"):
            api.mount(place, SilentMonitor(), lambda: None, catalog)
