"""What every Device must do, as a suite: subclass it in a test module and say how to make one.

    class TestTapeDevice(DeviceConformance):
        def make_device(self, place: Path) -> Device:
            return TapeDevice(...)

`place` is an empty directory of the test's own; a second call with the same place must give a
second device on the same medium.  `keeps` is False for devices that swallow.  `media_needed` is how
many media of the device the frames of SIZES need, `large_bytes` the largest frame of the suite.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup.errors import DamageError, DeviceError, DeviceLockedError
from flowbackup.media.port import Device, StoredFrame
from flowbackup.model.frame import FrameKind
from flowbackup.model.queue import Ticket
from flowbackup.testing.frames import SampleFrame, sample_frame, sample_id

SIZES = (0, 1, 511, 512, 4095, 4096, 4097, 70_000)
SESSION = sample_id(1)
OTHER_SESSION = sample_id(2)


class DeviceConformance:
    """The suite.  Names of tests say what is demanded."""

    keeps = True
    media_needed = 1
    large_bytes = 3_000_001

    def make_device(self, place: Path) -> Device:
        raise NotImplementedError

    @pytest.fixture
    def device(self, tmp_path: Path) -> Device:
        place = tmp_path / "place"
        place.mkdir()
        return self.make_device(place)

    def _write(self, device: Device, frames: list[SampleFrame], epoch: int = 1) -> None:
        writer = device.writer(SESSION, epoch)
        for frame in frames:
            writer.append(*frame)
        writer.finish()
        writer.close()

    def test_info_names_a_medium_and_stays_equal(self, device: Device) -> None:
        info = device.info()
        assert len(info.medium) == 16
        assert device.info().medium == info.medium
        assert info.block_bytes >= 512

    def test_writing_needs_the_lock(self, device: Device) -> None:
        with pytest.raises(DeviceError):
            device.writer(SESSION, 1)
        device.lock("test")
        device.writer(SESSION, 1).close()
        device.close()

    def test_close_is_safe_to_repeat_and_gives_the_lock_back(self, device: Device) -> None:
        device.lock("first")
        device.close()
        device.close()
        device.lock("second")
        device.close()

    def test_the_lock_names_its_holder(self, tmp_path: Path) -> None:
        if not self.keeps:
            pytest.skip("a device that swallows has nothing to share")
        first, second = self.make_device(tmp_path / "p"), self.make_device(tmp_path / "p")
        first.lock("session seven")
        with pytest.raises(DeviceLockedError) as caught:
            second.lock("another")
        assert "session seven" in caught.value.holder
        assert "session seven" in second.holder()
        first.close()
        assert second.holder() == ""
        second.lock("another")
        second.close()

    def test_those_who_stand_in_the_queue_see_each_other(self, tmp_path: Path) -> None:
        place = tmp_path / "p"
        first, second = (self.make_device(place).queue() for _ in range(2))
        late, early = Ticket(2, SESSION), Ticket(1, OTHER_SESSION)
        first.enter(late, "late")
        second.enter(early, "early")
        expected = [early, late] if self.keeps else []
        for queue in (first, second):
            assert [waiting.ticket for waiting in queue.standing()] == expected
        # It gives an order; the lock decides.
        device = self.make_device(place)
        device.lock("quick")
        device.close()
        for queue in (first, second, first):
            queue.leave()
        assert self.make_device(place).queue().standing() == ()

    def test_nothing_is_durable_before_a_commit(self, device: Device) -> None:
        device.lock("test")
        writer = device.writer(SESSION, 1)
        writer.append(*sample_frame(5000))
        assert list(device.reader().frames()) == []
        assert writer.statistics().syncs == 0
        writer.close()
        device.close()

    def test_a_commit_returns_exactly_the_frames_of_its_group(self, device: Device) -> None:
        device.lock("test")
        writer = device.writer(SESSION, 1)
        frames = [sample_frame(size, number) for number, size in enumerate(SIZES)]
        places = [writer.append(*frame) for frame in frames[:3]]
        expected = [StoredFrame(f.header, p) for f, p in zip(frames, places, strict=False)]
        assert list(writer.commit()) == expected
        assert writer.commit() == ()
        place = writer.append(*frames[3])
        assert list(writer.commit()) == [StoredFrame(frames[3].header, place)]
        assert writer.statistics().syncs == 2
        writer.close()
        device.close()

    def test_statistics_count_what_was_written(self, device: Device) -> None:
        device.lock("test")
        writer = device.writer(SESSION, 1)
        for number, size in enumerate(SIZES):
            writer.append(*sample_frame(size, number))
        result = writer.finish()
        assert (result.frames, result.bytes_payload) == (len(SIZES), sum(SIZES))
        assert result.bytes_written >= result.bytes_payload
        assert result.syncs == result.segments == self.media_needed
        assert writer.statistics() == result
        device.close()

    def test_a_session_without_frames_leaves_nothing(self, device: Device) -> None:
        device.lock("test")
        assert device.writer(SESSION, 1).finish().bytes_written == 0
        assert list(device.reader().frames()) == []
        device.close()

    @pytest.mark.parametrize("size", [5000, 3 << 20])
    def test_a_payload_that_does_not_match_its_digest_is_refused(
        self, device: Device, size: int
    ) -> None:
        device.lock("test")
        writer = device.writer(SESSION, 1)
        good, bad = sample_frame(5000, 0), sample_frame(size, 1)
        bad.payload[17] ^= 1
        with pytest.raises(DamageError):
            writer.append(*bad)
        with pytest.raises(DamageError):
            writer.append(good.header, good.payload[:-1])
        writer.append(*good)
        assert [stored.header for stored in writer.commit()] == [good.header]
        result = writer.finish()
        assert (result.frames, result.bytes_payload) == (1, 5000)
        assert result.bytes_written < 60_000
        if self.keeps:
            assert [f.header for f in device.reader().frames()] == [good.header]
        writer.close()
        device.close()

    def test_a_closed_writer_writes_nothing(self, device: Device) -> None:
        device.lock("test")
        writer = device.writer(SESSION, 1)
        writer.append(*sample_frame(100, 0))
        writer.close()
        writer.close()
        with pytest.raises(DeviceError):
            writer.append(*sample_frame(100, 1))
        with pytest.raises(DeviceError):
            writer.commit()
        device.close()

    def test_a_payload_is_not_needed_after_its_commit(self, device: Device) -> None:
        device.lock("test")
        writer = device.writer(SESSION, 1)
        frame = sample_frame(self.large_bytes)
        content = bytes(frame.payload)
        place = writer.append(*frame)
        writer.commit()
        frame.payload[:] = bytes(len(frame.payload))
        writer.finish()
        if self.keeps:
            assert device.reader().read(frame.header, place)[1] == content
        device.close()

    def test_what_was_written_is_read_back(self, device: Device) -> None:
        if not self.keeps:
            pytest.skip("the device swallows what it is given")
        device.lock("test")
        kinds = list(FrameKind)
        frames = [
            sample_frame(size, number, kind=kinds[number % 3]) for number, size in enumerate(SIZES)
        ]
        self._write(device, frames)
        device.close()
        reader = device.reader()
        found = list(reader.frames())
        assert [stored.header for stored in found] == [frame.header for frame in frames]
        for stored, frame in zip(found, frames, strict=True):
            assert reader.read(stored.header, stored.place) == (frame.header, frame.payload)
            assert reader.read(None, stored.place)[0] == frame.header

    def test_another_frame_than_the_one_asked_for_is_damage(self, device: Device) -> None:
        device.lock("test")
        frames = [sample_frame(100, 0), sample_frame(100, 1)]
        writer = device.writer(SESSION, 1)
        places = [writer.append(*frame) for frame in frames]
        writer.finish()
        for place in (places[1], replace(places[0], offset=1), replace(places[0], offset=1 << 40)):
            with pytest.raises(DeviceError):
                device.reader().read(frames[0].header, place)
        device.close()

    def test_sessions_follow_each_other(self, device: Device) -> None:
        if not self.keeps:
            pytest.skip("the device swallows what it is given")
        device.lock("test")
        for epoch in (1, 2, 3):
            self._write(device, [sample_frame(3000, epoch)], epoch)
        found = list(device.reader().frames())
        assert [stored.header.sequence for stored in found] == [1, 2, 3]
        assert [stored.place.epoch for stored in found] == [1, 2, 3]
        device.close()

    def test_what_a_session_wrote_is_found_without_it(self, device: Device) -> None:
        if not self.keeps:
            pytest.skip("the device swallows what it is given")
        device.lock("test")
        self._write(device, [sample_frame(3000, 0)])
        writer = device.writer(OTHER_SESSION, 2)
        for number in (1, 2, 3):
            writer.append(*sample_frame(3000, number))
            if number == 2:
                durable = writer.commit()
        writer.close()
        device.close()
        assert tuple(device.reader().written_by(OTHER_SESSION)) == durable
