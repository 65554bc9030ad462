"""A set of media: frames go on on the next medium, and each medium says which one it is."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any

import pytest

from flowbackup.errors import DamageError, DeviceError, DeviceLockedError
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import read_label
from flowbackup.media.labels.set_label import (
    SET_NAME,
    init_set,
    medium_name,
    number_of,
    read_set,
)
from flowbackup.media.segments.room import medium_bytes
from flowbackup.media.sets.media_set import find_set
from flowbackup.media.sets.set_device import SetDevice
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import id_text
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls
from flowbackup.testing.frames import sample_frame
from tests.media.media_samples import EMPTY_BYTES, SESSION, make_device, make_set

MEDIA_BYTES = EMPTY_BYTES + 40_000
FRAME_BYTES = 10_000
"""Three of them fit on a medium, with their records."""


def write(device: SetDevice, sequences: range, epoch: int = 1) -> list[int]:
    """Appends frames without a commit between them, and seals; the media that they lie on."""
    device.lock("test")
    writer = device.writer(SESSION, epoch)
    for sequence in sequences:
        writer.append(*sample_frame(FRAME_BYTES, sequence))
    durable = writer.commit()
    writer.finish()
    writer.close()
    device.close()
    assert [stored.header.sequence for stored in durable] == list(sequences)
    numbers = {info.medium: _number(info.location) for info in device.media()}
    return [numbers[stored.place.medium] for stored in durable]


def _number(location: str) -> int:
    return number_of(Path(location).name)


def sequences_on(device: SetDevice) -> list[int]:
    reader = device.reader()
    found = list(reader.frames())
    for stored in found:
        wanted = sample_frame(FRAME_BYTES, stored.header.sequence)
        assert reader.read(stored.header, stored.place) == (wanted.header, wanted.payload)
    return [stored.header.sequence for stored in found]


def test_frames_go_on_on_the_next_medium(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    assert write(device, range(8)) == [1, 1, 1, 2, 2, 2, 3, 3]
    assert sequences_on(device) == list(range(8))
    for number in (1, 2, 3):
        assert medium_bytes(str(tmp_path / "s" / medium_name(number))) <= MEDIA_BYTES


def test_each_label_says_which_medium_of_which_set_it_is(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    write(device, range(8))
    label, _ = read_set(str(tmp_path / "s"))
    for number in (1, 2, 3):
        place = str(tmp_path / "s" / medium_name(number))
        assert read_label(place).label.membership == label.member(number)
        assert DirectoryDevice(DeviceTarget("m", "directory", place)).info() in device.media()
    assert label.media == 3
    assert device.info() == device.media()[-1]


def test_the_next_session_goes_on_on_the_newest_medium(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    write(device, range(4))
    assert write(device, range(4, 7), epoch=2) == [2, 2, 3]
    assert sequences_on(device) == list(range(7))


def test_a_medium_is_filled_to_its_last_block(tmp_path: Path) -> None:
    """A byte less, and its last frame lies on the next one."""
    write(make_set(tmp_path / "s", media_bytes=MEDIA_BYTES), range(3))
    full = medium_bytes(str(tmp_path / "s" / medium_name(1)))
    assert write(make_set(tmp_path / "a", media_bytes=full), range(3)) == [1, 1, 1]
    assert write(make_set(tmp_path / "b", media_bytes=full - 1), range(3)) == [1, 1, 2]


def test_segments_end_where_they_do_on_a_single_medium(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES, segment_bytes=15_000)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    for sequence in range(8):
        writer.append(*sample_frame(FRAME_BYTES, sequence))
        writer.commit()
    assert writer.finish().segments == 8
    device.close()
    for number, info in enumerate(device.media(), 1):
        assert medium_bytes(info.location) <= MEDIA_BYTES, number
    assert sequences_on(device) == list(range(8))


def test_a_lost_medium_is_named_and_its_number_is_not_given_again(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    write(device, range(8))
    lost = [device.media()[1], device.media()[2]]
    places = [stored.place for stored in device.reader().frames()]
    for info in lost:
        shutil.rmtree(info.location)
    found = find_set(str(tmp_path / "s"), "vault")
    assert (found.missing, found.newest) == ((2, 3), None)
    assert [text for text in found.faults if info.location in text] == [
        f'device "vault": medium 3 of the set is not there ({info.location})'
    ]
    with pytest.raises(DeviceError, match=id_text(lost[0].medium)) as caught:
        device.reader().read(None, places[3])
    assert caught.value.errno == errno.ENODEV and not isinstance(caught.value, DamageError)
    assert "medium 2 of the set is not there" in caught.value.remedy
    assert write(device, range(8, 10), epoch=2) == [4, 4]
    assert sequences_on(device) == [0, 1, 2, 8, 9]


def test_a_set_of_which_nothing_is_there_is_not_written(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    write(device, range(4))
    for info in device.media():
        shutil.rmtree(info.location)
    with pytest.raises(DeviceError, match="none of the 2 media of the set"):
        device.info()


def test_what_does_not_belong_to_the_set_is_named_and_left_alone(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    other = make_set(tmp_path / "other", media_bytes=MEDIA_BYTES)
    write(device, range(8))
    write(other, range(4))
    places = {number: tmp_path / "s" / medium_name(number) for number in (1, 2, 3)}
    shutil.rmtree(places[2])
    shutil.copytree(other.media()[1].location, places[2])
    shutil.rmtree(places[1])
    shutil.copytree(places[3], places[1])
    found = find_set(str(tmp_path / "s"), "vault")
    assert [member.number for member in found.members] == [3]
    texts = "\n".join(found.faults)
    assert f"expected one of set {id_text(found.label.set_id)}" in texts
    assert f"{places[1]} holds medium 3 of the set" in texts
    assert len(found.faults) == 2
    assert sequences_on(device) == [6, 7]


def test_a_single_medium_is_no_set(tmp_path: Path) -> None:
    make_device(tmp_path / "m")
    target = DeviceTarget("nas", "directory", str(tmp_path / "m"), media_bytes=MEDIA_BYTES)
    with pytest.raises(DeviceError, match="holds one medium, and no set") as caught:
        SetDevice(target).info()
    assert "take media_size out of the graph" in caught.value.remedy
    with pytest.raises(DeviceError, match="holds a medium already"):
        init_set(str(tmp_path / "m"), name="nas", media_bytes=MEDIA_BYTES)


def test_a_frame_that_no_medium_holds_is_refused_and_begins_none(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(FRAME_BYTES, 0))
    for _ in range(3):
        with pytest.raises(DeviceError, match=r"does not fit on a medium of") as caught:
            writer.append(*sample_frame(50_000, 1))
        assert caught.value.errno == errno.ENOSPC
    assert [stored.header.sequence for stored in writer.commit()] == [0]
    writer.append(*sample_frame(FRAME_BYTES, 2))
    writer.finish()
    device.close()
    assert sequences_on(device) == [0, 2]
    assert len(device.media()) == 2


def test_a_frame_that_no_medium_holds_is_refused_before_the_start(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=4 << 20)
    device.check_writable(0, frame_bytes=1 << 20)
    with pytest.raises(DeviceError, match="raise its media_size") as caught:
        device.check_writable(0, frame_bytes=4 << 20)
    assert caught.value.errno == 0


def test_a_damaged_frame_begins_no_medium(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    for sequence in range(3):
        writer.append(*sample_frame(FRAME_BYTES, sequence))
    bad = sample_frame(FRAME_BYTES, 3)
    bad.payload[5] ^= 1
    with pytest.raises(DamageError):
        writer.append(*bad)
    assert len(device.media()) == 1
    writer.append(*sample_frame(FRAME_BYTES, 3))
    assert len(writer.commit()) == 4
    writer.close()
    device.close()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(1, errno.ENOSPC, "make_directory", for_ever=True),
        # The one that counts the medium, behind those of its label and of a segment.
        Fault(3, errno.EDQUOT, "rename"),
    ],
)
def test_a_full_file_system_refuses_the_frame_and_keeps_what_was_taken(
    tmp_path: Path, fault: Fault
) -> None:
    make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    calls = FaultySystemCalls(fault)
    device = make_set(tmp_path / "s", calls=calls)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    for sequence in range(3):
        writer.append(*sample_frame(FRAME_BYTES, sequence))
    with pytest.raises(DeviceError) as caught:
        writer.append(*sample_frame(FRAME_BYTES, 3))
    assert caught.value.errno == fault.error
    assert [stored.header.sequence for stored in writer.commit()] == [0, 1, 2]
    assert writer.finish().segments == 1
    calls.fault = None
    writer.append(*sample_frame(FRAME_BYTES, 4))
    assert [stored.header.sequence for stored in writer.commit()] == [4]
    writer.finish()
    device.close()
    assert sequences_on(device) == [0, 1, 2, 4]
    assert len(device.media()) == read_set(str(tmp_path / "s"))[0].media == 2


def test_any_other_failure_of_a_change_is_the_last(tmp_path: Path) -> None:
    make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    calls = FaultySystemCalls(Fault(1, errno.EIO, "make_directory"))
    device = make_set(tmp_path / "s", calls=calls)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    for sequence in range(3):
        writer.append(*sample_frame(FRAME_BYTES, sequence))
    for _ in range(2):
        with pytest.raises(DeviceError) as caught:
            writer.append(*sample_frame(FRAME_BYTES, 3))
        assert caught.value.errno == errno.EIO
    with pytest.raises(DeviceError, match="no further writing"):
        writer.commit()
    writer.close()
    device.close()
    assert sequences_on(device) == [0, 1, 2]


def test_media_that_are_made_from_now_on_have_the_size_of_the_graph(tmp_path: Path) -> None:
    place = tmp_path / "s"
    write(make_set(place, media_bytes=MEDIA_BYTES), range(4))
    larger = DeviceTarget("vault", "directory", str(place), 512, media_bytes=2 * MEDIA_BYTES)
    assert write(SetDevice(larger), range(4, 8), epoch=2) == [2, 2, 3, 3]
    sizes = [info.membership.media_bytes for info in make_set(place).media() if info.membership]
    assert sizes == [MEDIA_BYTES, MEDIA_BYTES, 2 * MEDIA_BYTES]
    assert read_set(str(place))[0].media_bytes == 2 * MEDIA_BYTES


def test_a_set_that_was_replaced_gets_no_medium(tmp_path: Path) -> None:
    place = tmp_path / "s"
    device = make_set(place, media_bytes=MEDIA_BYTES)
    make_set(tmp_path / "other", media_bytes=MEDIA_BYTES)
    expected, there = (read_set(str(p))[0].set_id for p in (place, tmp_path / "other"))
    device.lock("test")
    place.rename(tmp_path / "gone")
    (tmp_path / "other").rename(place)
    with pytest.raises(DeviceError, match=id_text(expected)) as caught:
        device.info()
    assert id_text(there) in caught.value.message
    assert caught.value.errno == errno.ENODEV
    device.close()


def test_the_lock_holds_the_set_and_the_medium_that_is_written(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    medium = DirectoryDevice(DeviceTarget("m", "directory", device.info().location))
    medium.lock("somebody at the medium")
    with pytest.raises(DeviceLockedError, match="somebody at the medium"):
        device.lock("test")
    medium.close()
    device.lock("test")
    with pytest.raises(DeviceLockedError, match="test"):
        medium.lock("somebody at the medium")
    writer = device.writer(SESSION, 1)
    for sequence in range(4):
        writer.append(*sample_frame(FRAME_BYTES, sequence))
    medium.lock("of the first medium nobody writes any more")
    second = DirectoryDevice(DeviceTarget("m", "directory", device.info().location))
    with pytest.raises(DeviceLockedError):
        second.lock("another")
    writer.close()
    device.close()
    second.lock("another")
    second.close()
    medium.close()


def test_one_copy_of_the_label_of_a_set_is_enough(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    path = tmp_path / "s" / SET_NAME
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert "copy 1 of the set's label" in find_set(str(tmp_path / "s"), "vault").faults[0]
    assert write(device, range(4)) == [1, 1, 1, 2]
    assert not find_set(str(tmp_path / "s"), "vault").faults
    path.write_bytes(b"x" * len(data))
    with pytest.raises(DamageError, match="no copy of the set's label can be read"):
        device.info()


def test_a_cut_off_making_of_a_set_is_taken_up(tmp_path: Path) -> None:
    device = make_set(tmp_path / "s", media_bytes=MEDIA_BYTES)
    medium = device.info().medium
    (tmp_path / "s" / SET_NAME).unlink()
    settings: Any = {"name": "vault", "media_bytes": MEDIA_BYTES, "block_bytes": 512}
    assert init_set(str(tmp_path / "s"), **settings).medium == medium
    write(make_set(tmp_path / "s"), range(4))
    (tmp_path / "s" / SET_NAME).unlink()
    with pytest.raises(DeviceError):
        init_set(str(tmp_path / "s"), **settings)
