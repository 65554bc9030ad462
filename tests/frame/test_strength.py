"""Content is packed at the cheapest strength that makes it about as small as any up to the level
that was asked for; what that is, is tried rarely, and by one at a time."""

from __future__ import annotations

import struct
import threading
from collections import Counter
from collections.abc import Callable
from random import Random

import pyarrow as pa
import pytest

from flowbackup.frame import strength
from flowbackup.frame.strength import Strength, Strengths, size_of, strengths_to
from flowbackup.units import KIB, MIB

PIECE_BYTES = 1 * MIB


def log_lines(chance: Random) -> bytes:
    now, lines = 1_700_000_000, bytearray()
    while len(lines) < PIECE_BYTES:
        now += chance.randrange(3)
        lines += b"%d INFO svc-%02d GET /object/%08x status=200 bytes=%d\n" % (
            now, chance.randrange(32), chance.getrandbits(32), chance.randrange(60_000),
        )  # fmt: skip
    return bytes(lines[:PIECE_BYTES])


def records(chance: Random) -> bytes:
    value, found = 0.0, bytearray()
    for number in range(PIECE_BYTES // 16):
        value += chance.gauss(0, 1)
        found += struct.pack("<IfHBBI", number, round(value, 1), chance.randrange(500), 3, 0, 0)
    return bytes(found)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Counter[Strength]:
    """How often something was packed at which strength."""
    count, lock, pack = Counter[Strength](), threading.Lock(), Strength.pack

    def counted(self: Strength, piece: memoryview) -> list[pa.Buffer]:
        with lock:
            count[self] += 1
        return pack(self, piece)

    monkeypatch.setattr(Strength, "pack", counted)
    return count


def test_each_strength_gives_standard_frames_and_none_is_above_the_level() -> None:
    content = memoryview(log_lines(Random(1)))
    for level in (1, 2, 3, 9):
        strengths = strengths_to(level)
        assert max(each.level for each in strengths) == level == strengths[-1].level
        assert len({*strengths}) == len(strengths)
        for each in strengths:
            units = each.pack(content)
            assert len(units) == (4 if each.unit_bytes else 1)
            with pa.input_stream(pa.py_buffer(b"".join(units)), compression="zstd") as stream:
                assert stream.read() == content
    assert (strengths_to(1)[0], strengths_to(19)[-1]) == (Strength(1), Strength(19))


@pytest.mark.parametrize("level", [1, 2, 3, 6])
@pytest.mark.parametrize("make", [log_lines, records])
def test_what_is_cheapest_of_those_that_make_it_about_as_small(
    make: Callable[[Random], bytes], level: int, at: Counter[Strength]
) -> None:
    strengths, chance = Strengths(level), Random(2)
    first, second = make(chance), make(chance)
    tried = {each: size_of(each.pack(memoryview(first))) for each in strengths_to(level)}
    best = next(s for s, size in tried.items() if size <= min(tried.values()) * 65 // 64)
    at.clear()
    assert size_of(strengths.pack(memoryview(first), 0.5)) == tried[best]
    assert at == dict.fromkeys(tried, 1)
    at.clear()
    assert size_of(strengths.pack(memoryview(second), 0.5)) <= tried[best] * 65 // 64
    assert at == {best: 1}


def test_lines_of_a_log_take_a_lower_level_than_was_asked_for(at: Counter[Strength]) -> None:
    strengths, chance = Strengths(3), Random(3)
    strengths.pack(memoryview(log_lines(chance)), 0.3)
    at.clear()
    units = strengths.pack(memoryview(log_lines(chance)), 0.3)
    (chosen,) = at
    assert chosen.level < 3
    assert size_of(units) < size_of(Strength(3).pack(memoryview(log_lines(chance)))) * 65 // 64


def test_trials_are_a_small_part_of_the_work(at: Counter[Strength]) -> None:
    """However many kinds there are, and until one was tried, the level that was asked for."""
    strengths, piece = Strengths(3), memoryview(bytes(PIECE_BYTES))
    for number in range(160):
        strengths.pack(piece, number % 16 / 16)
    trials = at[Strength(1, strength.UNIT_BYTES)]
    assert 2 <= trials <= 1 + 160 // 16 // 4
    assert at[Strength(3)] > 100


def test_a_kind_is_tried_again_after_much_of_it(
    at: Counter[Strength], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strength, "_AGAIN_BYTES", 100 * MIB)
    strengths = Strengths(2)
    for _ in range(250):
        strengths.pack(memoryview(bytes(PIECE_BYTES)), 0.5)
    assert at[Strength(1, strength.UNIT_BYTES)] == 3


def test_small_pieces_are_packed_as_was_asked(at: Counter[Strength]) -> None:
    strengths = Strengths(3)
    for _ in range(9):
        strengths.pack(memoryview(bytes(512 * KIB)), 0.5)
    assert at == {Strength(3): 9}


def test_one_tries_and_the_others_go_on(at: Counter[Strength]) -> None:
    """What all of several threads pack at the same time is tried once."""
    all_pack = threading.Barrier(8)

    def work(strengths: Strengths) -> None:
        all_pack.wait(60)
        strengths.pack(memoryview(bytes(PIECE_BYTES)), 0.5)

    strengths = Strengths(3)
    threads = [threading.Thread(target=work, args=(strengths,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [at[each] for each in strengths_to(3) if each.unit_bytes] == [1, 1]
