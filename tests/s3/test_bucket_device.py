"""Devices in buckets pass the suite, on a real server."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError, DeviceLockedError
from flowbackup.media.devices.bucket import BucketDevice
from flowbackup.media.labels import label
from flowbackup.media.locks import lease
from flowbackup.media.open import make_first_medium, open_device
from flowbackup.media.places import store
from flowbackup.media.places.bucket import object_at
from flowbackup.media.places.kinds import files_at, is_blank
from flowbackup.media.port import Device
from flowbackup.media.segments import object_writer
from flowbackup.model.device import DeviceTarget
from flowbackup.testing.device_conformance import OTHER_SESSION, SESSION, DeviceConformance
from flowbackup.testing.frames import sample_frame
from flowbackup.units import MIB
from tests.media.media_samples import EMPTY_BYTES
from tests.s3.conftest import place_at
from tests.s3.server import Server


def make_device(location: str, media_bytes: int = 0, block_bytes: int = 4096) -> Device:
    """A device on what lies there, which is made if there is nothing."""
    if is_blank(location):
        make_first_medium(location, name="vault", media_bytes=media_bytes, block_bytes=block_bytes)
    return open_device(DeviceTarget("vault", "s3", location))


class OnServer(DeviceConformance):
    """The suite, each test in a prefix of its own."""

    media_bytes = 0
    block_bytes = 4096
    endpoint = ""

    @pytest.fixture(autouse=True)
    def _server(self, server: Server) -> None:
        self.endpoint = server.endpoint

    def make_device(self, place: Path) -> Device:
        location = place_at(self.endpoint, place)
        return make_device(location, self.media_bytes, self.block_bytes)


class TestBucketDevice(OnServer):
    pass


class TestBucketDeviceOfSmallBlocks(OnServer):
    block_bytes = 512


class TestBucketDeviceInParts(OnServer):
    """Whatever its size, a group is sent while it comes in."""

    @pytest.fixture(autouse=True)
    def _in_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(object_writer, "PARTS_FROM_BYTES", 0)


class TestSetOfBuckets(OnServer):
    media_bytes = 1 << 30


class TestSetOfSmallMedia(OnServer):
    """A medium takes all but the last frame of the suite, or that one."""

    block_bytes = 512
    media_bytes = EMPTY_BYTES + 80_000
    media_needed = 2
    large_bytes = 70_000


del OnServer


def segments(location: str) -> list[str]:
    return sorted(files_at(location).names(f"{location}/segments"))


def write(device: Device, *sizes: int, epoch: int = 1) -> None:
    writer = device.writer(SESSION, epoch)
    for number, size in enumerate(sizes):
        writer.append(*sample_frame(size, number))
    writer.finish()
    writer.close()


def test_each_group_is_one_sealed_object(location: str) -> None:
    device = make_device(location)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    for number in range(3):
        writer.append(*sample_frame(1000, 2 * number))
        writer.append(*sample_frame(1000, 2 * number + 1))
        assert len(writer.commit()) == 2
    writer.finish()
    assert segments(location) == [f"0000000{n}-0001.seg" for n in (1, 2, 3)]
    device.close()


def test_what_a_dead_writer_had_not_finished_was_never_there(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_writer, "PARTS_FROM_BYTES", 0)
    device = make_device(location)
    device.lock("test")
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(5000, 0))
    # Neither closed nor finished: as a killed process leaves it.
    assert segments(location) == []
    write(device, 1000, epoch=2)
    assert segments(location) == ["00000002-0002.seg"], "the number of the dead one is not given"
    assert [s.header.sequence for s in device.reader().frames()] == [0]
    device.close()


def test_a_large_group_goes_in_parts(location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PART_BYTES", 5 * MIB)
    device = make_device(location)
    device.lock("test")
    write(device, 9 * MIB, 9 * MIB, 123)
    found = list(device.reader().frames())
    for stored in found:
        device.reader().read(stored.header, stored.place)
    assert [stored.header.payload_bytes for stored in found] == [9 * MIB, 9 * MIB, 123]
    assert files_at(location).names(f"{location}/claims") == []
    device.close()


def test_another_writer_of_the_same_segment_is_refused(location: str) -> None:
    """A zombie, or a second program that was let in wrongly: nothing is ever overwritten."""
    device = make_device(location)
    device.lock("test")
    zombie, writer = device.writer(OTHER_SESSION, 1), device.writer(SESSION, 1)
    for number, each in enumerate((zombie, writer)):
        each.append(*sample_frame(1000, number))
    assert len(writer.commit()) == 1
    with pytest.raises(DeviceError, match="another writer has made segment 1 in s3"):
        zombie.commit()
    with pytest.raises(DeviceError, match="no further writing"):
        zombie.append(*sample_frame(1000, 5))
    assert [stored.header.sequence for stored in device.reader().frames()] == [1]
    device.close()


def test_of_two_that_come_at_once_one_gets_the_lock(location: str) -> None:
    devices = [make_device(location) for _ in range(4)]
    outcomes: list[str] = []
    start = threading.Barrier(len(devices))

    def lock(device: Device) -> None:
        start.wait()
        try:
            device.lock("test")
            outcomes.append("locked")
        except DeviceLockedError:
            outcomes.append("refused")

    threads = [threading.Thread(target=lock, args=(device,)) for device in devices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["locked", "refused", "refused", "refused"]
    for device in devices:
        device.close()


def of_another_machine(text: bytes) -> bytes:
    return text.replace(b'"host": "', b'"host": "far-')


def test_a_lock_of_another_machine_ends_with_its_lease(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device(location)
    device.lock("nightly")
    bucket, key = object_at(f"{location}/flowbackup.lock")
    text = bucket.read_begin(key, 4096)[0]
    device.close()
    bucket.put(key, of_another_machine(text))
    other = make_device(location)
    with pytest.raises(DeviceLockedError, match=r"nightly.* on far-"):
        other.lock("test")
    monkeypatch.setattr(lease, "LEASE_SECONDS", -1)
    other.lock("test")
    other.close()


def test_who_lost_the_lock_makes_nothing_durable(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LEASE_SECONDS", 0.1)
    device = make_device(location)
    assert isinstance(device, BucketDevice)
    device.lock("slow")
    writer = device.writer(SESSION, 1)
    writer.append(*sample_frame(1000))
    bucket, key = object_at(f"{location}/flowbackup.lock")
    bucket.put(key, of_another_machine(bucket.read_begin(key, 4096)[0].replace(b"slow", b"quick")))
    assert device._lock is not None
    device._lock._thread.join(60)
    with pytest.raises(DeviceError, match=r"taken over by quick .* on far-"):
        writer.commit()
    assert segments(location) == []
    device.close()


def test_a_store_without_conditions_is_refused(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make_device(location)
    monkeypatch.setattr(store.ObjectStore, "create", store.ObjectStore.put)
    with pytest.raises(DeviceError, match="overwrites what was only to be created"):
        device.lock("test")


def test_another_medium_there_is_noticed_before_anything_is_written(location: str) -> None:
    device = make_device(location)
    device.lock("test")
    bucket, key = object_at(f"{location}/flowbackup.label")
    bucket.remove(key)
    for name in ("README.txt", "FORMAT.md", "recover.py", "flowbackup.lock"):
        bucket.remove(object_at(f"{location}/{name}")[1])
    bucket.remove(object_at(f"{location}/flowbackup.clock")[1])
    make_first_medium(location, name="vault")
    writer = device.writer
    with pytest.raises(DeviceError, match="expected medium"):
        writer(SESSION, 1)
    device.close()


def test_no_medium_is_made_where_something_lies(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_first_medium(location, name="vault")
    with pytest.raises(DeviceError, match="holds a medium already"):
        make_first_medium(location, name="vault")
    with monkeypatch.context() as patch:
        # Of two that come at once neither sees the other.
        patch.setattr(label, "check_free", lambda *about: None)
        with pytest.raises(DeviceError, match="somebody else was there first"):
            make_first_medium(location, name="vault")
    bucket, key = object_at(f"{location}-other/photo.jpg")
    bucket.put(key, b"x")
    with pytest.raises(DeviceError, match="holds other things"):
        make_first_medium(f"{location}-other", name="vault")


def test_nothing_there_is_told_as_that(location: str) -> None:
    with pytest.raises(DeviceError, match="is empty: no medium is there"):
        open_device(DeviceTarget("vault", "s3", location)).info()
