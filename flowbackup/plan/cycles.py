"""Knots of agents that feed each other.  Imported only where there is one: networkx takes longer to
import than a whole check."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx


def named_cycles(feeders: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """One cycle of each knot, in the direction of the frames."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(feeders)
    graph.add_edges_from((source, name) for name in feeders for source in feeders[name])
    cycles = []
    for knot in nx.strongly_connected_components(graph):
        if len(knot) > 1:
            edges = nx.find_cycle(graph.subgraph(knot), min(knot))
            cycles.append(tuple(source for source, _ in edges))
    return tuple(cycles)
