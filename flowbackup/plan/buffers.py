"""Which buffers of an agent take what comes through a coupling, and whose they are.

A frame keeps its buffer, as a number, from agent to agent: couplings of equally many buffers at
both ends join the first with the first and so on.  Where the numbers differ, whatever is free at
the target takes it, so that it may be in any buffer of the range.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from flowbackup.plan.decided import EdgePlan, ObjectPlan, Plan

Buffers = tuple[int, int]
"""The range [first, last) of an agent's buffers in which a frame may be."""


class Demand(NamedTuple):
    """A range in which an edge needs a buffer of its own."""

    edge: str
    buffers: Buffers


def passed_on(buffers: Buffers, coupled: Buffers, into: Buffers) -> Buffers | None:
    """Where frames of these buffers are behind a coupling; None where it does not take them, or
    not all of them."""
    if not is_inside(buffers, coupled):
        return None
    offset = into[0] - coupled[0]
    if keeps_numbers(coupled, into):
        return buffers[0] + offset, buffers[1] + offset
    return into


def keeps_numbers(coupled: Buffers, into: Buffers) -> bool:
    """Are equally many buffers coupled at both ends?"""
    return coupled[1] - coupled[0] == into[1] - into[0]


def is_inside(buffers: Buffers, coupled: Buffers) -> bool:
    return coupled[0] <= buffers[0] and buffers[1] <= coupled[1]


def overlap(one: Buffers, other: Buffers) -> Buffers | None:
    """The buffers in both ranges."""
    first, last = max(one[0], other[0]), min(one[1], other[1])
    return (first, last) if first < last else None


def count_buffers(ranges: Iterable[Buffers]) -> int:
    """How many buffers there are in any of these ranges."""
    count = end = 0
    for first, last in sorted(ranges):
        count += max(0, last - max(first, end))
        end = max(end, last)
    return count


def into_of(edge: EdgePlan) -> Buffers:
    return edge.into or (edge.first_slot, edge.last_slot)


def edges_behind(
    edges_from: Callable[[str], Iterable[EdgePlan]], agent: str, buffers: Buffers
) -> Iterator[EdgePlan]:
    """The couplings that take what lies in these buffers of an agent, and those behind them."""
    queue = [(agent, buffers)]
    while queue:
        name, held = queue.pop()
        for edge in edges_from(name):
            behind = passed_on(held, (edge.first_slot, edge.last_slot), into_of(edge))
            if behind is not None:
                yield edge
                queue.append((edge.target, behind))


def client_demands(objects: Iterable[ObjectPlan], head: str, buffers: int) -> list[Demand]:
    """What the clients of a head need of its buffers: some of every range that an object may
    use."""
    demands = (
        Demand(f"{item.client} -> {head}", item.buffers or (0, buffers))
        for item in objects
        if head in item.heads
    )
    return list(dict.fromkeys(demands))


def dealt_out(demands: Collection[Demand]) -> dict[str, tuple[int, ...]]:
    """Edge -> the buffers that are filled over it and over no other.  Each range that is demanded
    gets one as far as there are enough (see `unserved`); what is left is dealt out in turn."""
    dealt: dict[str, list[int]] = {demand.edge: [] for demand in demands}
    waiting = list(demands)
    for number in range(max((demand.buffers[1] for demand in demands), default=0)):
        fitting = [demand for demand in demands if _has(demand, number)]
        due = [demand for demand in waiting if _has(demand, number)]
        if due:
            # Who must have his first gets it: no other order serves more of them.
            edge = min(due, key=lambda demand: demand.buffers[1]).edge
        elif fitting:
            edge = min(fitting, key=lambda demand: len(dealt[demand.edge])).edge
        else:
            continue
        dealt[edge].append(number)
        waiting = [d for d in waiting if d.edge != edge or not _has(d, number)]
    return {edge: tuple(numbers) for edge, numbers in dealt.items()}


def unserved(dealt: Mapping[str, Collection[int]], demands: Iterable[Demand]) -> list[Demand]:
    """Demands for which no buffer was left: their frames would wait for ever."""
    return [d for d in demands if not any(_has(d, number) for number in dealt[d.edge])]


def demands_of(plan: Plan, target: str) -> list[Demand]:
    """What everybody who feeds an agent needs of its buffers."""
    clients = client_demands(plan.objects, target, plan.agent(target).slots)
    from_clients = {demand.edge for demand in clients}
    couplings = (e for e in plan.edges_into(target) if e.name not in from_clients)
    return clients + [Demand(edge.name, into_of(edge)) for edge in couplings]


def _has(demand: Demand, number: int) -> bool:
    return demand.buffers[0] <= number < demand.buffers[1]
