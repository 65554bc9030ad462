"""The lock of a medium: what hinders it is named, and what stands in its file is not trusted."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError, DeviceLockedError
from flowbackup.media.locks.holder import UNNAMED, parse_holder
from flowbackup.media.locks.lock import MediumLock, present_holder
from flowbackup.process import identify

HOLDER = """
import sys
from flowbackup.media.locks.lock import MediumLock
lock = MediumLock(sys.argv[1], "nas", "a long backup")
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("kept")
    (tmp_path / "lock").symlink_to("other")
    with pytest.raises(DeviceError, match='device "nas": opening the lock') as caught:
        MediumLock(str(tmp_path / "lock"), "nas", "test")
    assert caught.value.errno == errno.ELOOP
    assert (tmp_path / "other").read_text() == "kept"


def test_a_file_system_without_locks_is_told_and_nothing_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(fd: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(DeviceError, match='device "nas": locking') as caught:
        MediumLock(str(tmp_path / "lock"), "nas", "test")
    assert caught.value.errno == errno.ENOLCK
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize("text", ["", "[", "[]", "{}", '{"pid": "x"}', "[" * 4000, '{"pid": null}'])
def test_a_holder_that_says_nothing_of_use_holds_all_the_same(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock"
    lock = MediumLock(str(path), "nas", "first")
    assert "first" in present_holder(str(path))
    path.write_text(text)
    with pytest.raises(DeviceLockedError) as caught:
        MediumLock(str(path), "nas", "second")
    assert caught.value.holder == UNNAMED
    assert present_holder(str(path)) == ""
    lock.close()
    lock.close()
    MediumLock(str(path), "nas", "second").close()


def test_the_text_of_one_lock_names_no_holder_of_another(tmp_path: Path) -> None:
    lock = MediumLock(str(tmp_path / "lock"), "nas", "first")
    (tmp_path / "free").write_bytes((tmp_path / "lock").read_bytes())
    assert present_holder(str(tmp_path / "free")) == ""
    assert present_holder(str(tmp_path / "missing")) == ""
    lock.close()
    assert present_holder(str(tmp_path / "lock")) == ""


def test_who_lets_go_takes_his_name_out(tmp_path: Path) -> None:
    lock = MediumLock(str(tmp_path / "lock"), "nas", "first")
    lock.close()
    assert (tmp_path / "lock").read_bytes() == b""


def left_behind(path: Path, **changes: object) -> None:
    """A lock that somebody has left who is not there any more: no flock, but his name."""
    lock = MediumLock(str(path), "nas", "left behind")
    text = json.loads(path.read_bytes())
    lock.close()
    path.write_text(json.dumps(text | changes))


def child(path: Path) -> subprocess.Popen[bytes]:
    """A process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == b"locked\n"
    return process


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with child(path) as process:
        with pytest.raises(DeviceLockedError, match=f"a long backup .process {process.pid} on "):
            MediumLock(str(path), "nas", "mine")
        process.send_signal(signal.SIGKILL)
    assert b"a long backup" in path.read_bytes()
    assert present_holder(str(path)) == ""
    lock = MediumLock(str(path), "nas", "mine")
    assert b"mine" in path.read_bytes() and b"long backup" not in path.read_bytes()
    lock.close()


def test_a_living_holder_is_never_stale_however_old(tmp_path: Path) -> None:
    """Where flock reaches, it decides; the times of the file and of the text say nothing."""
    path = tmp_path / "lock"
    with child(path) as process:
        text = json.loads(path.read_bytes()) | {"since_ns": 0}
        path.write_text(json.dumps(text))
        os.utime(path, (0, 0))
        with pytest.raises(DeviceLockedError, match=r"since 19(69|70)-"):
            MediumLock(str(path), "nas", "mine")
        assert "a long backup" in present_holder(str(path))
        process.kill()


STALE = {
    "the machine was booted since": {"boot": "00000000-0000-0000-0000-000000000000"},
    "its number was given to another process": {"start_ticks": 1},
    "it is another machine's, where its lock would reach": {"host": "elsewhere"},
    "it is not known": {"start_ticks": -1, "pid": 1 << 30},
}


@pytest.mark.parametrize("change", STALE.values(), ids=list(STALE))
def test_a_name_without_a_lock_is_stale_if_its_process_is_not_there(
    tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "lock"
    # Process 1 lives for certain; what is wrong about it is what the test is about.
    left_behind(path, **({**identify(1).as_dict(), **change}))
    assert present_holder(str(path)) == ""
    MediumLock(str(path), "nas", "mine").close()


def test_a_name_of_a_living_process_holds_where_its_lock_does_not_reach(tmp_path: Path) -> None:
    """As on a file system that is mounted twice, once through the network."""
    path = tmp_path / "lock"
    left_behind(path, **identify(1).as_dict())
    before = os.listdir("/proc/self/fd")
    with pytest.raises(DeviceLockedError, match=r"left behind \(process 1 on "):
        MediumLock(str(path), "nas", "mine")
    assert os.listdir("/proc/self/fd") == before
    assert b"left behind" in path.read_bytes()


@pytest.mark.parametrize(
    "change", [{"since_ns": 1 << 80}, {"since_ns": "x"}, {"pid": True}, {"start_ticks": "1"}]
)
def test_a_text_that_cannot_be_shown_is_no_holder(
    tmp_path: Path, change: dict[str, object]
) -> None:
    left_behind(tmp_path / "lock", **change)
    assert parse_holder((tmp_path / "lock").read_bytes()) is None


def test_a_disk_without_room_for_the_name_is_asked_for_room_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write, room = tmp_path / "lock", os.pwrite, list[str]()

    def on_a_full_disk(fd: int, data: bytes, offset: int) -> int:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", on_a_full_disk)
    with pytest.raises(DeviceError, match="No space left") as caught:
        MediumLock(str(path), "nas", "first")
    assert caught.value.errno == errno.ENOSPC
    lock = MediumLock(str(path), "nas", "second", lambda: room.append("made"))
    assert b"second" in path.read_bytes()
    lock.close()

    def fails() -> None:
        raise DeviceError("it burns", device="nas")

    room.clear()
    with pytest.raises(DeviceError, match="it burns"):
        MediumLock(str(path), "nas", "third", fails)
    room.append("made")
    MediumLock(str(path), "nas", "fourth").close()


def test_a_device_that_fails_is_not_asked_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pwrite", fails)
    with pytest.raises(DeviceError, match="Input/output error"):
        MediumLock(str(tmp_path / "lock"), "nas", "me", lambda: pytest.fail("it is not full"))


def test_a_name_that_cannot_be_taken_out_keeps_nobody_from_letting_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = MediumLock(str(tmp_path / "lock"), "nas", "me")

    def fails(*arguments: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", fails)
        lock.close()
    MediumLock(str(tmp_path / "lock"), "nas", "next").close()


def test_nothing_of_a_longer_text_is_left_behind_that_of_the_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("x" * 4000)
    lock = MediumLock(str(path), "nas", "me")
    assert json.loads(path.read_bytes())["holder"] == "me"
    lock.close()
