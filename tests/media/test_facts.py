"""What a medium tells in its three ways, where its digests are right and what they cover is not."""

from __future__ import annotations

import os
from mmap import mmap
from pathlib import Path

import pytest

from flowbackup.frame.seal import seal
from flowbackup.media.checks.facts import FactsStatistics, MediumFacts, Mode
from flowbackup.media.segments.scan import Damage
from flowbackup.model.chunk import ChunkSpan
from flowbackup.model.digest import chunk_digest
from flowbackup.model.found import FoundFrame
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.ids import FrameId
from tests.media.media_samples import SESSION, make_device, only_segment, write_groups

CONTENT = b"content"
BLOCK = 512


def frame(sequence: int, digest: bytes = chunk_digest(CONTENT)) -> tuple[FrameHeader, memoryview]:
    """A frame of one chunk, sealed as sources do."""
    memory = memoryview(mmap(-1, 4096))
    memory[: len(CONTENT)] = CONTENT
    name = FrameId(SESSION, 1, sequence)
    spans = [ChunkSpan(digest, 0, len(CONTENT))]
    header = seal(memory, spans, name, FrameKind.DATA, SESSION, len(CONTENT))
    return header, memory[: header.payload_bytes]


def told(place: Path, mode: Mode) -> tuple[list[FoundFrame], list[Damage], FactsStatistics]:
    damages: list[Damage] = []
    facts = MediumFacts(make_device(place).reader(), mode, damages.append)
    frames = [frame for segment in facts.segments() for frame in segment]
    assert facts.statistics().frames == len(frames)
    assert facts.statistics().damages == len(damages)
    return frames, damages, facts.statistics()


def write(place: Path, *frames: tuple[FrameHeader, memoryview], row_offset: int = 0) -> None:
    """row_offset: what the index says of the first frame, instead of the truth."""
    device = make_device(place)
    device.lock("test")
    writer = device.writer(SESSION, 0)
    for header, payload in frames:
        writer.append(header, payload)
    if row_offset:
        writer._rows[0] = writer._rows[0]._replace(offset=row_offset)
    writer.finish()
    device.close()


def test_the_three_ways_say_the_same_and_read_more_each(memory_path: Path) -> None:
    place = memory_path / "medium"
    write(place, *map(frame, range(40)))
    results = {mode: told(place, mode) for mode in Mode}
    first = results[Mode.FAST]
    assert len(first[0]) == 40
    assert all(result[:2] == (first[0], []) for result in results.values())
    read = [results[mode][2].bytes_read for mode in (Mode.FAST, Mode.SLOW, Mode.PARANOID)]
    assert read == sorted(set(read))
    assert [results[mode][2].segments_scanned for mode in Mode] == [0, 1, 1]
    assert {results[mode][2].bytes_total for mode in Mode} == {only_segment(place).stat().st_size}


@pytest.mark.parametrize("offset", [7, BLOCK * 1000, 1 << 62])
def test_an_index_that_lists_what_cannot_be_is_not_believed(offset: int, memory_path: Path) -> None:
    place = memory_path / "medium"
    write(place, frame(0), frame(1), row_offset=offset)
    frames, damages, statistics = told(place, Mode.FAST)
    assert [found.place.offset for found in frames] == [2 * BLOCK, 4 * BLOCK]
    assert [damage.reason.partition(":")[0] for damage in damages] == ["index"]
    assert statistics.segments_scanned == 1


@pytest.mark.parametrize("mode", Mode)
def test_a_frame_that_no_stream_has_is_told_and_left_out(mode: Mode, memory_path: Path) -> None:
    place = memory_path / "medium"
    write(place, frame(0), frame(1 << 63), frame((1 << 63) - 1))
    frames, damages, _ = told(place, mode)
    assert [found.header.sequence for found in frames] == [0, (1 << 63) - 1]
    assert len(damages) == 1


def test_only_paranoia_sees_a_chunk_that_is_not_what_its_hash_says(memory_path: Path) -> None:
    place = memory_path / "medium"
    write(place, frame(0), frame(1, digest=bytes(32)))
    assert told(place, Mode.SLOW)[1] == []
    frames, (damage,), _ = told(place, Mode.PARANOID)
    assert [found.damaged for found in frames] == [False, True]
    assert (damage.frame, damage.offset) == (frames[1].header.frame_id, frames[1].place.offset)
    assert "is not what it was" in damage.reason


def test_only_paranoia_sees_padding(memory_path: Path) -> None:
    place = memory_path / "medium"
    write(place, frame(0))
    (found,), _, _ = told(place, Mode.FAST)
    segment = only_segment(place)
    segment.chmod(0o600)
    descriptor = os.open(segment, os.O_WRONLY)
    os.pwrite(descriptor, b"\1", found.place.offset + 2 * BLOCK - 1)
    os.close(descriptor)
    assert told(place, Mode.SLOW)[1] == []
    (found,), (damage,), _ = told(place, Mode.PARANOID)
    assert found.damaged and "padding" in damage.reason


# Not paranoia: frames of noise have no chunks that could be looked at.
@pytest.mark.parametrize("mode", [Mode.FAST, Mode.SLOW])
def test_what_a_killed_session_left_is_no_damage(mode: Mode, memory_path: Path) -> None:
    place = memory_path / "medium"
    groups = write_groups(make_device(place), [[700, 700], [700]], seal=False, rest=2)
    frames, damages, _ = told(place, mode)
    assert [found.place for found in frames] == [
        stored.place for group in groups for stored in group
    ]
    assert damages == []
