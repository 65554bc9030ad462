"""Target F7: the machines of flow/ in random orders of events.  A failure names its seed;
`Schedule(seed).run()` shows it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from flowbackup.testing.schedules import Schedule, ScheduleReport
from tests.faults.parallel import shared_out
from tests.targets import Target

QUICK = 2_000
FULL = 100_000
KEPT = "effect exactly once, credit never exceeded, released only what is durable, always an end"


def run(seeds: Sequence[int]) -> list[ScheduleReport]:
    return [Schedule(seed).run() for seed in seeds]


def check(folder: Path, seeds: Sequence[int]) -> int:
    """How many were run."""
    return len(run(seeds))


def test_quick_schedules_keep_every_rule_and_reach_every_corner(target: Target) -> None:
    reports = run(range(QUICK))
    faults = Counter(fault for report in reports for fault in report.faults)
    assert min(faults[name] for name in ("restart_buffer", "restart_writer")) > QUICK / 4
    assert min(faults[name] for name in ("fail_device", "give_up")) > QUICK / 20
    assert min(faults[name] for name in ("attach", "detach")) > QUICK / 5
    assert sum(report.acknowledged for report in reports) > 5 * QUICK
    assert sum(report.doubles for report in reports) > QUICK
    assert sum(report.gaps for report in reports) > QUICK / 2
    assert sum(report.refused for report in reports) > QUICK / 20
    assert {report.agents for report in reports} >= set(range(1, 11))
    target("F7", cases=QUICK, text=KEPT)


def test_a_schedule_depends_on_its_seed_alone() -> None:
    assert Schedule(7).run() == Schedule(7).run()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_all_schedules_keep_every_rule(part: int, target: Target) -> None:
    size = (FULL - QUICK) // 10
    first = QUICK + part * size
    assert sum(shared_out(check, range(first, first + size))) == size
    target("F7", cases=size, text=KEPT)
