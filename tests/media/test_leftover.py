"""Room that killed sessions reserved: freed where it can be, and never at the cost of anything."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from flowbackup.errors import DeviceError
from flowbackup.media.calls import SYSTEM
from flowbackup.media.segments.leftover import give_back_reserved
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls

PART, SEALED = "00000001-0001.part", "00000002-0001.seg"


def reserved(path: Path) -> int:
    """A file of 5 bytes with a MiB of room behind it; the blocks that it takes."""
    with path.open("wb") as file:
        file.write(b"bytes")
        file.flush()
        SYSTEM.fallocate(file.fileno(), 0, 1 << 20)
    return path.stat().st_blocks


def test_room_is_given_back_behind_unfinished_segments_only(memory_path: Path) -> None:
    names = [PART, SEALED, "notes", "00000003-0001.part"]
    before = {name: reserved(memory_path / name) for name in names}
    assert give_back_reserved(str(memory_path), "nas", SYSTEM) == 2
    freed = {name for name in names if (memory_path / name).stat().st_blocks < before[name]}
    assert freed == {PART, "00000003-0001.part"}
    assert all((memory_path / name).read_bytes() == b"bytes" for name in names)
    assert give_back_reserved(str(memory_path), "nas", SYSTEM) == 0


def test_what_is_no_file_of_ours_is_left_alone(memory_path: Path) -> None:
    reserved(memory_path / "other")
    blocks = (memory_path / "other").stat().st_blocks
    (memory_path / PART).symlink_to("other")
    (memory_path / "00000004-0001.part").mkdir()
    assert give_back_reserved(str(memory_path), "nas", SYSTEM) == 0
    assert (memory_path / "other").stat().st_blocks == blocks


@pytest.mark.parametrize("verb", ["open", "truncate"])
def test_a_device_that_fails_is_named(memory_path: Path, verb: str) -> None:
    reserved(memory_path / PART)
    calls = FaultySystemCalls(Fault(1, errno.EIO, verb))
    with pytest.raises(DeviceError, match='device "nas": freeing reserved room') as caught:
        give_back_reserved(str(memory_path), "nas", calls)
    assert caught.value.errno == errno.EIO
