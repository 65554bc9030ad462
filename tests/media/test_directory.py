"""DirectoryDevice: lock, identity, room, segments."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowbackup.errors import DeviceError, DeviceLockedError
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.segments.segment import parse_file_name
from flowbackup.monitor import RecordingMonitor
from flowbackup.testing.frames import sample_frame
from tests.media.media_samples import SESSION, make_device, write_groups

HOLDER = """
import sys
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.model.device import DeviceTarget
device = DirectoryDevice(DeviceTarget("nas", "directory", sys.argv[1]))
device.lock("session of another process")
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_lock_of_another_process_is_named_and_ends_with_it(tmp_path: Path) -> None:
    device = make_device(tmp_path / "m")
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "m")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"locked\n"
        with pytest.raises(DeviceLockedError) as caught:
            device.lock("mine")
        assert "session of another process" in device.holder()
        assert "session of another process" in caught.value.holder
        assert f"process {child.pid}" in caught.value.holder
        assert caught.value.exit_code == 11
        child.kill()
    device.lock("mine")
    device.close()


def test_nothing_is_written_into_an_empty_mount_point_or_onto_another_medium(
    tmp_path: Path,
) -> None:
    place, other = tmp_path / "m", tmp_path / "other"
    device = make_device(place, segment_bytes=4096)
    make_device(other)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(5000, 0))
    writer.commit()
    shutil.move(place, tmp_path / "away")
    place.mkdir()
    with pytest.raises(DeviceError, match=r"expected medium .* but .* is empty") as caught:
        writer.append(*sample_frame(5000, 1))
    assert "mount the right disk" in caught.value.remedy
    place.rmdir()
    shutil.move(other, place)
    for attempt in (device.info, lambda: device.writer(SESSION, 2), device.reader):
        with pytest.raises(DeviceError, match=r'medium [0-9a-f-]+ \("nas"\) is there'):
            attempt()
    assert list((place / "segments").iterdir()) == []
    assert len(list((tmp_path / "away" / "segments").iterdir())) == 1


def test_a_copy_of_the_medium_in_its_place_is_noticed(tmp_path: Path) -> None:
    device = make_device(tmp_path / "m")
    device.info()
    shutil.move(tmp_path / "m", tmp_path / "away")
    shutil.copytree(tmp_path / "away", tmp_path / "m")
    with pytest.raises(DeviceError, match="another one"):
        device.info()


def test_a_medium_that_cannot_be_looked_at_is_the_fault_of_its_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device(tmp_path / "m")

    def stale(path: str) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(os, "stat", stale)
    with pytest.raises(DeviceError, match='device "nas": looking at') as caught:
        device.info()
    assert caught.value.errno == errno.ESTALE and "mount" in caught.value.remedy


def test_check_writable_looks_at_room_and_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device(tmp_path / "m")
    device.check_writable(1 << 20)
    assert list((tmp_path / "m" / "segments").iterdir()) == []
    space = SimpleNamespace(f_bavail=300, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda path: space)
    with pytest.raises(DeviceError, match=r"1\.2 MiB free, 2 MiB are needed") as caught:
        device.check_writable(1 << 20)
    assert caught.value.errno == errno.ENOSPC
    (tmp_path / "m" / "segments").rmdir()
    (tmp_path / "m" / "segments").write_text("no folder")
    with pytest.raises(DeviceError, match="writing to"):
        device.check_writable(0)


def test_segments_roll_over_and_are_sealed_read_only(tmp_path: Path) -> None:
    device = make_device(tmp_path / "m", segment_bytes=10_000)
    write_groups(device, [[4000], [4000], [4000]])
    names = sorted(path.name for path in (tmp_path / "m" / "segments").iterdir())
    assert names == ["00000001-0001.seg", "00000002-0001.seg", "00000003-0001.seg"]
    for path in (tmp_path / "m" / "segments").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert [f.header.sequence for f in device.reader().frames()] == [0, 1, 2]


