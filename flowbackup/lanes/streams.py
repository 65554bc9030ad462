"""Which streams lead to which media agents: what each device of a session is meant to hold."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from flowbackup.flow.sender import Lane
from flowbackup.flow.spread import Way
from flowbackup.plan.buffers import Buffers, edges_behind, into_of, keeps_numbers, overlap
from flowbackup.plan.decided import AgentPlan, EdgePlan, Plan
from flowbackup.plan.groups import RESTORE

NO_STREAM = -1
"""In a report, of a device that nothing is meant for; streams count from 0."""


def lanes_of(plan: Plan) -> tuple[Lane, ...]:
    """One lane, and so one stream, for each client edge and each way through its head."""
    clients = tuple(dict.fromkeys(o.client for o in plan.objects))
    lanes = [
        (edge, buffers)
        for client in clients
        for edge in plan.edges_from(client)
        for buffers in pairwise(sorted(_cuts(plan, edge.target, _all_buffers(plan, edge.target))))
    ]
    return tuple(
        Lane(edge.name, stream, first, last)
        for stream, (edge, (first, last)) in enumerate(lanes, 1)
    )


def ways_of(plan: Plan) -> tuple[Way, ...]:
    """One way, and so one stream, for each edge of a restore agent.  Who is fed by several gives
    each of them a share of its credit."""
    readers = {agent.name for agent in plan.agents if agent.role == RESTORE}
    edges = [edge for edge in plan.edges if edge.source in readers]
    return tuple(
        Way(edge.name, edge.spread, stream, max(1, plan.agent(edge.target).slots // feeders))
        for stream, edge in enumerate(edges, 1)
        for feeders in (len(plan.edges_into(edge.target)),)
    )


def agents_behind(plan: Plan, head: str, buffers: Buffers | None) -> list[AgentPlan]:
    """The agents through which every frame comes that is sent in these buffers of a head."""
    edges = edges_behind(plan.edges_from, head, buffers or _all_buffers(plan, head))
    return [plan.agent(head), *(plan.agent(edge.target) for edge in edges)]


def streams_of(plan: Plan) -> Mapping[str, tuple[int, ...]]:
    """Agent -> the streams whose frames come to it; () for an agent to which all of them come,
    NO_STREAM alone for one to which none does."""
    routes = _routes(plan)
    found: dict[str, list[int]] = {agent.name: [] for agent in plan.agents}
    for stream, edges in routes.items():
        for edge in edges:
            found[edge.target].append(stream)
    return {
        name: () if len(streams) == len(routes) else tuple(streams) or (NO_STREAM,)
        for name, streams in found.items()
    }


def streams_over(plan: Plan) -> Mapping[str, tuple[int, ...]]:
    """Edge -> the streams whose frames take it."""
    found: dict[str, list[int]] = {edge.name: [] for edge in plan.edges}
    for stream, edges in _routes(plan).items():
        for edge in edges:
            found[edge.name].append(stream)
    return {name: tuple(streams) for name, streams in found.items()}


def _routes(plan: Plan) -> dict[int, list[EdgePlan]]:
    """Stream -> the edges over which it goes, from its first to the ends of the chains."""
    edges = {edge.name: edge for edge in plan.edges}
    starts = [(edges[lane.edge], lane.stream, _of(lane)) for lane in lanes_of(plan)]
    for way in ways_of(plan):
        edge = edges[way.edge]
        starts.append((edge, way.stream, _all_buffers(plan, edge.target)))
    return {
        stream: [edge, *edges_behind(plan.edges_from, edge.target, buffers)]
        for edge, stream, buffers in starts
    }


def _cuts(plan: Plan, agent: str, buffers: Buffers) -> set[int]:
    """These buffers of an agent, cut where a coupling begins or ends, here or further behind."""
    cuts = set(buffers)
    for edge in plan.edges_from(agent):
        coupled, into = (edge.first_slot, edge.last_slot), into_of(edge)
        part = overlap(buffers, coupled)
        if part is None:
            continue
        cuts.update(part)
        if keeps_numbers(coupled, into):
            offset = into[0] - coupled[0]
            behind = _cuts(plan, edge.target, (part[0] + offset, part[1] + offset))
            cuts.update(cut - offset for cut in behind)
    return cuts


def _all_buffers(plan: Plan, agent: str) -> Buffers:
    return 0, plan.agent(agent).slots


def _of(lane: Lane) -> Buffers:
    return lane.first_slot, lane.last_slot
