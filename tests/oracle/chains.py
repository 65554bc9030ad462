"""The agents of a graph and who feeds whom: found by walking, not by sorting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tests.oracle.model import (
    HERE,
    ROLES,
    Agent,
    End,
    Graph,
    Keys,
    Short,
    buffers_of,
    groups,
    objects,
)


class Coupling(NamedTuple):
    """As written; keys: where."""

    source: End
    target: End
    keys: Keys
    options: Graph


class Edge(NamedTuple):
    """Of two agents.  slots: the buffers of the source that it couples; into: those of the target
    that take what was in them; has_own: whether these were written."""

    source: Agent
    target: Agent
    slots: range
    into: range
    has_own: bool
    keys: Keys
    joins: bool

    def where(self, slots: set[int]) -> set[int]:
        """The buffers of the target in which something may be that is in one of these."""
        if len(self.slots) != len(self.into):
            return set(self.into)
        return {slot - self.slots[0] + self.into[0] for slot in slots}


class Chains:
    """Everything that follows from names and couplings."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.groups: dict[str, tuple[Keys, Graph]] = {}
        for keys, name, group in groups(graph):
            self.groups.setdefault(name, (keys, group))
        self.couplings = list(_couplings(graph))
        self.agents = [(name, d) for name in self.groups for d in self.at_work(name)]
        self.edges = list(self._edges())
        self.levels = self._levels()
        self.copied = self._copied()

    def role(self, group: str) -> str:
        return ROLES[self.groups[group][0][0]] if group in self.groups else ""

    def at_work(self, group: str) -> list[str]:
        """Devices of which each has an agent."""
        written = self.groups[group][1]
        devices = list(dict.fromkeys(written["devices"]))
        return devices if self.role(group) == "restore" else devices[: written.get("max")]

    def spares(self, group: str) -> list[str]:
        """Devices that wait for another one to fail."""
        written = self.groups[group][1]
        if self.role(group) == "restore":
            return []
        working = self.at_work(group)
        waiting = [d for d in written["devices"] if d not in working]
        return list(dict.fromkeys([*waiting, *written.get("reserve", [])]))

    def ends(self, end: End) -> list[Agent]:
        """The agents that an end names."""
        working = self.at_work(end.group) if end.group in self.groups else []
        return [(end.group, d) for d in working if end.device in (None, d)]

    def joins(self, coupling: Coupling) -> bool:
        return (self.role(coupling.source.group), self.role(coupling.target.group)) == (
            "restore", "copy",
        )  # fmt: skip

    def node_of(self, agent: Agent) -> str:
        return str(self.graph.get("devices", {}).get(agent[1], {}).get("node", HERE))

    def buffers(self, agent: Agent) -> int:
        return buffers_of(self.groups[agent[0]][1])

    def feeders(self, agent: Agent) -> list[Agent]:
        found = [e.source for e in self.edges if e.target == agent and e.source != agent]
        return list(dict.fromkeys(found))

    @property
    def is_ordered(self) -> bool:
        return all(self.levels[agent] is not None for agent in self.agents)

    def reached(self, agents: set[Agent]) -> set[Agent]:
        """These and all behind them."""
        found, queue = set(agents), list(agents)
        while queue:
            agent = queue.pop()
            for edge in self.edges:
                if edge.source == agent and edge.target not in found:
                    found.add(edge.target)
                    queue.append(edge.target)
        return found

    def _edges(self) -> Iterator[Edge]:
        for coupling in self.couplings:
            sources, targets = self.ends(coupling.source), self.ends(coupling.target)
            pairs: list[tuple[Agent, Agent]] = []
            if self.joins(coupling):
                pairs = [(s, t) for s in sources for t in targets]
            elif len(sources) == 1:
                pairs = [(sources[0], t) for t in targets]
            elif len(sources) == len(targets):
                pairs = list(zip(sources, targets, strict=True))
            for source, target in pairs:
                slots = self._part(source, coupling.source)
                into = self._part(target, coupling.target)
                has_own = coupling.target.first is not None
                joins = self.joins(coupling)
                yield Edge(source, target, slots, into, has_own, coupling.keys, joins)

    def _part(self, agent: Agent, end: End) -> range:
        whole = range(self.buffers(agent))
        return whole if end.first is None else range(end.first, end.last or 0)

    def _levels(self) -> dict[Agent, int | None]:
        """Couplings behind a head, the longest way; None where no head leads to, or a cycle."""
        feeders = {agent: self.feeders(agent) for agent in self.agents}
        settled: dict[Agent, int | None] = {}
        changed = True
        while changed:
            changed = False
            for agent in self.agents:
                if agent in settled or any(f not in settled for f in feeders[agent]):
                    continue
                before = [settled[f] for f in feeders[agent]]
                known = [level for level in before if level is not None]
                is_head = self.role(agent[0]) in ("backup", "restore")
                settled[agent] = max(known) + 1 if known else 0 if is_head else None
                changed = True
        return {agent: settled.get(agent) for agent in self.agents}

    def _copied(self) -> set[Agent]:
        """What restore agents feed, and all behind it; as far as it has levels."""
        readers = {a for a in self.agents if self.role(a[0]) == "restore"}
        behind = {e.target for e in self.edges if e.source in readers}
        return {agent for agent in self.reached(behind) if self.levels[agent] is not None}


def _couplings(graph: Graph) -> Iterator[Coupling]:
    for section, word in (("mirror_groups", "mirrors"), ("copy_groups", "copies")):
        for name, group in graph.get(section, {}).items():
            if word in group:
                yield Coupling(group[word], End(str(name)), (section, name, word), {})
    for index, written in enumerate(graph.get("couplings", [])):
        yield Coupling(*ends_of(written), ("couplings", index), options_of(written))


def ends_of(written: Any) -> tuple[End, End]:
    """Both ends of an explicit coupling."""
    if isinstance(written, Short):
        return written.source, written.target
    return written["from"], written["to"]


def options_of(written: Any) -> Graph:
    return {} if isinstance(written, Short) else written


def taken(graph: Graph) -> Iterator[tuple[Keys, str, Graph]]:
    """Objects of which the backup group is known."""
    backups = graph.get("backup_groups", {})
    for keys, _, item in objects(graph):
        group = item.get("group", next(iter(backups)) if len(backups) == 1 else None)
        if group in backups:
            yield keys, str(group), item


def buffers_used(chains: Chains, group: str, item: Graph) -> Iterator[tuple[Agent, Iterable[int]]]:
    """The buffers that an object may use, of each of its heads."""
    part = item.get("buffers")
    for device in chains.at_work(group):
        head = (group, device)
        if part is None:
            yield head, range(chains.buffers(head))
        elif part.device == device:
            yield head, range(part.first, min(part.last, chains.buffers(head)))