def test_a_group_is_never_divided(tmp_path: Path) -> None:
    device = make_device(tmp_path / "m", segment_bytes=10_000)
    (durable,) = write_groups(device, [[4000] * 5])
    assert {f.place.segment for f in durable} == {1}


def test_what_a_killed_session_left_stays_and_is_read(tmp_path: Path) -> None:
    device = make_device(tmp_path / "m")
    (durable,) = write_groups(device, [[700, 800]], seal=False, rest=2)
    part = tmp_path / "m" / "segments" / "00000001-0001.part"
    before = part.read_bytes()
    write_groups(device, [[100]], session=bytes(16))
    assert part.read_bytes() == before
    found = list(device.reader().frames())
    assert found[:2] == durable
    assert [f.place.segment for f in found] == [1, 1, 2]
    assert verify_medium(device, RecordingMonitor()).damages == ()


def test_room_that_a_killed_session_reserved_is_given_back_by_the_next(tmp_path: Path) -> None:
    place = tmp_path / "m"
    killed = make_device(place)
    killed.lock("killed")
    writer = killed.writer(SESSION, 1)
    writer.append(*sample_frame(5000, 0))
    durable = list(writer.commit())
    part = place / "segments" / "00000001-0001.part"
    if part.stat().st_blocks * 512 < 1 << 20:
        pytest.skip("this file system reserves no room behind the end of a file")
    before = part.read_bytes()
    # A process that dies gives its lock back and does nothing else.
    killed.close()
    next_device = make_device(place)
    next_device.lock("next")
    assert part.stat().st_blocks * 512 <= 64 << 10, "before anybody asks whether there is room"
    next_device.close()
    assert part.read_bytes() == before
    assert list(make_device(place).reader().frames()) == durable
    writer.close()


def test_a_second_writer_leaves_the_room_of_the_first(tmp_path: Path) -> None:
    device = make_device(tmp_path / "m")
    device.lock("test")
    first = device.writer(SESSION, 1)
    first.append(*sample_frame(5000, 0))
    part = tmp_path / "m" / "segments" / "00000001-0001.part"
    blocks = part.stat().st_blocks
    device.writer(SESSION, 2).close()
    assert part.stat().st_blocks == blocks
    first.finish()
    device.close()


def test_only_names_of_segments_are_taken_for_segments() -> None:
    assert parse_file_name("00000007-0002.seg") == (7, 2, True)
    assert parse_file_name("123456789-0002.part") == (123456789, 2, False)
    for name in ("7-2.seg", "000000007-0002.seg", "00000007-0002.seg.bak", "notes", "x.part"):
        assert parse_file_name(name) is None


@settings(max_examples=40)
@given(
    sizes=st.lists(st.lists(st.integers(0, 9000), max_size=4), max_size=5),
    block_bytes=st.sampled_from([512, 1024, 4096]),
    segment_bytes=st.sampled_from([2048, 20_000, 1 << 30]),
    seal=st.booleans(),
    rest=st.integers(0, 2),
)
def test_any_frames_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[list[int]],
    block_bytes: int,
    segment_bytes: int,
    seal: bool,
    rest: int,
) -> None:
    place = tmp_path_factory.mktemp("any") / "m"
    device = make_device(place, block_bytes=block_bytes, segment_bytes=segment_bytes)
    durable = write_groups(device, sizes, seal=seal, rest=rest)
    expected = [frame for group in durable for frame in group]
    reader = device.reader(cached=False)
    found = list(reader.frames())
    assert found[: len(expected)] == expected
    assert len(found) == len(expected) + (rest if seal else 0)
    assert list(reader.scan()) == found
    for sequence, stored in enumerate(found):
        _, payload = reader.read(stored.header, stored.place)
        assert payload == bytes(sample_frame(len(payload), sequence).payload)
        assert stored.place.offset % block_bytes == 0
    assert verify_medium(device, RecordingMonitor()).damages == ()
