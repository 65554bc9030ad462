"""A tape as a device: the suite, what is on it, and what goes wrong with it."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from flowbackup.errors import DamageError, DeviceError, DeviceLockedError
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.devices.tape import TapeDevice
from flowbackup.media.open import make_first_medium, open_device
from flowbackup.media.places.tape.cartridge import CartridgeText, make_cartridge
from flowbackup.media.places.tape.virtual_drive import VirtualDrive
from flowbackup.media.port import Device
from flowbackup.model.device import DeviceTarget
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.device_conformance import DeviceConformance
from flowbackup.testing.frames import sample_frame, sample_id
from flowbackup.units import KIB, MIB
from tests.media.media_samples import SESSION
from tests.media.tape_samples import (
    BLOCK,
    TEXTS_BYTES,
    make_tape,
    place_of,
    protect,
    sequences,
    tape_folder,
    write,
)


class TestTapeDevice(DeviceConformance):
    def make_device(self, place: Path) -> Device:
        return make_tape(place)


class TestTapeDeviceOfLargerBlocks(DeviceConformance):
    def make_device(self, place: Path) -> Device:
        return make_tape(place, block_bytes=2048)


def test_a_segment_is_a_file_of_the_tape(tmp_path: Path) -> None:
    device = make_tape(tmp_path / "drive", segment_bytes=26_000)
    write(device, 9000, 9000, 9000)
    folder = tape_folder(tmp_path / "drive")
    assert sorted(p.name for p in folder.glob("file-*")) == [f"file-{n:05d}" for n in range(5)]
    assert (folder / "file-00000").read_bytes()[:8] == b"FBLABEL\n"
    # The mark behind the last segment: another file would begin here.
    assert (folder / "file-00004").read_bytes() == b""
    assert sequences(device) == [0, 1, 2]
    assert [f.segment for f in device.reader().segment_files()] == [1, 2]


def test_a_dumped_tape_is_a_medium_in_a_directory(tmp_path: Path) -> None:
    device = make_tape(tmp_path / "drive", segment_bytes=26_000)
    write(device, 9000, 9000, 9000)
    write(device, 5000, seal=False, session=sample_id(7))
    script = files("flowbackup.media").joinpath("dump-tape.sh")
    target = tmp_path / "dumped"
    subprocess.run(
        ["sh", str(script), str(tape_folder(tmp_path / "drive")), str(target)], check=True
    )
    names = ["00000001-0001.seg", "00000002-0001.seg", "00000003-0001.part"]
    assert sorted(p.name for p in (target / "segments").iterdir()) == names
    dumped = open_device(DeviceTarget("lto", "directory", str(target)))
    assert dumped.info().medium == device.info().medium
    found, here = list(dumped.reader().frames()), list(device.reader().frames())
    assert found == here
    assert verify_medium(dumped, SilentMonitor()).damages == ()
    for stored in here:
        assert bytes(dumped.reader().read(stored.header, stored.place)[1]) == bytes(
            device.reader().read(stored.header, stored.place)[1]
        )


def test_a_tape_is_verified_and_damage_is_placed(tmp_path: Path) -> None:
    device = make_tape(tmp_path / "drive")
    write(device, 9000, 9000, 9000)
    report = verify_medium(device, SilentMonitor())
    assert (report.frames, report.segments, report.damages) == (3, 1, ())
    file = tape_folder(tmp_path / "drive") / "file-00002"
    data = bytearray(file.read_bytes())
    place = list(device.reader().frames())[1].place
    data[place.offset + BLOCK + 100] ^= 1
    file.write_bytes(data)
    (damage,) = verify_medium(device, SilentMonitor()).damaged
    assert damage.frame is not None and damage.frame.sequence == 1
    assert damage.file == f"{place_of(tmp_path / 'drive')}/segments/00000001-0001.seg"
    texts = tape_folder(tmp_path / "drive") / "file-00001"
    texts.write_bytes(texts.read_bytes().replace(b"This tape is", b"This tape Is"))
    found = verify_medium(make_tape(tmp_path / "drive"), SilentMonitor()).damages
    assert any("README.txt: is not what was written" in damage.reason for damage in found)


def test_what_a_killed_session_left_is_cut_by_its_next_writer(tmp_path: Path) -> None:
    device = make_tape(tmp_path / "drive")
    device.lock("test")
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(5000, 0))
    writer.commit()
    writer.append(*sample_frame(5000, 1))
    # Killed: the kernel closes the drive, and writes the mark.
    writer.close()
    device.close()
    before = (tape_folder(tmp_path / "drive") / "file-00002").stat().st_size
    device.lock("test")
    writer = device.writer(SESSION, 2)
    after = (tape_folder(tmp_path / "drive") / "file-00002").stat().st_size
    assert after == before - (1 + 10) * BLOCK
    writer.append(*sample_frame(5000, 2))
    writer.finish()
    device.close()
    assert sequences(device) == [0, 2]
    assert [f[:3] for f in device.reader().segment_files()] == [(1, 1, False), (2, 2, True)]


def test_another_session_leaves_what_a_killed_one_has_left(tmp_path: Path) -> None:
    device = make_tape(tmp_path / "drive")
    write(device, 5000, seal=False)
    write(device, 5000, session=sample_id(7))
    assert sequences(device) == [0, 0]
    assert [f.segment for f in device.reader().segment_files()] == [1, 2]


def test_a_full_tape_refuses_the_frame_and_keeps_what_it_has(tmp_path: Path) -> None:
    warning = 64 * KIB
    text = CartridgeText(TEXTS_BYTES + 64 * KIB + warning, warning)
    device = make_tape(tmp_path / "drive", text)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    with pytest.raises(DeviceError, match=r"the tape in .*/drive is full \[ENOSPC\]") as told:
        for number in range(99):
            writer.append(*sample_frame(10_000, number))
    assert (told.value.errno, told.value.remedy) == (
        errno.ENOSPC, "put in another tape and label it",
    )  # fmt: skip
    assert len(writer.commit()) == number
    writer.finish()
    writer.close()
    # A tape that was full before says so with the first write.
    writer = device.writer(SESSION, 1)
    with pytest.raises(DeviceError, match="is full"):
        writer.append(*sample_frame(10_000, 99))
    assert writer.finish().frames == 0
    writer.close()
    device.close()
    assert sequences(device) == list(range(number))
    assert verify_medium(device, SilentMonitor()).damages == ()


class Worn(VirtualDrive):
    """A drive that cannot write or read from some block on."""

    write_from = read_from = 1 << 40

    def write(self, data: object) -> int:
        if self.position() >= self.write_from:
            raise OSError(errno.EIO, "worn")
        return super().write(data)  # type: ignore[arg-type]

    def read_into(self, view: memoryview) -> int:
        if self.position() >= self.read_from:
            raise OSError(errno.EIO, "worn")
        return super().read_into(view)


@pytest.fixture
def worn(monkeypatch: pytest.MonkeyPatch) -> type[Worn]:
    class Here(Worn):
        pass

    monkeypatch.setattr("flowbackup.media.places.tape.shared_drive.VirtualDrive", Here)
    return Here


def test_a_write_error_in_the_middle_keeps_what_was_committed(
    tmp_path: Path, worn: type[Worn]
) -> None:
    device = make_tape(tmp_path / "drive")
    device.lock("test")
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(5000, 0))
    writer.commit()
    size = sum(p.stat().st_size for p in tape_folder(tmp_path / "drive").glob("file-*"))
    worn.write_from = size // BLOCK + 2
    with pytest.raises(DeviceError, match=r"writing to segment 1 failed: tape drive .*EIO") as told:
        writer.append(*sample_frame(5000, 1))
        writer.commit()
    assert (told.value.errno, "clean the drive" in told.value.remedy) == (errno.EIO, True)
    with pytest.raises(DeviceError, match="no further writing after"):
        writer.commit()
    writer.close()
    device.close()
    worn.write_from = 1 << 40
    assert sequences(device) == [0]
    write(device, 5000, session=sample_id(7))
    assert sequences(device) == [0, 0]


def test_a_spot_that_cannot_be_read_is_damage_with_its_place(
    tmp_path: Path, worn: type[Worn]
) -> None:
    device = make_tape(tmp_path / "drive")
    write(device, 5000, 5000)
    frames = list(device.reader().frames())
    reader = device.reader()
    worn.read_from = 0
    with pytest.raises(DamageError, match=r"segment 1, offset .*reading tape://.*EIO"):
        reader.read(frames[0].header, frames[0].place)
    worn.read_from = 1 << 40
    assert reader.read(frames[1].header, frames[1].place)[0] == frames[1].header


def exchange(drive: Path, place: Path) -> None:
    """Another labelled tape comes into the drive."""
    tape_folder(drive).rename(place / "away")
    (drive / "drive.position").unlink(missing_ok=True)
    make_tape(drive, name="VT0002").close()


def test_a_wrong_tape_is_named_and_not_written(tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    device = make_tape(drive)
    device.lock("test")
    exchange(drive, tmp_path)
    with pytest.raises(DeviceError, match=r"expected tape .* but tape .* is there") as told:
        device.writer(SESSION, 1)
    assert told.value.remedy.startswith("put the right tape in")
    device.close()
    assert sequences(make_tape(drive)) == []


def test_a_tape_that_was_exchanged_by_hand_is_noticed(tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    write(make_tape(drive), 5000)
    first = make_tape(drive).info().medium
    exchange(drive, tmp_path)
    write(make_tape(drive), 5000, 5000)
    assert make_tape(drive).info().medium != first
    tape_folder(drive).rename(tmp_path / "other")
    (tmp_path / "away").rename(drive / "VT0001")
    assert make_tape(drive).info().medium == first
    assert sequences(make_tape(drive)) == [0]


def test_a_protected_tape_can_be_read_and_not_written(tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    device = make_tape(drive)
    write(device, 5000)
    protect(tape_folder(drive))
    assert sequences(device) == [0]
    calls: tuple[Callable[[], object], ...] = (
        lambda: device.check_writable(0),
        lambda: device.writer(SESSION, 1).append(*sample_frame(100)),
    )
    device.lock("test")
    for call in calls:
        with pytest.raises(DeviceError, match=rf"{drive}: its tape is write-protected") as told:
            call()
        assert (told.value.errno, told.value.remedy) == (
            errno.EROFS, "move the tab of the tape, or put in another",
        )  # fmt: skip
    device.close()


@pytest.mark.parametrize("call", ["info", "lock", "check_writable"])
def test_a_drive_without_a_tape_is_named(tmp_path: Path, call: str) -> None:
    drive = tmp_path / "drive"
    device = make_tape(drive)
    tape_folder(drive).rename(tmp_path / "away")
    arguments = {"lock": ("test",), "check_writable": (0,)}.get(call, ())
    with pytest.raises(DeviceError, match=rf"tape drive {drive}: there is no tape in it") as told:
        getattr(device, call)(*arguments)
    assert (told.value.errno, told.value.remedy) == (errno.ENOMEDIUM, "put the right tape in")


def test_a_drive_that_another_program_has_is_named(tmp_path: Path) -> None:
    device = make_tape(tmp_path / "drive")
    other = VirtualDrive(str(tmp_path / "drive"), writable=False)
    with pytest.raises(DeviceError, match=r"drive: another program uses it") as told:
        device.info()
    assert told.value.errno == errno.EBUSY
    other.close()
    assert len(device.info().medium) == 16


def test_a_session_that_has_the_drive_is_named(tmp_path: Path) -> None:
    first, second = make_tape(tmp_path / "drive"), make_tape(tmp_path / "drive")
    first.lock("session seven")
    with pytest.raises(DeviceLockedError, match="session seven"):
        second.lock("another")
    first.close()


def test_a_blank_tape_is_no_medium_and_one_that_is_written_is_not_made_one(tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    make_cartridge(str(drive / "VT0001"))
    device = TapeDevice(DeviceTarget("lto", "tape", place_of(drive)))
    with pytest.raises(DeviceError, match="is blank") as told:
        device.info()
    assert "flowbackup device init tape://" in told.value.remedy
    make_first_medium(place_of(drive), name="lto", block_bytes=BLOCK)
    medium = device.info().medium
    with pytest.raises(DeviceError, match="something stands on the tape") as told:
        make_first_medium(place_of(drive), name="lto", block_bytes=BLOCK)
    assert told.value.errno == errno.EEXIST
    assert device.info().medium == medium


def test_a_tape_of_somebody_else_is_no_medium(tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    make_tape(drive)
    (tape_folder(drive) / "file-00000").write_bytes(b"tar".ljust(BLOCK, b"\0"))
    with pytest.raises(DamageError, match="no copy of the label can be read"):
        TapeDevice(DeviceTarget("lto", "tape", place_of(drive))).info()


def test_large_frames_fit(tmp_path: Path) -> None:
    device = make_tape(tmp_path / "drive", block_bytes=64 * KIB)
    write(device, 3 * MIB + 5, 2 * MIB)
    reader = device.reader()
    assert [len(reader.read(stored.header, stored.place)[1]) for stored in reader.frames()] == [
        3 * MIB + 5,
        2 * MIB,
    ]
