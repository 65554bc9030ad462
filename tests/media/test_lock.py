"""The lock of a medium: what hinders it is named, and what stands in its file is not trusted."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError, DeviceLockedError
from flowbackup.media.lock import MediumLock, boot_id, present_holder, process_start


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
    assert caught.value.holder == "a holder that has not yet written its name"
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


def test_what_the_system_does_not_tell_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert process_start(os.getpid()) > 0
    assert process_start(1 << 30) == 0
    assert len(boot_id()) == 36
    with monkeypatch.context() as without:
        without.setattr("builtins.open", lambda *a, **k: (_ for _ in ()).throw(OSError()))
        unknown = boot_id()
    assert unknown == ""
