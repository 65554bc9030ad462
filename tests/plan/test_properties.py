"""Any legal graph is accepted, comes back equal and is placed; any planted fault is named."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import HealthCheck, given, settings

from flowbackup.errors import GraphError
from flowbackup.plan import check, draw, make_plan
from flowbackup.plan.decided import Transport
from flowbackup.spec import Severity, dump_graph, parse_graph
from tests.plan.written import MEANING, PLENTY, Graph, block_yaml, legal_graphs

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
PLANTED = settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(legal_graphs())
def test_a_legal_graph_is_accepted_and_comes_back_equal(graph: Graph) -> None:
    document = parse_graph(block_yaml(graph))

    errors = [f for f in check(document, machine=PLENTY) if f.severity is Severity.ERROR]

    assert errors == []
    assert parse_graph(dump_graph(document)) == document
    assert parse_graph(dump_graph(document.spec)).spec == document.spec


@QUICK
@given(legal_graphs())
def test_a_plan_places_every_agent_and_shares_slabs_on_a_node(graph: Graph) -> None:
    plan = make_plan(parse_graph(block_yaml(graph)), machine=PLENTY)
    agents = {agent.name: agent for agent in plan.agents}
    slabs = {slab.name: slab for slab in plan.slabs}

    assert pickle.loads(pickle.dumps(plan)) == plan
    for agent in plan.agents:
        assert agent.node == graph["devices"][agent.device.name]["node"]
        assert slabs[agent.slab].node == agent.node
        assert agent.name in slabs[agent.slab].users
        assert agent.slots <= slabs[agent.slab].slots
    for edge in plan.edges:
        if edge.source in agents:
            source, target = agents[edge.source], agents[edge.target]
            same = source.node == target.node
            assert target.level == source.level + 1
            assert edge.transport is (Transport.SHARED_MEMORY if same else Transport.DIRECT)
            assert (target.slab == source.slab) is same
        else:
            local = edge.source in slabs[agents[edge.target].slab].users
            assert local is (edge.transport is Transport.SHARED_MEMORY)
            assert local is not (edge.source in slabs)
    assert sum(dict(plan.memory_bytes).values()) == sum(s.size_bytes for s in plan.slabs)
    for form in ("text", "mermaid", "svg"):
        picture = draw(plan, form)
        assert all(name in picture for name in agents)


@pytest.mark.parametrize("fault", MEANING)
@PLANTED
@given(graph=legal_graphs())
def test_a_planted_fault_is_named(fault: str, graph: Graph) -> None:
    rule, plant = MEANING[fault]
    graph = copy.deepcopy(graph)
    plant(graph)
    document = parse_graph(block_yaml(graph))

    findings = check(document, machine=PLENTY)

    found = [f for f in findings if f.severity is Severity.ERROR and f.rule == rule]
    assert found, [str(f) for f in findings]
    assert all(f.remedy for f in findings)
    with pytest.raises(GraphError) as caught:
        make_plan(document, machine=PLENTY)
    assert str(found[0]) in caught.value.findings
    assert caught.value.exit_code == 10
