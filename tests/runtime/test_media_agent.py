"""The media agent over a faulty device, without Ray: what it says is what the medium holds."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError
from flowbackup.frame.record_frame import record_frame
from flowbackup.media.calls import SystemCalls
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import init_medium
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId, id_text
from flowbackup.process import identify
from flowbackup.runtime.actors import media_agent
from flowbackup.runtime.actors.media_agent import MediaAgent
from flowbackup.runtime.edges.slab import Slab, create_slab, slab_path
from flowbackup.runtime.edges.wiring import Job, MediaAgentSettings, SlabSettings
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls
from flowbackup.testing.frames import sample_frame, sample_id

SLOTS, SLOT_BYTES = 8, 8192
COMMIT = Job(None)


class SmallDisk(SystemCalls):
    """A file system that gives a file so many bytes and no more."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes

    def fallocate(self, fd: int, offset: int, size_bytes: int) -> None:
        if offset + size_bytes > self._size_bytes:
            raise OSError(errno.ENOSPC, "no space left on device")
        super().fallocate(fd, offset, size_bytes)


@pytest.fixture
def slab() -> Iterator[Slab]:
    path = slab_path(id_text(sample_id(9)), "test")
    made = create_slab(path, SLOTS, SLOT_BYTES, identify())
    yield made
    made.remove()
    made.close()


@pytest.fixture
def agent_on(
    tmp_path: Path, slab: Slab, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[SystemCalls], MediaAgent]]:
    """An open agent whose device does these calls."""
    opened: list[MediaAgent] = []
    place = str(tmp_path / "d0")
    init_medium(place, name="d0")

    def make(calls: SystemCalls) -> MediaAgent:
        target = DeviceTarget("d0", "directory", place)
        monkeypatch.setattr(
            media_agent, "open_device", lambda target: DirectoryDevice(target, calls=calls)
        )
        settings = SlabSettings(str(slab.path), SLOTS, SLOT_BYTES, identify())
        agent = MediaAgent(
            MediaAgentSettings("g.d0", sample_id(1), target, settings, 0, "a test", 0)
        )
        agent.open()
        agent.map()
        opened.append(agent)
        return agent

    yield make
    for agent in opened:
        agent.close()


def job(slab: Slab, sequence: int, payload_bytes: int = 5000) -> Job:
    frame = sample_frame(payload_bytes, sequence)
    slab.payload(sequence, payload_bytes)[:] = frame.payload
    return Job(FrameDescriptor(frame.header, slab.path.name, sequence))


def ids(jobs: list[Job]) -> list[FrameId]:
    return [job.frame.header.frame_id for job in jobs if job.frame is not None]


def on_medium(tmp_path: Path) -> list[FrameId]:
    target = DeviceTarget("d0", "directory", str(tmp_path / "d0"))
    return [stored.header.frame_id for stored in DirectoryDevice(target).reader().frames()]


def test_a_full_device_keeps_what_it_took_and_takes_nothing_behind_a_refused_frame(
    slab: Slab, tmp_path: Path, agent_on: Callable[[SystemCalls], MediaAgent]
) -> None:
    """The refused frame is larger than those behind it, for which there would still be room."""
    agent = agent_on(SmallDisk(60 * 1024))
    large = [job(slab, number, 8192) for number in range(6)]
    small = job(slab, 6, 1)
    written = agent.write(0, [large[0], COMMIT, *large[1:], small, COMMIT])
    assert written.failure is not None and written.failure.errno == errno.ENOSPC
    taken = len(written.durable)
    assert 1 < taken < len(large)
    assert list(written.durable) == ids(large[:taken])
    assert agent.write(1, [small, COMMIT]).durable == ()
    agent.finish(*record_frame(sample_id(1), b"{}"))
    assert on_medium(tmp_path) == ids(large[:taken])
    assert [path.suffix for path in (tmp_path / "d0" / "segments").iterdir()] == [".seg"]


def test_frames_committed_before_a_failure_in_the_same_call_are_told(
    slab: Slab, tmp_path: Path, agent_on: Callable[[SystemCalls], MediaAgent]
) -> None:
    agent = agent_on(FaultySystemCalls(Fault(2, errno.EIO, "fdatasync", for_ever=True)))
    jobs = [job(slab, 0), COMMIT, job(slab, 1), COMMIT, job(slab, 2), COMMIT]
    written = agent.write(0, jobs)
    assert list(written.durable) == ids(jobs[:1])
    assert written.failure is not None and written.failure.errno == errno.EIO
    assert [durable.header.sequence for durable in agent.durable_since(0).frames] == [0]
    with pytest.raises(DeviceError, match="no further writing"):
        agent.finish(*record_frame(sample_id(1), b"{}"))


def test_a_sync_that_fails_once_is_made_good_and_told(
    slab: Slab, tmp_path: Path, agent_on: Callable[[SystemCalls], MediaAgent]
) -> None:
    agent = agent_on(FaultySystemCalls(Fault(2, errno.EIO, "fdatasync")))
    jobs = [job(slab, 0), COMMIT, job(slab, 1), COMMIT, job(slab, 2), COMMIT]
    written = agent.write(0, jobs[:2])
    assert agent.durable_since(0).made_good == ""
    written = agent.write(1, jobs[2:])
    assert list(written.durable) == ids(jobs[2:]) and written.failure is None
    told = agent.durable_since(1)
    assert [durable.place.segment for durable in told.frames] == [2, 2]
    assert 'device "d0": the sync failed' in told.made_good and "new segment" in told.made_good
    agent.finish(*record_frame(sample_id(1), b"{}"))
    assert on_medium(tmp_path)[:3] == ids(jobs)


def test_a_frame_that_is_not_what_its_digest_says_ends_the_writing(
    slab: Slab, tmp_path: Path, agent_on: Callable[[SystemCalls], MediaAgent]
) -> None:
    agent = agent_on(SystemCalls())
    jobs = [job(slab, 0), job(slab, 1), job(slab, 2), COMMIT]
    slab.slot(1)[17] ^= 1
    written = agent.write(0, jobs)
    assert list(written.durable) == ids(jobs[:1])
    assert written.failure is not None and "digest" in written.failure.message


def test_nothing_is_written_behind_the_end_of_the_session(
    slab: Slab, tmp_path: Path, agent_on: Callable[[SystemCalls], MediaAgent]
) -> None:
    """A call that was under way when the session ended begins no segment of its own."""
    agent = agent_on(SystemCalls())
    agent.write(0, [job(slab, 0), COMMIT])
    agent.finish(*record_frame(sample_id(1), b"{}"))
    written = agent.write(1, [job(slab, 1), COMMIT])
    assert written.durable == () and written.failure is not None
    assert len(list((tmp_path / "d0" / "segments").iterdir())) == 1


def test_a_device_that_fails_at_the_very_end_is_named(
    slab: Slab, tmp_path: Path, agent_on: Callable[[SystemCalls], MediaAgent]
) -> None:
    """Segment, frame and commit are three writes; the fourth is the record of the session."""
    agent = agent_on(FaultySystemCalls(Fault(4, errno.EIO, "pwritev", for_ever=True)))
    agent.write(0, [job(slab, 0), COMMIT])
    with pytest.raises(DeviceError, match="d0") as caught:
        agent.finish(*record_frame(sample_id(1), b"{}"))
    assert caught.value.errno == errno.EIO
