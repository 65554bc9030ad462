"""Any legal graph can be simulated, whatever breaks: it ends, and nothing is lost that must not."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowbackup.plan import make_plan
from flowbackup.plan.decided import Plan
from flowbackup.simulate import DeviceModel, Event, ObjectModel, Scenario, simulate
from flowbackup.spec import parse_graph
from flowbackup.units import MIB
from tests.plan.written import PLENTY, block_yaml, legal_graphs

SIZE = 40 * MIB


def _plan(written: dict[str, Any]) -> Plan:
    return make_plan(parse_graph(block_yaml(written)), machine=PLENTY)


def _scenario(plan: Plan, events: list[tuple[int, float, float]], seed: int) -> Scenario:
    names = [agent.device.name for agent in plan.agents] + ["here", "n0", "n1"]
    devices, nodes = {a.device.name for a in plan.agents}, {a.node for a in plan.agents}
    chosen = [Event(names[n % len(names)], at, rate) for n, at, rate in events]
    chosen = [e for e in chosen if e.name in (devices if e.rate else devices | nodes)]
    return Scenario(
        device=DeviceModel(50e6, jitter=0.5),
        devices={a.device.name: DeviceModel(50e6, jitter=0.5) for a in plan.agents},
        object=ObjectModel(SIZE), seed=seed,
        events=tuple(chosen),
    )  # fmt: skip


EVENTS = st.lists(
    st.tuples(st.integers(0, 30), st.floats(0, 3), st.sampled_from([0.0, 0.0, 5e6, 200e6])),
    max_size=3,
)


# The node in the middle is lost while answers are on their way to it: they are not for its heir.
HALF_A_CHAIN_AWAY = {
    "graph": "g", "frame_size": "1 MiB", "sync_size": 4 * MIB,
    "nodes": {"n1": {"labels": {"flowbackup.io/node": "n1"}}},
    "clients": {
        name: {"node": "here", "objects": {"o0": {"path": f"/nothing/{name}", "group": "b0"}}}
        for name in ("c0", "c1")
    },
    "devices": {
        f"d{n}": {"path": f"/nowhere/d{n}", "node": "n1" if n == 3 else "here"} for n in range(8)
    },
    "backup_groups": {"b0": {"devices": ["d0", "d1"], "buffers": 9}},
    "mirror_groups": {
        f"m{n}": {"devices": [f"d{2 * n + 2}", f"d{2 * n + 3}"], "buffers": 8} for n in range(3)
    },
    "couplings": [
        {"from": source, "to": target, "when_slow": "detach", "lag_max": 4096}
        for source, target in (("b0", "m0"), ("m0", "m1"), ("b0", "m2"))
    ],
}  # fmt: skip


@given(written=legal_graphs(), events=EVENTS, seed=st.integers(0, 99))
@example(written=HALF_A_CHAIN_AWAY, events=[(10, 0.5, 0.0)], seed=0)
@settings(max_examples=60)
def test_it_ends(
    written: dict[str, Any], events: list[tuple[int, float, float]], seed: int
) -> None:
    plan = _plan(written)
    found = simulate(plan, _scenario(plan, events, seed))
    assert found.outcome in ("success", "incomplete", "failed")
    assert all(part.bytes_peak <= part.bytes_planned for part in found.memory)
    if not any(event.rate == 0 for event in _scenario(plan, events, seed).events):
        detached = {device.agent for device in found.devices if device.failure}
        assert detached <= {edge.target for edge in plan.edges if edge.when_slow == "detach"}
        assert found.bytes_safe == found.bytes_source == SIZE * len(plan.objects)


@given(written=legal_graphs(), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_every_byte_of_a_head_is_on_all_that_it_feeds(written: dict[str, Any], seed: int) -> None:
    plan = _plan(written)
    found = simulate(plan, _scenario(plan, [], seed))
    durable = {device.agent: device.bytes_durable for device in found.devices if not device.failure}
    for edge in plan.edges:
        feeds_all = len({e.source for e in plan.edges if e.target == edge.target}) == 1
        if edge.source in durable and edge.target in durable and feeds_all:
            assert durable[edge.target] == durable[edge.source]
