"""The oracle about buffers: an object is put into those that it may use, and followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.oracle.chains import Chains, Edge, buffers_used, taken
from tests.oracle.expected import Expected, one
from tests.oracle.model import Agent, Graph, Keys, buffers_of


class Journey(NamedTuple):
    """Of everything that is put into some buffers of an agent.  over: agent -> the couplings over
    which all of it comes there.  halved: couplings that take a part of it."""

    over: dict[Agent, list[Edge]]
    halved: list[Edge]


def journey(chains: Chains, head: Agent, slots: set[int]) -> Journey:
    over: dict[Agent, list[Edge]] = {head: []}
    halved: list[Edge] = []
    queue = [(head, slots)]
    while queue:
        agent, held = queue.pop()
        for edge in (e for e in chains.edges if e.source == agent != e.target):
            if held <= set(edge.slots):
                is_new = edge.target not in over
                over.setdefault(edge.target, []).append(edge)
                if is_new:
                    queue.append((edge.target, edge.where(held)))
            elif held & set(edge.slots):
                halved.append(edge)
    return Journey(over, halved)


def fits(chains: Chains, group: str, item: Graph) -> bool:
    """Are the buffers of the object some that its group has?"""
    return "buffers" not in item or item["buffers"].last <= buffers_of(chains.groups[group][1])


def all_goes_on(chains: Chains) -> bool:
    """Do heads alone pass on a part of their buffers only?"""
    return all(
        edge.slots == range(chains.buffers(edge.source))
        for edge in chains.edges
        if chains.role(edge.source[0]) != "backup"
    )


def halves(graph: Graph, chains: Chains, are_sound: bool) -> Iterator[Expected]:
    """Do all buffers that an object may use lead to the same devices?"""
    for keys, head, slots in _uses(graph, chains):
        ways = {
            frozenset(e.target for e in chains.edges if e.source == head and slot in e.slots)
            for slot in slots
        }
        is_told = chains.is_ordered and are_sound and not all_goes_on(chains)
        deep = journey(chains, head, slots).halved if is_told else []
        if len(ways) > 1 or any(chains.role(edge.source[0]) != "backup" for edge in deep):
            yield one("half-mirrored", *keys, "buffers")


def counts_of(chains: Chains, group: str, item: Graph) -> Iterator[int]:
    """Devices that get what an object puts into each of its heads, where none gets a half."""
    for head, slots in buffers_used(chains, group, item):
        found = journey(chains, head, set(slots))
        if not found.halved:
            yield len(found.over)


def ways(graph: Graph, chains: Chains, are_sound: bool) -> Iterator[Expected]:
    """Does a frame come to an agent twice, and has everybody buffers of his own there?"""
    joints = [a for a in chains.agents if len(chains.feeders(a)) > 1]
    if chains.is_ordered and are_sound and any(chains.role(group) != "copy" for group, _ in joints):
        for _, head, slots in _uses(graph, chains):
            yield from _twice(journey(chains, head, slots))
        yield from _copies_twice(chains)
    yield from _crowded(graph, chains)


def _twice(journey_: Journey) -> Iterator[Expected]:
    for edges in journey_.over.values():
        if len(edges) > 1:
            yield Expected("two-ways", frozenset(edge.keys for edge in edges))


def _copies_twice(chains: Chains) -> Iterator[Expected]:
    """Copies lie in any buffers, and two groups may copy the same."""
    group_of: dict[Agent, str] = {}
    for agent in (a for a in chains.agents if chains.role(a[0]) == "copy"):
        yield from _twice(journey(chains, agent, set(range(chains.buffers(agent)))))
        behind = chains.reached({agent})
        for edge in (e for e in chains.edges if e.source in behind):
            if edge.source == edge.target:
                continue  # What feeds itself is told as that.
            if group_of.setdefault(edge.target, agent[0]) != agent[0]:
                yield one("two-ways", *edge.keys)


class Need(NamedTuple):
    """One of these buffers must be this feeder's own."""

    feeder: str
    slots: range


def _crowded(graph: Graph, chains: Chains) -> Iterator[Expected]:
    needs: dict[Agent, dict[Need, Keys]] = {}
    for keys, head, slots in _uses(graph, chains):
        need = Need(keys[1], range(min(slots), max(slots) + 1))
        needs.setdefault(head, {}).setdefault(need, (*keys, "buffers"))
    for edge in chains.edges:
        if chains.role(edge.source[0]) == "restore":
            need = Need(".".join(edge.source), edge.into)
            needs.setdefault(edge.target, {}).setdefault(need, edge.keys)
    for of_agent in needs.values():
        if not _can_be_met(sorted(of_agent, key=lambda need: len(need.slots)), {}):
            yield Expected("shared-buffers", frozenset(of_agent.values()))


def _can_be_met(needs: list[Need], owners: dict[int, str]) -> bool:
    """Tries every way to give them buffers, the scarcest first."""
    if not needs:
        return True
    (feeder, slots), *others = needs
    if any(owners.get(slot) == feeder for slot in slots):
        return _can_be_met(others, owners)
    free = [slot for slot in slots if slot not in owners][: len(others) + 1]
    return any(_can_be_met(others, {**owners, slot: feeder}) for slot in free)


def _uses(graph: Graph, chains: Chains) -> Iterator[tuple[Keys, Agent, set[int]]]:
    """Every object, a head that may take it, and the buffers there that it may use."""
    for keys, group, item in taken(graph):
        if fits(chains, group, item):
            for head, slots in buffers_used(chains, group, item):
                yield keys, head, set(slots)
