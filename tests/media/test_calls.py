"""SystemCalls: each call does in the system what its name says, and tells when it could not."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from flowbackup.media import calls
from flowbackup.media.calls import SYSTEM


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The syncs that the system was asked for: call and path."""
    seen: list[tuple[str, str]] = []
    for name in ("fsync", "fdatasync"):
        monkeypatch.setattr(
            os, name, lambda fd, name=name: seen.append((name, os.readlink(f"/proc/self/fd/{fd}")))
        )
    return seen


def test_every_sync_reaches_the_system(tmp_path: Path, synced: list[tuple[str, str]]) -> None:
    path = str(tmp_path / "file")
    fd = SYSTEM.open(path, os.O_RDWR | os.O_CREAT)
    SYSTEM.fdatasync(fd)
    SYSTEM.fsync(fd)
    SYSTEM.close(fd)
    SYSTEM.sync_directory(str(tmp_path))
    assert synced == [("fdatasync", path), ("fsync", path), ("fsync", str(tmp_path))]


def test_every_change_reaches_the_system(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    fd = SYSTEM.open(str(path), os.O_RDWR | os.O_CREAT)
    assert SYSTEM.pwritev(fd, [b"ab", b"cd"], 1) == 4
    SYSTEM.truncate(fd, 3)
    SYSTEM.chmod(fd, 0o444)
    SYSTEM.close(fd)
    SYSTEM.rename(str(path), str(other))
    assert (other.read_bytes(), stat.S_IMODE(other.stat().st_mode)) == (b"\0ab", 0o444)
    SYSTEM.unlink(str(other))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_stays_the_same_whatever_comes_to_its_path(
    tmp_path: Path, synced: list[tuple[str, str]]
) -> None:
    (tmp_path / "m" / "segments").mkdir(parents=True)
    place = SYSTEM.open_folder(str(tmp_path / "m"))
    folder = SYSTEM.open_folder("segments", folder=place)
    (tmp_path / "m").rename(tmp_path / "away")
    (tmp_path / "m" / "segments").mkdir(parents=True)
    for name in ("one", "two"):
        SYSTEM.close(SYSTEM.open(name, os.O_RDWR | os.O_CREAT, folder=folder))
    SYSTEM.rename("one", "three", folder=folder)
    SYSTEM.unlink("two", folder=folder)
    SYSTEM.sync_directory(folder)
    SYSTEM.close(folder)
    SYSTEM.close(place)
    segments = tmp_path / "away" / "segments"
    assert synced == [("fsync", str(segments))]
    assert os.listdir(segments) == ["three"] and os.listdir(tmp_path / "m" / "segments") == []


def test_a_reservation_that_fails_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    fd = SYSTEM.open(str(path), os.O_RDONLY)
    with pytest.raises(OSError, match="Bad file descriptor") as caught:
        SYSTEM.fallocate(fd, 0, 4096)
    SYSTEM.close(fd)
    assert caught.value.errno == errno.EBADF


def test_a_system_that_cannot_reserve_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_FALLOCATE", None)
    with pytest.raises(OSError) as caught:
        SYSTEM.fallocate(0, 0, 4096)
    assert caught.value.errno == errno.EOPNOTSUPP


def test_a_directory_is_made_or_was_there(tmp_path: Path) -> None:
    for _ in range(2):
        SYSTEM.make_directory(str(tmp_path / "segments"))
        assert (tmp_path / "segments").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        SYSTEM.make_directory(str(tmp_path / "file"))
