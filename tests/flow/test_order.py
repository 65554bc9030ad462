"""Each frame of a stream is accepted once and in sequence; gaps are asked for, once each."""

from __future__ import annotations

import pytest

from flowbackup.flow import order as module
from flowbackup.flow.order import StreamOrder, Verdict


@pytest.mark.parametrize(
    ("sequence", "digest", "verdict"),
    [
        (2, b"c", Verdict.ACCEPT),
        (1, b"b", Verdict.DOUBLE),
        (1, b"x", Verdict.CONFLICT),
        (3, b"d", Verdict.GAP),
    ],
)
def test_verdicts(sequence: int, digest: bytes, verdict: Verdict) -> None:
    order = StreamOrder()
    order.accept(0, b"a")
    order.accept(1, b"b")
    assert order.judge(sequence, digest) is verdict
    assert order.expected == 2


def test_what_lies_directly_below_a_frame_may_be_skipped_when_it_was_released() -> None:
    order = StreamOrder()
    order.advance(floor=0, sequence=5)
    assert order.judge(5, b"f") is Verdict.ACCEPT
    assert order.judge(4, b"?") is Verdict.DOUBLE  # released by an earlier self: digest unknown
    order.advance(floor=6, sequence=8)  # 5 is still owed
    assert order.judge(8, b"i") is Verdict.GAP
    order.advance(floor=0, sequence=2)
    assert order.expected == 5


def test_a_missing_frame_is_asked_for_once_for_each_edge() -> None:
    order = StreamOrder()
    assert order.must_ask("a", 1)
    assert not order.must_ask("a", 2)
    assert order.must_ask("b", 2)


def test_frames_dropped_after_the_question_are_asked_for_when_their_turn_comes() -> None:
    order = StreamOrder()
    order.must_ask("a", 1)
    order.must_ask("a", 2)
    order.accept(0, b"")
    assert order.overdue() == ["a"]
    assert not order.must_ask("a", 2), "the question for 1 is out already"
    order.accept(1, b"")
    order.accept(2, b"")
    assert order.overdue() == []


def test_memory_of_digests_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED_DIGESTS", 2)
    order = StreamOrder()
    for sequence in range(3):
        order.accept(sequence, b"a")
    assert order.judge(0, b"x") is Verdict.DOUBLE
    assert order.judge(1, b"x") is Verdict.CONFLICT
