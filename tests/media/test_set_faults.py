"""A set of media on a device that fails, or of which something is gone: each is told."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.calls import SYSTEM
from flowbackup.media.labels.label import LABEL_NAME
from flowbackup.media.labels.set_label import medium_name, read_set, write_set
from flowbackup.media.sets import media_set, set_device
from flowbackup.media.sets.media_set import MISSING_NAMED_MAX, find_set
from flowbackup.media.sets.set_device import SetDevice
from flowbackup.model.device import DeviceTarget
from flowbackup.testing.frames import sample_frame
from tests.media.media_samples import EMPTY_BYTES, SESSION, make_set

MEDIA_BYTES = EMPTY_BYTES + 40_000


def failing_for(place: Path, call: Callable[..., object]) -> Callable[..., object]:
    """`call`, but for that path."""

    def failing(path: object, *rest: object, **options: object) -> object:
        if path == str(place):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return call(path, *rest, **options)

    return failing


@pytest.mark.parametrize(
    ("owner", "name", "told"),
    [
        (os, "stat", "looking at"),
        (set_device, "free_bytes", "looking at"),
        (os, "listdir", "listing"),
    ],
)
def test_a_device_that_fails_while_it_is_looked_at_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, told: str
) -> None:
    device = make_set(tmp_path)
    device.check_writable(0)
    monkeypatch.setattr(owner, name, failing_for(tmp_path, getattr(owner, name)))
    with pytest.raises(DeviceError, match=rf"vault.*{told} {tmp_path} failed") as caught:
        device.check_writable(0)
    assert caught.value.errno == errno.EIO


def test_a_medium_that_fails_while_it_is_looked_at_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no other one is begun instead of it."""
    device = make_set(tmp_path)
    device.lock("test")
    medium = tmp_path / medium_name(1)
    failing = failing_for(medium, set_device.medium_bytes)
    monkeypatch.setattr(set_device, "medium_bytes", failing)
    with pytest.raises(DeviceError, match=rf"looking at {medium} failed"):
        device.writer(SESSION, 1)
    device.close()
    room = media_set.room_on
    monkeypatch.setattr(media_set, "room_on", lambda label, place: failing(place) or room)
    with pytest.raises(DeviceError, match=rf"looking at {tmp_path} failed"):
        device.media()


def test_room_is_asked_of_the_file_system_and_size_of_the_graph(tmp_path: Path) -> None:
    device = make_set(tmp_path, media_bytes=MEDIA_BYTES)
    device.check_writable(0)
    with pytest.raises(DeviceError, match=r"free, .* are needed") as caught:
        device.check_writable(1 << 60)
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(DeviceError, match="raise its media_size"):
        device.check_writable(0, frame_bytes=1 << 20)
    # The media that are made from now on are larger.
    target = DeviceTarget("vault", "directory", str(tmp_path), 512, media_bytes=1 << 30)
    SetDevice(target).check_writable(0, frame_bytes=1 << 20)


def test_a_medium_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    make_set(tmp_path)
    path = tmp_path / medium_name(1) / LABEL_NAME
    path.chmod(0o600)
    path.write_bytes(b"x" * path.stat().st_size)
    found = find_set(str(tmp_path), "vault")
    assert (found.members, found.missing) == ((), (1,))
    (fault,) = found.faults
    assert "label" in fault and "is not there" not in fault


@pytest.mark.parametrize("more", [0, 1, 9])
def test_of_many_media_that_are_gone_some_are_named(tmp_path: Path, more: int) -> None:
    make_set(tmp_path)
    label, _ = read_set(str(tmp_path))
    write_set(str(tmp_path), replace(label, media=1 + MISSING_NAMED_MAX + more), SYSTEM)
    faults = find_set(str(tmp_path), "vault").faults
    rest = [f'device "vault": {more} more media of the set are not there'] if more else []
    assert list(faults[MISSING_NAMED_MAX:]) == rest
    assert all("is not there" in fault for fault in faults[:MISSING_NAMED_MAX])


def test_a_writer_that_is_closed_lets_go_of_its_medium(tmp_path: Path) -> None:
    device = make_set(tmp_path)
    device.lock("test")
    before = set(os.listdir("/proc/self/fd"))
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(100))
    writer.close()
    assert set(os.listdir("/proc/self/fd")) <= before
    device.close()
