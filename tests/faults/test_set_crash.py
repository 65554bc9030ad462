"""A session on a set of media is stopped at every call that it makes, in every way.

What holds then: every frame that was acknowledged is there, and none that is not as it was sent; no
medium is larger than it may be; the next session goes on without any repair, and gives no number of
a medium twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random

import pytest

from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.set_label import init_set
from flowbackup.media.segments.room import medium_bytes
from flowbackup.media.sets.media_set import find_set
from flowbackup.media.sets.set_device import SetDevice
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import FrameId
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.crash_disk import CrashDisk, Note, Stopped
from flowbackup.testing.crash_image import Loss, crash_tree, put_tree, torn
from flowbackup.testing.frames import sample_frame, sample_id
from tests.faults.parallel import in_folder, shared_out
from tests.faults.recovery import NoReservation
from tests.media.media_samples import EMPTY_BYTES
from tests.targets import Target

MEDIA_BYTES = EMPTY_BYTES + 16_000
FRAME_BYTES = 5_000
"""Two of them fit on a medium, with their records."""
FRAMES = 6
SEED = 1
TEXT = "a change of the medium: 0 acknowledged frames lost, 0 wrong bytes, 0 repairs by hand"


class CrashDiskWithoutReservation(CrashDisk):
    """As a file system that reserves nothing: fewer calls, and small files."""

    def fallocate(self, fd: int, offset: int, size_bytes: int) -> None:
        NoReservation().fallocate(fd, offset, size_bytes)


def session(place: Path, disk: CrashDisk) -> set[FrameId]:
    """Makes a set and fills three of its media; the frames that were acknowledged."""
    init_set(str(place), name="vault", media_bytes=MEDIA_BYTES, block_bytes=512, calls=disk)
    acknowledged: set[FrameId] = set()
    device = SetDevice(DeviceTarget("vault", "directory", str(place), 512), calls=disk)
    try:
        device.lock("a session that is stopped")
        writer = device.writer(sample_id(1), 0)
        for sequence in range(FRAMES):
            writer.append(*sample_frame(FRAME_BYTES, sequence))
            # Not behind every frame: a change finds some that are not durable.
            if sequence % 3 == 2:
                acknowledged.update(stored.header.frame_id for stored in writer.commit())
        writer.finish()
    except Stopped:
        pass
    finally:
        with suppress(Stopped):
            device.close()
    return acknowledged


def states(disk: CrashDisk) -> Iterator[tuple[Sequence[Note], Loss]]:
    """All that a stop instead of one call may leave."""
    note = disk.not_made
    assert note is not None
    for loss in Loss:
        yield disk.notes, loss
        yield [*disk.notes, note], loss
    if note.verb == "pwritev":
        for part in (0.25, 0.75):
            yield [*disk.notes, torn(note, part, has_lasted=True)], Loss.ALL


def check(place: Path, acknowledged: set[FrameId]) -> None:
    device = SetDevice(DeviceTarget("vault", "directory", str(place), 512), calls=NoReservation())
    found = find_set(str(place), "vault")
    assert not found.faults and not found.missing, found.faults
    before = frames_on(device)
    assert acknowledged <= before, "acknowledged and lost"
    device.lock("the next session")
    writer = device.writer(sample_id(2), 1)
    following = [sample_frame(FRAME_BYTES, FRAMES + n) for n in range(3)]
    for frame in following:
        writer.append(*frame)
    writer.finish()
    device.close()
    assert frames_on(device) == before | {frame.header.frame_id for frame in following}
    numbers = [info.membership.number for info in device.media() if info.membership]
    assert numbers == list(range(1, len(numbers) + 1))
    for info in device.media():
        assert medium_bytes(info.location) <= MEDIA_BYTES
        medium = DirectoryDevice(DeviceTarget("vault", "directory", info.location, 512))
        report = verify_medium(medium, SilentMonitor())
        assert not report.damaged and not report.unknown_files, report


def frames_on(device: SetDevice) -> set[FrameId]:
    reader = device.reader()
    found = set()
    for stored in reader.frames():
        sent = sample_frame(FRAME_BYTES, stored.header.sequence)
        assert reader.read(stored.header, stored.place)[1] == sent.payload
        found.add(stored.header.frame_id)
    return found


def calls_made(folder: Path) -> tuple[int, int]:
    """By the making of the set, and together with the session."""
    disk = CrashDiskWithoutReservation()
    init_set(str(folder / "a"), name="vault", media_bytes=MEDIA_BYTES, block_bytes=512, calls=disk)
    making = len(disk.notes)
    disk = CrashDiskWithoutReservation()
    assert len(session(folder / "b", disk)) == FRAMES
    assert find_set(str(folder / "b"), "vault").media_made == 3
    return making, len(disk.notes)


def check_places(folder: Path, places: Sequence[int]) -> int:
    cases = 0
    numbers = count()
    for stop_at in places:
        disk = CrashDiskWithoutReservation(stop_at=stop_at)
        place = folder / f"{next(numbers)}"
        acknowledged = session(place, disk)
        for notes, loss in states(disk):
            after = folder / f"{next(numbers)}"
            tree = crash_tree(notes, loss, Random(f"{SEED}/{stop_at}/{loss}"))
            put_tree(tree, str(place), str(after))
            try:
                check(after, acknowledged)
            except Exception as error:
                error.add_note(f"call {stop_at}: {notes[-1].verb} {notes[-1].name}, {loss}")
                raise
            cases += 1
    return cases


@pytest.fixture(scope="module")
def places() -> list[int]:
    """Every call of the session, without the making of the set."""
    making, calls = in_folder(lambda folder, _: calls_made(folder), [])
    return [*range(making + 1, calls + 1)]


def test_some_crash_points_of_a_set(places: list[int], target: Target) -> None:
    some = Random(SEED).sample(places, 16)
    target("F1", cases=in_folder(check_places, some), text=TEXT)


@pytest.mark.slow
def test_every_crash_point_of_a_set(places: list[int], target: Target) -> None:
    target("F1", cases=sum(shared_out(check_places, places)), text=TEXT)
