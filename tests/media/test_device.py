"""Every device passes the suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup.errors import DamageError, DeviceLockedError, GraphError
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.devices.null import NullDevice
from flowbackup.media.devices.rate import CATCH_UP_SECONDS, RateLimitedDevice
from flowbackup.media.devices.tape import TapeDevice
from flowbackup.media.open import open_device
from flowbackup.media.port import Device
from flowbackup.media.sets.set_device import SetDevice
from flowbackup.model.device import DeviceTarget
from flowbackup.testing.device_conformance import DeviceConformance
from flowbackup.testing.faulty_device import FailingCall, FaultyDevice
from flowbackup.testing.frames import sample_frame, sample_id
from tests.media.media_samples import EMPTY_BYTES, SESSION, make_device, make_set


class TestDirectoryDevice(DeviceConformance):
    def make_device(self, place: Path) -> Device:
        return make_device(place, block_bytes=4096)


class TestDirectoryDeviceOfSmallBlocks(DeviceConformance):
    def make_device(self, place: Path) -> Device:
        return make_device(place, block_bytes=512)


class TestSetDevice(DeviceConformance):
    """Everything on one medium."""

    def make_device(self, place: Path) -> Device:
        return make_set(place)


class TestSetDeviceOfSmallMedia(DeviceConformance):
    """A medium takes all but the last frame of the suite, or that one."""

    media_needed = 2
    large_bytes = 70_000

    def make_device(self, place: Path) -> Device:
        return make_set(place, media_bytes=EMPTY_BYTES + 80_000)


class TestNullDevice(DeviceConformance):
    keeps = False

    def make_device(self, place: Path) -> Device:
        return NullDevice(DeviceTarget("swallow", "null"))


class TestRateLimitedDevice(DeviceConformance):
    def make_device(self, place: Path) -> Device:
        return RateLimitedDevice(make_device(place), 1e6, clock=lambda: 0.0, sleep=lambda _: None)


class TestFaultyDeviceWithoutFault(DeviceConformance):
    def make_device(self, place: Path) -> Device:
        return FaultyDevice(make_device(place), FailingCall(0))


def test_the_rate_is_kept_over_syncs_and_pauses_are_not_saved_up() -> None:
    now = [100.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    device = RateLimitedDevice(
        NullDevice(DeviceTarget("n", "null")), 1000, clock=lambda: now[0], sleep=sleep
    )
    device.lock("test")
    writer = device.writer(sample_id(1), 1)
    writer.append(*sample_frame(500, 0))
    writer.append(*sample_frame(2000, 1))
    assert slept == [0.5, 2.0]
    now[0] += 0.125  # as long as a sync
    writer.append(*sample_frame(1000, 2))
    assert slept[2:] == [0.875]
    now[0] += 60
    writer.append(*sample_frame(1000, 3))
    assert slept[3:] == [1.0 - CATCH_UP_SECONDS]


def test_the_table_of_kinds() -> None:
    assert isinstance(open_device(DeviceTarget("a", "directory", "/nowhere")), DirectoryDevice)
    limited = DeviceTarget("a", "directory", "/nowhere", media_bytes=1 << 20)
    assert isinstance(open_device(limited), SetDevice)
    assert isinstance(open_device(DeviceTarget("a", "null")), NullDevice)
    assert isinstance(open_device(DeviceTarget("a", "null", rate_limit=5)), RateLimitedDevice)
    tape = open_device(DeviceTarget("a", "tape", "tape:///nowhere"))
    assert isinstance(tape, TapeDevice)
    with pytest.raises(GraphError, match="unknown kind"):
        open_device(DeviceTarget("a", "punch cards"))


def test_a_rate_is_more_than_nothing() -> None:
    with pytest.raises(ValueError, match="more than 0 bytes per second"):
        RateLimitedDevice(NullDevice(DeviceTarget("n", "null")), 0)


def test_a_device_that_swallows_notices_what_is_no_frame_and_who_holds_it() -> None:
    device = NullDevice(DeviceTarget("n", "null"))
    device.lock("one session")
    device.lock("one session")
    with pytest.raises(DeviceLockedError, match="in use by one session") as told:
        device.lock("another")
    assert told.value.holder == "one session"
    writer = device.writer(SESSION, 0)
    header, payload = sample_frame(700)
    with pytest.raises(DamageError):
        writer.append(header._replace(payload_bytes=699), payload)
    assert writer.statistics().frames == 0
    writer.append(header, payload)
    assert writer.statistics().frames == 1
