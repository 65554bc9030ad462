"""What every rule may look at: the document, and what follows from it, worked out once."""

from __future__ import annotations

import os
from dataclasses import dataclass

from flowbackup.model.device import HERE
from flowbackup.plan.graph import (
    AgentDraft,
    CouplingDraft,
    GroupDraft,
    LinkDraft,
    agents_at,
    agents_of,
    couplings_of,
    drafted_groups,
    feeders_of,
    joins,
    levels_of,
    links_of,
)
from flowbackup.plan.groups import RESTORE, groups_of
from flowbackup.plan.machine import Machine, this_machine
from flowbackup.spec.document import GraphDocument
from flowbackup.spec.endpoint import Endpoint
from flowbackup.spec.finding import MADE_PATH, Finding, Suggester, error, warning
from flowbackup.spec.models import GraphSpec
from flowbackup.spec.tree import Key


@dataclass(frozen=True, slots=True)
class Context:
    """One graph under examination.  levels: couplings behind a head (clients feed backup agents,
    media restore agents), the longest way.  copied: agents behind restore agents."""

    document: GraphDocument
    machine: Machine
    groups: dict[str, GroupDraft]
    agents: dict[str, AgentDraft]
    couplings: tuple[CouplingDraft, ...]
    links: tuple[LinkDraft, ...]
    feeders: dict[str, tuple[str, ...]]
    levels: dict[str, int]
    copied: frozenset[str]
    suggester: Suggester

    @property
    def spec(self) -> GraphSpec:
        return self.document.spec

    @property
    def is_ordered(self) -> bool:
        """Has every agent a level?  Not where couplings close to a cycle."""
        return len(self.levels) == len(self.agents)

    @property
    def has_own_names(self) -> bool:
        """Is every group the only one of its name?  Else nobody can say which a coupling means."""
        names = [name for _, name, _ in groups_of(self.spec)]
        return len(set(names)) == len(names)

    def level(self, agent: str) -> int:
        """Couplings behind the group that begins a chain: a backup group, or a copy group."""
        return self.levels[agent] - (1 if agent in self.copied else 0)

    def agents_at(self, end: Endpoint) -> tuple[str, ...]:
        """The agents at an end of a coupling; none where a name does not exist."""
        return agents_at(self.groups, end)

    def joins(self, coupling: CouplingDraft) -> bool:
        """Does every agent of the source feed every agent of the target?"""
        return joins(self.groups, coupling)

    def role_of(self, group: str) -> str:
        """The role of a group's agents; "" where it does not exist."""
        draft = self.groups.get(group)
        return draft.role if draft else ""

    def node_of(self, agent: str) -> str:
        """The node of an agent's device; "here" where the device is not declared."""
        device = self.spec.devices.get(self.agents[agent].device)
        return device.node if device else HERE

    def in_line(self, *keys: Key) -> str:
        """ " in line 7" of a graph that somebody wrote."""
        if self.document.path == MADE_PATH:
            return ""
        return f" in line {self.document.place(*keys).rsplit(':', 2)[1]}"

    def error(self, keys: tuple[Key, ...], rule: str, reason: str, remedy: str) -> Finding:
        return error(self.document.place(*keys), rule, reason, remedy)

    def warning(self, keys: tuple[Key, ...], rule: str, reason: str, remedy: str) -> Finding:
        return warning(self.document.place(*keys), rule, reason, remedy)


def context_of(document: GraphDocument, machine: Machine | None = None) -> Context:
    """Works out agents, couplings and levels.  machine: this one unless given."""
    spec = document.spec
    groups = drafted_groups(spec)
    agents = agents_of(groups.values())
    couplings = couplings_of(spec)
    links = links_of(groups, agents, couplings)
    feeders = feeders_of(agents, links)
    levels = levels_of(agents, feeders)
    return Context(
        document, machine or this_machine(), groups, agents, couplings, links, feeders,
        levels, _copied(agents, feeders, levels), Suggester(),
    )  # fmt: skip


def _copied(
    agents: dict[str, AgentDraft], feeders: dict[str, tuple[str, ...]], levels: dict[str, int]
) -> frozenset[str]:
    found: set[str] = set()
    for name in sorted(levels, key=levels.__getitem__):
        if any(agents[f].role == RESTORE or f in found for f in feeders[name]):
            found.add(name)
    return frozenset(found)


def absolute_path(document: GraphDocument, path: str) -> str:
    """A path of a graph: relative ones refer to the directory of its file.  Not resolved."""
    return os.path.normpath(os.path.join(document.base, path))


def real_path(document: GraphDocument, path: str, node: str) -> str:
    """Without links where that can be told: on the machine of the command."""
    absolute = absolute_path(document, path)
    return os.path.realpath(absolute) if node == HERE else absolute
