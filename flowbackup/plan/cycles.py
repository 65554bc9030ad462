"""What closes to a cycle in a graph that must not have any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

Feeders = Mapping[str, tuple[str, ...]]
_SHOWN_MAX = 8


def cycles_of(feeders: Feeders) -> tuple[tuple[str, ...], ...]:
    """One cycle of each knot of things that come from each other, in the direction of the data;
    none where everything has an order.  feeders: what each of them comes from."""
    try:
        TopologicalSorter(feeders).prepare()
    except CycleError:
        return _one_of_each_knot(feeders)
    return ()


def way_of(cycle: Sequence[str]) -> str:
    """A cycle in words."""
    return " -> ".join((*cycle, cycle[0])) if len(cycle) <= _SHOWN_MAX else f"{len(cycle)} in a row"


def _one_of_each_knot(feeders: Feeders) -> tuple[tuple[str, ...], ...]:
    import networkx as nx  # noqa: PLC0415  takes longer than a whole check, and is seldom needed

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(feeders)
    graph.add_edges_from((source, name) for name in feeders for source in feeders[name])
    cycles = []
    for knot in nx.strongly_connected_components(graph):
        if len(knot) > 1:
            edges = nx.find_cycle(graph.subgraph(knot), min(knot))
            cycles.append(tuple(source for source, _ in edges))
    return tuple(cycles)
