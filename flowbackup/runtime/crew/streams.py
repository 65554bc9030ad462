"""Which streams lead to which media agents: what each device of a session is meant to hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from flowbackup.flow.sender import Lane
from flowbackup.flow.spread import Way
from flowbackup.plan.decided import AgentPlan, EdgePlan, Plan
from flowbackup.plan.groups import RESTORE

ALL_BUFFERS = (0, 1 << 30)


def coupled_buffers(plan: Plan, edge: EdgePlan) -> tuple[int, int]:
    """The range of slots whose frames take this edge.  An agent may have fewer buffers than the
    head whose slots it shares: one that is coupled with all of its own passes on whatever comes."""
    return ALL_BUFFERS if is_whole(plan, edge) else (edge.first_slot, edge.last_slot)


def is_whole(plan: Plan, edge: EdgePlan) -> bool:
    """Are all buffers of its source coupled?"""
    slots = {agent.name: agent.slots for agent in plan.agents}
    return edge.first_slot == 0 and edge.last_slot >= slots.get(edge.source, 0)


def lanes_of(plan: Plan) -> tuple[Lane, ...]:
    """One lane, and so one stream, for each client edge and each way through its head."""
    clients = tuple(dict.fromkeys(o.client for o in plan.objects))
    ways = [
        (edge, way)
        for client in clients
        for edge in plan.edges_from(client)
        for way in _ways(plan, edge.target)
    ]
    return tuple(
        Lane(edge.name, stream, first, last) for stream, (edge, (first, last)) in enumerate(ways, 1)
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


def agents_behind(plan: Plan, head: str, buffers: tuple[int, int] | None) -> list[AgentPlan]:
    """The agents through which every frame comes that is sent in these buffers of a head."""
    first, last = buffers or (0, plan.agent(head).slots)
    reached: list[AgentPlan] = []
    queue = [head]
    while queue:
        agent = plan.agent(queue.pop())
        reached.append(agent)
        for edge in plan.edges_from(agent.name):
            coupled = coupled_buffers(plan, edge)
            if coupled[0] <= first and last <= coupled[1]:
                queue.append(edge.target)
    return reached


def streams_of(plan: Plan) -> Mapping[str, tuple[int, ...]]:
    """Agent -> the streams whose frames come to it; () for an agent to which all of them come."""
    lanes = lanes_of(plan)
    targets = {edge.name: edge.target for edge in plan.edges}
    found: dict[str, list[int]] = {agent.name: [] for agent in plan.agents}
    for lane in lanes:
        for agent in agents_behind(plan, targets[lane.edge], (lane.first_slot, lane.last_slot)):
            found[agent.name].append(lane.stream)
    return {
        name: () if len(streams) == len(lanes) else tuple(streams)
        for name, streams in found.items()
    }


def _ways(plan: Plan, head: str) -> Iterator[tuple[int, int]]:
    """The head's buffers, cut where a coupling begins or ends."""
    slots = plan.agent(head).slots
    cuts = {0, slots}
    for edge in plan.edges_from(head):
        first, last = coupled_buffers(plan, edge)
        cuts |= {first, min(last, slots)}
    return pairwise(sorted(cuts))
