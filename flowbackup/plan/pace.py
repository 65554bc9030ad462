"""How fast a session can be, as far as rates are known: flows through devices and couplings.

A head takes as much as the narrowest thing behind it lets pass.  Frames are spread over the heads
of a group by free credit, so that each goes as fast as it can; what several of them feed, they
share.  So all flows grow together until something is full; the heads that it holds up stay as they
are, and the others grow on.  Where nothing is shared, or only by all, that is the largest flow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flowbackup.plan.decided import AgentPlan, EdgePlan

EPSILON = 1e-9
HEADS_MAX = 512
"""The work grows with their square, and a plan is to be there at once."""


@dataclass(frozen=True, slots=True)
class Narrow:
    """What lets only so much pass.  title: the name of a device or coupling.  weights: head ->
    bytes that come through it per byte of that head."""

    title: str
    rate: float
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Pace:
    """rate: bytes of source per second of all heads together.  held_by: what is full then."""

    rate: float
    held_by: tuple[str, ...]


def pace_of(
    agents: tuple[AgentPlan, ...], edges: tuple[EdgePlan, ...],
    loads: Mapping[str, float], edge_loads: Mapping[str, float],
) -> Pace | None:  # fmt: skip
    """loads, edge_loads: bytes through an agent or coupling per byte of source.  None where a head
    is held up by nothing of which the rate is known, or where there are too many of them."""
    names = {agent.name for agent in agents}
    heads = {e.target for e in edges if e.source not in names and e.target in names}
    heads = {head for head in heads if loads[head]}
    weights = _weights(heads, edges, loads, edge_loads)
    narrow: list[Narrow] = []
    for agent in agents:
        rate = known_rate(agent)
        if rate:
            narrow.append(Narrow(agent.device.name, rate, weights[agent.name]))
    for edge in edges:
        part = edge_loads.get(edge.name, 0.0) / (loads.get(edge.source) or 1.0)
        if edge.rate.limit and edge.source in names:
            through = {head: part * weight for head, weight in weights[edge.source].items()}
            narrow.append(Narrow(edge.name, edge.rate.limit, through))
    return _filled(heads, narrow)


def known_rate(agent: AgentPlan) -> int:
    """Bytes per second that its device takes at most, as far as anybody said so; else 0."""
    return min(filter(None, (agent.device.rate, agent.device.rate_limit)), default=0)


def _weights(
    heads: Iterable[str], edges: Iterable[EdgePlan], loads: Mapping[str, float],
    edge_loads: Mapping[str, float],
) -> defaultdict[str, dict[str, float]]:  # fmt: skip
    """Agent -> head -> bytes of that head that come to it, per byte.  edges: predecessors first."""
    weights: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for head in heads:
        weights[head][head] = 1.0
    for edge in edges:
        if edge.source in weights and loads[edge.source]:
            part = edge_loads.get(edge.name, 0.0) / loads[edge.source]
            into = weights[edge.target]
            for head, weight in weights[edge.source].items():
                into[head] = into.get(head, 0.0) + part * weight
    return weights


def _filled(heads: Iterable[str], narrow: Iterable[Narrow]) -> Pace | None:
    flows = dict.fromkeys(heads, 0.0)
    growing, held_by = set(flows), []
    narrow = list(narrow)
    held = {head for each in narrow for head, weight in each.weights.items() if weight > EPSILON}
    if not flows or len(flows) > HEADS_MAX or not growing <= held:
        return None
    while growing:
        found = [(_room(each, flows, growing), each) for each in narrow if _grows(each, growing)]
        step = min(room for room, _ in found)
        for head in growing:
            flows[head] += step
        for room, each in found:
            if room <= step * (1 + EPSILON):
                held_by.append(each.title)
                growing -= {head for head, weight in each.weights.items() if weight > EPSILON}
    return Pace(sum(flows.values()), tuple(dict.fromkeys(held_by)))


def _grows(narrow: Narrow, growing: set[str]) -> bool:
    return any(narrow.weights.get(head, 0.0) > EPSILON for head in growing)


def _room(narrow: Narrow, flows: Mapping[str, float], growing: set[str]) -> float:
    """How far all flows that grow can grow, each by as much."""
    taken = sum(weight * flows[head] for head, weight in narrow.weights.items())
    growth = sum(narrow.weights.get(head, 0.0) for head in growing)
    return max(0.0, narrow.rate - taken) / growth
