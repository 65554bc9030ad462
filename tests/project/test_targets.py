"""The table of targets at the end of a run."""

from __future__ import annotations

import pytest

from tests.targets import Recorder, Shown, table


def test_parts_of_one_target_share_a_line_and_lines_stand_by_number() -> None:
    shown = [
        Shown("F10", 1, "told", 0.26),
        Shown("F7", 9_800, "kept", 1.5, 0.25, 2 << 20),
        Shown("F7", 2_000, "reached", 1.0),
        Shown("F7", 9_800, "kept", 1.5, 1.0),
    ]
    assert table(shown) == [
        "target   cases  seconds  seen",
        "F7      19,600      3.0  kept; the longest took 1.00 s; the largest 2.0 MiB",
        "F7       2,000      1.0  reached",
        "F10          1      0.3  told",
    ]


def test_a_run_without_targets_has_no_table() -> None:
    assert table([]) == []


def test_time_counts_from_the_beginning_of_the_test_unless_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.monotonic", iter([100.0, 102.5, 104.0]).__next__)
    shown: list[Shown] = []
    record = Recorder(shown)
    record("F2", cases=4, text="none lost")
    record("F1", cases=3, text="none lost", seconds=7.5)
    assert shown == [Shown("F2", 4, "none lost", 2.5), Shown("F1", 3, "none lost", 7.5)]
