"""What killed writers left: freed and cut where it can be, and never at the cost of anything."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.port import FrameWriter, StoredFrame
from flowbackup.media.segments.leftover import give_back_reserved
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls
from flowbackup.testing.frames import sample_frame
from tests.media.media_samples import SESSION, make_device

PART, SEALED = "00000001-0001.part", "00000002-0001.seg"


def reserved(path: Path) -> int:
    """A file of 5 bytes with a MiB of room behind it; the blocks that it takes."""
    with path.open("wb") as file:
        file.write(b"bytes")
        file.flush()
        SYSTEM.fallocate(file.fileno(), 0, 1 << 20)
    return path.stat().st_blocks


def give_back(place: Path, device: str, calls: SystemCalls) -> int:
    folder = SYSTEM.open_folder(str(place))
    try:
        return give_back_reserved(folder, device, calls)
    finally:
        SYSTEM.close(folder)


def test_room_is_given_back_behind_unfinished_segments_only(memory_path: Path) -> None:
    names = [PART, SEALED, "notes", "00000003-0001.part"]
    before = {name: reserved(memory_path / name) for name in names}
    assert give_back(memory_path, "nas", SYSTEM) == 2
    freed = {name for name in names if (memory_path / name).stat().st_blocks < before[name]}
    assert freed == {PART, "00000003-0001.part"}
    assert all((memory_path / name).read_bytes() == b"bytes" for name in names)
    assert give_back(memory_path, "nas", SYSTEM) == 0


def test_what_is_no_file_of_ours_is_left_alone(memory_path: Path) -> None:
    reserved(memory_path / "other")
    blocks = (memory_path / "other").stat().st_blocks
    (memory_path / PART).symlink_to("other")
    (memory_path / "00000004-0001.part").mkdir()
    assert give_back(memory_path, "nas", SYSTEM) == 0
    assert (memory_path / "other").stat().st_blocks == blocks


@pytest.mark.parametrize("verb", ["open", "truncate"])
def test_a_device_that_fails_is_named(memory_path: Path, verb: str) -> None:
    reserved(memory_path / PART)
    calls = FaultySystemCalls(Fault(1, errno.EIO, verb))
    with pytest.raises(DeviceError, match='device "nas": freeing reserved room') as caught:
        give_back(memory_path, "nas", calls)
    assert caught.value.errno == errno.EIO


def killed(place: Path, groups: int, rest: int) -> tuple[list[StoredFrame], FrameWriter]:
    """What a writer made durable before it was killed: so many groups of two frames; behind them
    are some without a commit.  The writer is kept, because its end would cut the file."""
    device = make_device(place)
    device.lock("killed")
    writer, durable = device.writer(SESSION, 0), list[StoredFrame]()
    for number in range(2 * groups + rest):
        writer.append(*sample_frame(700, number))
        if number % 2 and number < 2 * groups:
            durable += writer.commit()
    # A process that dies gives its lock back and does nothing else.
    device.close()
    return durable, writer


@pytest.mark.parametrize("groups", [0, 1, 3])
@pytest.mark.parametrize("rest", [0, 2])
def test_the_next_writer_of_a_session_cuts_back_to_the_last_commit(
    tmp_path: Path, groups: int, rest: int
) -> None:
    durable, dead = killed(tmp_path, groups, rest)
    part = tmp_path / "segments" / "00000001-0000.part"
    before = part.read_bytes() if part.exists() else b""
    device = make_device(tmp_path)
    device.lock("next")
    writer = device.writer(SESSION, 1)
    assert list(device.reader().written_by(SESSION)) == durable
    after = part.read_bytes() if part.exists() else b""
    assert before.startswith(after) and len(before) - len(after) == rest * (512 + 1024)
    writer.append(*sample_frame(700, 9))
    durable += writer.commit()
    writer.finish()
    device.close()
    assert list(make_device(tmp_path).reader().written_by(SESSION)) == durable
    dead.close()


def test_a_last_group_that_the_device_does_not_have_is_not_believed(tmp_path: Path) -> None:
    durable, dead = killed(tmp_path, 2, 0)
    part = tmp_path / "segments" / "00000001-0000.part"
    with part.open("r+b") as file:
        file.seek(durable[-1].place.offset + 512)
        file.write(b"other bytes")
    device = make_device(tmp_path)
    device.lock("next")
    device.writer(SESSION, 1).close()
    assert list(device.reader().written_by(SESSION)) == durable[:2]
    assert part.stat().st_size <= durable[2].place.offset
    device.close()
    dead.close()


def test_segments_of_other_sessions_are_left_as_they_are(tmp_path: Path) -> None:
    _, dead = killed(tmp_path, 1, 2)
    part = tmp_path / "segments" / "00000001-0000.part"
    before = part.read_bytes()
    device = make_device(tmp_path)
    device.lock("next")
    device.writer(bytes(16), 1).close()
    assert part.read_bytes() == before
    device.close()
    dead.close()


@pytest.mark.parametrize(("verb", "nth"), [("fsync", 1), ("fsync", 2), ("truncate", 1)])
def test_a_device_that_cannot_be_cut_back_is_not_written_to(
    tmp_path: Path, verb: str, nth: int
) -> None:
    """It is synced before it is believed, and when it is cut."""
    _, dead = killed(tmp_path, 1, 2)
    nth += verb == "truncate" and _reserves(tmp_path)
    device = make_device(tmp_path, calls=FaultySystemCalls(Fault(nth, errno.EIO, verb)))
    device.lock("next")
    with pytest.raises(DeviceError, match="cutting back segment 1") as caught:
        device.writer(SESSION, 1)
    assert caught.value.errno == errno.EIO
    device.close()
    dead.close()


def _reserves(place: Path) -> bool:
    """Is there room behind the end, which is given back first?"""
    state = (place / "segments" / "00000001-0000.part").stat()
    return state.st_blocks * 512 > state.st_size + state.st_blksize
