"""Group commit: by bytes or by time, whichever is first."""

from __future__ import annotations

from flowbackup.flow.commit import GroupCommit


def test_enough_bytes() -> None:
    commit = GroupCommit(100, 0.5)
    commit.wrote(99, now=0.0)
    assert commit.has_pending and not commit.is_due(0.0)
    commit.wrote(1, now=0.0)
    assert commit.is_due(0.0)


def test_enough_time_since_the_oldest() -> None:
    commit = GroupCommit(100, 0.5)
    commit.wrote(1, now=1.0)
    commit.wrote(1, now=1.4)
    assert not commit.is_due(1.49)
    assert commit.is_due(1.5)


def test_nothing_is_due_after_it_was_asked_for() -> None:
    commit = GroupCommit(100, 0.5)
    assert not commit.has_pending and not commit.is_due(9.0)
    commit.wrote(200, now=0.0)
    commit.asked()
    assert not commit.has_pending and not commit.is_due(9.0)
    commit.wrote(1, now=9.0)
    assert not commit.is_due(9.4)
