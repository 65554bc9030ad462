"""Slow is not stalled."""

from __future__ import annotations

from flowbackup.flow.patience import Patience


def test_only_time_without_progress_counts() -> None:
    patience = Patience(10)
    verdicts = [patience.is_over("a", owes=True, done=now // 9, now=now) for now in range(60)]
    assert not any(verdicts)


def test_who_does_nothing_for_too_long_is_stalled() -> None:
    patience = Patience(10)
    assert not patience.is_over("a", owes=True, done=1, now=0)
    assert not patience.is_over("a", owes=True, done=1, now=9)
    assert not patience.is_over("b", owes=True, done=1, now=9)
    assert patience.is_over("a", owes=True, done=1, now=10)


def test_who_owes_nothing_may_rest() -> None:
    patience = Patience(10)
    for now in (0, 50, 100):
        assert not patience.is_over("a", owes=False, done=1, now=now)
    assert not patience.is_over("a", owes=True, done=1, now=109)
    assert patience.is_over("a", owes=True, done=1, now=110)
