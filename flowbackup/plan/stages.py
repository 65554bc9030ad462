"""The stages behind the backup of a graph: a restore group each, in the order of their devices."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from flowbackup.plan.context import Context
from flowbackup.plan.decided import CopySelection
from flowbackup.plan.graph import joins
from flowbackup.plan.groups import RESTORE


def backup_agents(context: Context) -> frozenset[str]:
    """What clients feed, and everything behind it."""
    agents = context.agents
    return frozenset(
        name for name in context.levels if name not in context.copied and agents[name].writes
    )


def stages_of(context: Context) -> Iterator[tuple[frozenset[str], tuple[CopySelection, ...]]]:
    """The agents of each stage, and what its copy groups take.  A stage that reads a device comes
    behind those that write it; where devices go round, which a rule refuses, there are none."""
    parts = {name: _agents_behind(context, name) for name in context.spec.restore_groups}
    reads = {name: _devices(context, part, reading=True) for name, part in parts.items()}
    writes = {name: _devices(context, part, reading=False) for name, part in parts.items()}
    before = {
        name: {other for other in parts if other != name and writes[other] & reads[name]}
        for name in parts
    }
    try:
        order = tuple(TopologicalSorter(before).static_order())
    except CycleError:
        return
    for name in order:
        selections = _selections(context, name)
        if selections:
            yield parts[name], selections


def _agents_behind(context: Context, restore_group: str) -> frozenset[str]:
    """The readers of a group, and everything behind them."""
    found = {n for n, a in context.agents.items() if a.role == RESTORE and a.group == restore_group}
    for name in sorted(context.levels, key=context.levels.__getitem__):
        if found.intersection(context.feeders[name]):
            found.add(name)
    return frozenset(found)


def _devices(context: Context, part: frozenset[str], *, reading: bool) -> set[str]:
    agents = (context.agents[name] for name in part)
    return {agent.device for agent in agents if (agent.role == RESTORE) == reading}


def _selections(context: Context, restore_group: str) -> tuple[CopySelection, ...]:
    fed = {
        coupling.target.group: coupling
        for coupling in context.couplings
        if coupling.source.group == restore_group and joins(context.spec, coupling)
    }
    return tuple(
        CopySelection(
            group=name,
            after=group.after,
            objects=group.select.objects,
            versions=group.select.versions,
            since_seconds=group.select.since,
            pool=group.select.pool or "",
            below=group.select.below or 0,
            required=(fed[name].on_failure or group.on_failure) != "optional",
        )
        for name, group in context.spec.copy_groups.items()
        if name in fed
    )
