"""The oracle about memory: whose slots an agent uses, and what this machine must have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.oracle.chains import Chains, buffers_used, taken
from tests.oracle.expected import Expected, one
from tests.oracle.model import HERE, Agent, Graph, Keys, slot_bytes


class Slab(NamedTuple):
    """Memory on the machine of the command.  keys: of whom asks for it."""

    size_bytes: int
    keys: Keys


def owner(chains: Chains, agent: Agent) -> Agent:
    """Whose memory an agent's frames lie in."""
    while True:
        feeders = chains.feeders(agent)
        if not feeders or {chains.node_of(f) for f in feeders} != {chains.node_of(agent)}:
            return agent
        agent = feeders[0]


def lenders(chains: Chains, agent: Agent) -> set[Agent]:
    """In whose memory something may lie that comes to an agent: several where ways join."""
    if owner(chains, agent) == agent:
        return {agent}
    return set().union(*(lenders(chains, feeder) for feeder in chains.feeders(agent)))


def shared_slots(chains: Chains) -> Iterator[Expected]:
    for agent in chains.agents if chains.is_ordered else ():
        if chains.buffers(agent) > sum(map(chains.buffers, lenders(chains, agent))):
            yield one("shared-slots", *chains.groups[agent[0]][0], "buffers", is_error=False)


def stages(graph: Graph, chains: Chains) -> list[list[Slab]]:
    """The slabs of this machine: of the backup, then of what each restore group reads."""
    readers = {a for a in chains.agents if chains.role(a[0]) == "restore"}
    backup = set(chains.agents) - chains.reached(readers)
    found = [[*_slabs(graph, chains, backup), *_client_slabs(graph, chains)]]
    for name in {c.source.group for c in chains.couplings if chains.joins(c)}:
        part = chains.reached({a for a in readers if a[0] == name})
        found.append(list(_slabs(graph, chains, part)))
    return found


def memory_needed(graph: Graph, chains: Chains) -> int:
    """Bytes of this machine that a legal graph needs: stages follow each other."""
    return max(sum(slab.size_bytes for slab in stage) for stage in stages(graph, chains))


def memory(graph: Graph, chains: Chains, memory_bytes: int | None) -> Iterator[Expected]:
    if memory_bytes is None or not chains.is_ordered:
        return
    found = stages(graph, chains)
    if max(sum(slab.size_bytes for slab in stage) for stage in found) > memory_bytes:
        largest = max(slab.size_bytes for stage in found for slab in stage)
        at = {slab.keys for stage in found for slab in stage if slab.size_bytes == largest}
        yield Expected("memory", frozenset(at))


def _slabs(graph: Graph, chains: Chains, agents: set[Agent]) -> Iterator[Slab]:
    for agent in {owner(chains, agent) for agent in agents}:
        if chains.node_of(agent) == HERE:
            size = 4096 + chains.buffers(agent) * slot_bytes(graph)
            yield Slab(size, (*chains.groups[agent[0]][0], "buffers"))


def _client_slabs(graph: Graph, chains: Chains) -> Iterator[Slab]:
    """A client that has a head on another node fills slots of its own: as many as its largest head
    has, or where something is pinned, one for each buffer that is used."""
    used: dict[str, set[tuple[Agent, int]]] = {}
    pins: set[str] = set()
    for keys, group, item in taken(graph):
        for head, slots in buffers_used(chains, group, item):
            used.setdefault(keys[1], set()).update((head, slot) for slot in slots)
        pins |= {keys[1]} if "buffers" in item else set()
    for client, buffers in used.items():
        here = graph["clients"][client].get("node", HERE)
        if here == HERE and any(chains.node_of(head) != here for head, _ in buffers):
            largest = max(chains.buffers(head) for head, _ in buffers)
            slots = len(buffers) if client in pins else largest
            yield Slab(4096 + slots * slot_bytes(graph), ("clients", client))
