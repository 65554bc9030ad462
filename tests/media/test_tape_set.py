"""Sets of tapes: what does not go on one tape goes on on the next that the changer has."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.open import make_first_medium, open_device
from flowbackup.media.places.tape.cartridge import CartridgeText
from flowbackup.media.places.tape.shared_drive import shared_drive
from flowbackup.media.port import Device, StoredFrame
from flowbackup.media.sets.tape_set import TapeSetDevice
from flowbackup.model.device import DeviceTarget
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.device_conformance import DeviceConformance
from flowbackup.testing.frames import sample_frame, sample_id
from flowbackup.units import KIB
from tests.media.media_samples import SESSION
from tests.media.tape_samples import (
    TEXTS_BYTES,
    changer_place,
    make_changer,
    sequences,
    write,
)


class TestTapeSetDevice(DeviceConformance):
    """Everything on one tape."""

    def make_device(self, place: Path) -> Device:
        return make_changer(place / "changer")


class TestTapeSetDeviceOfSmallTapes(DeviceConformance):
    """The warning comes with the last small frame of the suite."""

    media_needed = 2
    large_bytes = 40_000

    def make_device(self, place: Path) -> Device:
        room = TEXTS_BYTES + 15 * KIB
        return make_changer(place / "changer", CartridgeText(room + 256 * KIB, 256 * KIB))


def small_changer(tmp_path: Path, tapes: int = 4) -> TapeSetDevice:
    """Each tape takes about 60 KiB before it warns."""
    text = CartridgeText(TEXTS_BYTES + 60 * KIB + 128 * KIB, 128 * KIB)
    return make_changer(tmp_path / "changer", text, tapes=tapes)


def test_frames_go_on_on_the_next_tape_when_one_is_full(tmp_path: Path) -> None:
    device = small_changer(tmp_path)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    for number in range(15):
        writer.append(*sample_frame(10_000, number))
    assert len(writer.commit()) == 15
    writer.finish()
    writer.close()
    device.close()
    media = device.media()
    assert [m.membership.number for m in media if m.membership] == [1, 2, 3]
    assert media[0].location == f"{changer_place(tmp_path / 'changer')}/medium-00001"
    assert {m.device_id for m in media} == {media[0].membership.set_id}  # type: ignore[union-attr]
    reader = device.reader()
    found: list[StoredFrame] = list(reader.frames())
    assert [stored.header.sequence for stored in found] == list(range(15))
    # From the last tape to the first: each comes into the drive when it is wanted.
    for stored in reversed(found):
        assert (
            reader.read(stored.header, stored.place)[1]
            == sample_frame(10_000, stored.header.sequence).payload
        )
    for info in media:
        one = open_device(DeviceTarget("lto", "tape", info.location))
        assert one.info().medium == info.medium
        assert verify_medium(one, SilentMonitor()).damages == ()


def test_a_session_goes_on_where_the_one_before_has_filled_a_tape(tmp_path: Path) -> None:
    device = small_changer(tmp_path)
    write(device, *[10_000] * 6)
    assert len(device.media()) == 1
    # Another process does not know that the tape has warned, and hears it with its first write.
    shared_drive(str(tmp_path / "changer" / "drive")).forget()
    write(device, 10_000, 10_000, session=sample_id(7))
    assert len(device.media()) == 2
    assert sequences(device) == [*range(6), 0, 1]


def test_without_a_blank_tape_the_frame_is_refused(tmp_path: Path) -> None:
    device = small_changer(tmp_path, tapes=1)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    with pytest.raises(DeviceError, match="no blank tape is left in tape://") as told:
        for number in range(99):
            writer.append(*sample_frame(10_000, number))
    assert told.value.errno == errno.ENOSPC
    assert len(writer.commit()) == number
    writer.finish()
    device.close()
    assert sequences(device) == list(range(number))


def test_a_tape_that_was_taken_away_is_named(tmp_path: Path) -> None:
    device = small_changer(tmp_path)
    write(device, *[10_000] * 9)
    found = list(device.reader().frames())
    (file,) = (tmp_path / "changer").glob("slot-*/VT*/file-00002")
    file.parent.rename(tmp_path / "away")
    with pytest.raises(DeviceError, match="is not among those of the set in tape://") as told:
        device.reader().read(found[0].header, found[0].place)
    assert "medium 1 of the set is not there" in told.value.remedy
    one = open_device(DeviceTarget("lto", "tape", f"{device.location}/medium-00001"))
    with pytest.raises(DeviceError, match="tape 1 of the set is in no slot") as told:
        one.reader()
    assert told.value.errno == errno.ENOMEDIUM
    assert device.reader().read(found[-1].header, found[-1].place)[0] == found[-1].header


def test_a_set_is_begun_once(tmp_path: Path) -> None:
    small_changer(tmp_path)
    with pytest.raises(DeviceError, match="holds a set of 1 tapes already"):
        make_first_medium(changer_place(tmp_path / "changer"), name="lto")
