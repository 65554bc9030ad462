"""Which copy of a frame is read first, and the reason that is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import permutations

import pytest

from flowbackup.flow import choice
from flowbackup.flow.choice import Choice, MediumState, choose
from flowbackup.model.device import FramePlace
from flowbackup.model.frame_copy import FrameCopy

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16
NOW = choice.VERIFIED_NS_MAX * 10
NEAR = MediumState("nas", "/mnt/nas")
FAR = replace(NEAR, node="storage")
BUSY = replace(NEAR, holder="session 1")
AWAY = replace(NEAR, fault="not mounted")


def copy(medium: bytes, segment: int = 1, damaged: bool = False, verified_ns: int = 0) -> FrameCopy:
    return FrameCopy(FramePlace(medium, segment, 0, 4096), damaged, verified_ns)


def chosen(
    copies: list[FrameCopy], states: dict[bytes, MediumState] | None = None, turn: int = 0
) -> Choice:
    return choose(turn, copies, {A: NEAR, B: NEAR, C: NEAR} | (states or {}), NOW)


@pytest.mark.parametrize(
    ("better", "worse", "reason"),
    [
        (copy(A), copy(B, damaged=True), choice.REASONS[0]),
        (copy(A), copy(C), choice.REASONS[1]),
        (copy(A, verified_ns=NOW - 1), copy(B), choice.REASONS[3]),
        (copy(A, verified_ns=NOW - 1), copy(B, verified_ns=1), choice.REASONS[3]),
    ],
)
def test_one_thing_decides(better: FrameCopy, worse: FrameCopy, reason: str) -> None:
    for order in permutations((better, worse)):
        for turn in range(3):
            found = chosen(list(order), {C: FAR}, turn)
            assert found == Choice((better, worse), reason, (), equals=1)


def test_an_idle_medium_comes_before_a_busy_one() -> None:
    found = chosen([copy(B), copy(A)], {B: BUSY})
    assert [c.place.medium for c in found.order] == [A, B]
    assert found.reason == "not busy"


def test_the_order_of_what_counts() -> None:
    """Each copy has one thing against it; what makes reading slow weighs more than what makes it
    doubtful, and a damage more than all."""
    stale, busy, far, damaged = b"1" * 16, b"2" * 16, b"3" * 16, b"4" * 16
    fresh = NOW - 1
    copies = [
        copy(damaged, damaged=True, verified_ns=fresh),
        copy(far, verified_ns=fresh),
        copy(busy, verified_ns=fresh),
        copy(stale),
    ]
    states = {stale: NEAR, busy: BUSY, far: FAR, damaged: NEAR}
    found = choose(0, copies, states, NOW)
    assert [c.place.medium for c in found.order] == [stale, busy, far, damaged]


def test_equal_media_share_the_reading() -> None:
    copies = [copy(A), copy(B), copy(C)]
    firsts = Counter(chosen(copies, turn=turn).order[0].place.medium for turn in range(9))
    assert firsts == {A: 3, B: 3, C: 3}
    assert chosen(copies).reason == choice.SHARED
    assert {len(set(chosen(copies, turn=turn).order)) for turn in range(9)} == {3}


def test_one_of_the_equals_may_lead_and_nothing_else_moves() -> None:
    old, damaged = copy(B, 1), copy(C, 9, damaged=True)
    found = chosen([damaged, old, copy(A), copy(C, 2), copy(B, 7)], turn=0)
    assert found.media == (A, B, C) and found.equals == 4
    led = found.led_by(C)
    assert led.order == (copy(C, 2), copy(A), copy(B, 7), old, damaged)
    assert led._replace(order=found.order) == found
    assert chosen([copy(A), damaged]).media == (A,)


def test_of_one_medium_the_newest_copy_is_read_first() -> None:
    """As after a repair that left the old one where it was, perhaps not yet known as damaged."""
    found = chosen([copy(A, 1), copy(A, 7)])
    assert [c.place.segment for c in found.order] == [7, 1]
    assert found.reason == choice.NEWEST


def test_what_is_out_of_reach_is_named_and_not_tried() -> None:
    found = chosen([copy(A), copy(B)], {A: AWAY})
    assert found == Choice((copy(B),), choice.ONLY, (A,), equals=1)
    assert chosen([copy(A)], {A: AWAY}) == Choice((), choice.ONLY, (A,))
    assert chosen([]) == Choice((), choice.ONLY, ())
