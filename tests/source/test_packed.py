"""What was read is packed on the way, by several threads, and comes back equal; what does not
shrink goes as it is."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from flowbackup.model.frame import Codec, FrameKind
from flowbackup.source.hashing import HashCrew
from flowbackup.units import KIB, MIB
from tests.source.memory_sink import MemorySink, assert_equal_to_source, read_tree


def text(size: int, seed: int) -> bytes:
    lines = b"".join(b"%d of %d bottles\n" % (number, seed) for number in range(size // 8 + 1))
    return lines[:size]


@pytest.mark.parametrize("frame_bytes", [64 * KIB, 4 * MIB])
def test_text_comes_back_equal_from_small_frames(tmp_path: Path, frame_bytes: int) -> None:
    sizes = [0, 1, 700, 64 * KIB, 3 * MIB + 5, 9 * MIB, *range(1, 60_000, 1999)]
    for number, size in enumerate(sizes):
        (tmp_path / f"{number:03}").write_bytes(text(size, number))
    plain = read_tree(tmp_path, MemorySink(frame_bytes))
    packed = read_tree(tmp_path, MemorySink(frame_bytes), zstd_level=3)
    assert_equal_to_source(packed, tmp_path)
    assert packed.entries() == plain.entries()
    data = packed.sink.of_kind(FrameKind.DATA)
    assert all(h.codec == Codec.ZSTD for h in data if h.content_bytes > 1000)
    assert sum(header.payload_bytes for header in data) < sum(sizes) // 4
    assert sum(header.content_bytes for header in data) == sum(sizes)
    assert {h.codec for h in packed.sink.of_kind(FrameKind.MANIFEST)} == {Codec.PLAIN}


def test_noise_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(os.urandom(3 * MIB))
    plain = read_tree(tmp_path, MemorySink(2 * MIB))
    packed = read_tree(tmp_path, MemorySink(2 * MIB), zstd_level=3)
    assert packed.sink.frames == plain.sink.frames


def test_levels_say_how_small(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(text(2 * MIB, 1))
    sizes = [
        sum(len(payload) for _, payload in read_tree(tmp_path, zstd_level=level).sink.frames)
        for level in (0, 1, 9)
    ]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 3


def test_all_of_a_crew_works_and_its_last_job_is_waited_for() -> None:
    crew = HashCrew(threads_max=4)
    batch = crew.batch()
    results = [b""] * 200
    view = memoryview(bytes(range(200)))
    for _ in range(20):
        for place in range(200):
            batch.add(bytes, results, place, view[place : place + 1])
        batch.drain()
        assert b"".join(results) == bytes(range(200))
        results[:] = [b""] * 200
    crew.close()
    view.release()


def test_who_waits_for_what_is_urgent_does_not_wait_for_the_rest() -> None:
    goes_on = threading.Event()

    def wait(data: memoryview) -> bytes:
        assert goes_on.wait(60)
        return bytes(data)

    crew = HashCrew(threads_max=1)
    slow, urgent = crew.batch(), crew.batch(is_urgent=True)
    packed, hashed = [b""] * 3, [b""] * 3
    for place in range(3):
        slow.add(wait, packed, place, memoryview(b"s"))
    for place in range(3):
        urgent.add(bytes, hashed, place, memoryview(b"u"))
    urgent.drain()
    assert hashed == [b"u"] * 3
    assert packed == [b""] * 3
    goes_on.set()
    slow.drain()
    assert packed == [b"s"] * 3
    crew.close()


@pytest.mark.parametrize("threads", [1, 3])
def test_what_a_job_raises_is_raised_by_drain_and_nothing_hangs(threads: int) -> None:
    def fail(data: memoryview) -> bytes:
        raise MemoryError(bytes(data))

    crew = HashCrew(threads_max=threads)
    batch = crew.batch()
    results = [b""] * 9
    for place in range(9):
        batch.add(fail, results, place, memoryview(b"x"))
    failures = 0
    for _ in range(9):
        try:
            batch.drain()
        except MemoryError:
            failures += 1
    assert failures == 9
    batch.drain()
    crew.close()
