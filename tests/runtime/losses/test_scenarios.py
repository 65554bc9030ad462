"""Target F8: real losses on a cluster of three nodes, each with what must hold behind it.

A scenario is a line in one of the tables beside this file.  What is judged is in invariants.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from flowbackup.model.report import SessionReport
from tests.runtime.losses import devices, killed, nodes, processes, sources
from tests.runtime.losses.invariants import check_invariants
from tests.runtime.losses.scenario import Scenario
from tests.runtime.losses.world import World
from tests.targets import Loss, Target

pytestmark = [pytest.mark.ray]

SCENARIOS = (
    *devices.SCENARIOS, *nodes.SCENARIOS, *processes.SCENARIOS, *sources.SCENARIOS,
    *killed.SCENARIOS,
)  # fmt: skip


QUICK = {
    "client killed: frame 14", "no space on level 1: frame 10", "source file vanishes: frame 10",
}  # fmt: skip
"""Those that are run each time: one each of processes, devices and sources."""


@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(each, id=str(each), marks=() if str(each) in QUICK else pytest.mark.slow)
        for each in SCENARIOS
    ],
)
def test_what_is_lost_costs_what_it_must_and_no_more(
    one_cluster: Cluster, memory_path: Path, monkeypatch: pytest.MonkeyPatch, target: Target,
    loss: Callable[[Loss], None], scenario: Scenario,
) -> None:  # fmt: skip
    world = World(
        one_cluster, memory_path, monkeypatch, extra_devices=scenario.extra_devices,
        rates=scenario.rates, groups=scenario.groups, options=scenario.options,
        through_cache=scenario.through_cache,
    )  # fmt: skip
    for name, seconds in scenario.limits.items():
        monkeypatch.setattr(name, seconds)
    with world.after:
        report = _play(world, scenario)
    outcome = f"{report.outcome}, exit {report.exit_code}"
    loss(
        Loss(
            scenario.fault, str(scenario.moment), world.script.replayed(), outcome,
            world.script.longest_pause(), scenario.agent_killed,
        )
    )  # fmt: skip
    target("F8", cases=1, text="real losses: invariants A to F held, and nothing was left behind")


def _play(world: World, scenario: Scenario) -> SessionReport:
    scenario.prepare(world)
    try:
        report = world.run(scenario.moment, scenario.act)
    finally:
        scenario.mend(world)
    expected = scenario.expected
    assert tuple(d.state for d in report.devices) == tuple(expected.states), report.problems
    assert report.exit_code == expected.exit_code, report.problems
    assert tuple(o.copies_durable for o in report.objects) == expected.copies, report.problems
    assert re.search(expected.says, "\n".join(p.text for p in report.problems)), report.problems
    if expected.reads_all:
        assert report.bytes_read == world.source_bytes()
    assert world.leaks(scenario.unsealed) == []
    check_invariants(world, report, beyond_repair=scenario.beyond_repair)
    assert world.leaks(scenario.unsealed) == []
    return report
