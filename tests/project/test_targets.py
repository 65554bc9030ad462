"""The table of targets at the end of a run."""

from __future__ import annotations

import pytest

from tests.targets import Loss, Recorder, Shown, loss_table, table


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


def test_losses_have_a_line_each_and_pauses_behind_killed_agents_are_compared() -> None:
    losses = [
        Loss("media agent killed", "first frame", 3, "success", 1.5, agent_killed=True),
        Loss("node lost", "frame 14", 0, "incomplete, exit 4", 7.25),
    ]
    assert loss_table(losses) == [
        "fault               moment       replayed  outcome             went on after",
        "media agent killed  first frame  3 frames  success             1.50 s",
        "node lost           frame 14     0 frames  incomplete, exit 4  7.25 s",
        "longest pause behind a killed media agent: 1.50 s in 1 cases; the target of 5 s is met",
    ]
    late = Loss("media agent killed", "frame 2", 0, "success", 5.0, agent_killed=True)
    assert loss_table([*losses, late])[-1].endswith(
        "5.00 s in 2 cases; the target of 5 s is NOT met"
    )
    assert loss_table(losses[1:])[-1].startswith("node lost")
    assert loss_table([]) == []
