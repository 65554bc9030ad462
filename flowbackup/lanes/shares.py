"""Whose buffers are whose: the credit of each coupling, and the slots that a client may fill."""

from __future__ import annotations

from itertools import cycle

from flowbackup.errors import GraphError
from flowbackup.flow.sender import in_place
from flowbackup.plan.buffers import dealt_out, demands_of, unserved
from flowbackup.plan.decided import EdgePlan, Plan, SlabPlan, Transport


def share_of(plan: Plan, edge: EdgePlan) -> tuple[int, ...]:
    """The buffers of the target that are filled over this edge, be it in place or from another
    node.  Raises GraphError where somebody would have none and wait for ever."""
    demands = demands_of(plan, edge.target)
    dealt = dealt_out(demands)
    lacking = unserved(dealt, demands)
    if lacking:
        first, last = lacking[0].buffers
        raise GraphError(
            f"{lacking[0].edge}: none of the buffers [{first}:{last}] is left for it; "
            f"{edge.target} is fed by {len(dealt)}: {', '.join(dealt)}",
            remedy="raise its buffers, or give each of them a range of its own",
        )
    return dealt[edge.name]


def own_slab(plan: Plan, client: str) -> SlabPlan | None:
    """A client that sends to another node fills memory of its own."""
    return next((slab for slab in plan.slabs if slab.owner == client), None)


def slab_of(plan: Plan, edge: EdgePlan) -> SlabPlan:
    """The memory in which frames for this edge are filled: the head's where both share it."""
    own = own_slab(plan, edge.source)
    if own is not None and edge.transport is not Transport.SHARED_MEMORY:
        return own
    name = plan.agent(edge.target).slab
    return next(slab for slab in plan.slabs if slab.name == name)


def slots_for(plan: Plan, edge: EdgePlan) -> tuple[tuple[int, int], ...]:
    """The slots that a client may fill for this edge, each with the buffer of the head that it
    stands for: of the head's memory its share; its own memory dealt out to all of its edges,
    where objects are pinned to buffers one slot for each of them, else in turn."""
    share = share_of(plan, edge)
    if edge.transport is Transport.SHARED_MEMORY:
        return tuple(in_place(share).items())
    edges = plan.edges_from(edge.source)
    shares = [len(share_of(plan, each)) for each in edges]
    slots, place = slab_of(plan, edge).slots, edges.index(edge)
    if any(o.buffers for o in plan.objects if o.client == edge.source):
        first = sum(shares[:place])
        return tuple(zip(range(first, first + len(share)), share, strict=True))
    return tuple(zip(range(place, slots, len(edges)), cycle(share), strict=False))
