"""The stages behind the backup of a graph: a restore group each, in the order of their devices."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from flowbackup.plan.context import Context
from flowbackup.plan.decided import CopySelection
from flowbackup.plan.graph import CouplingDraft
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
    parts = _agents_behind(context)
    writers: dict[str, set[str]] = {}
    for name, part in parts.items():
        for device in _devices(context, part, reading=False):
            writers.setdefault(device, set()).add(name)
    before: dict[str, set[str]] = {}
    for name, part in parts.items():
        devices = _devices(context, part, reading=True)
        before[name] = {other for d in devices for other in writers.get(d, ())} - {name}
    try:
        order = tuple(TopologicalSorter(before).static_order())
    except CycleError:
        return
    fed = _fed_groups(context)
    for name in order:
        selections = _selections(context, fed.get(name, {}))
        if selections:
            yield parts[name], selections


def _agents_behind(context: Context) -> dict[str, frozenset[str]]:
    """Restore group -> its readers, and everything behind them."""
    origins: dict[str, frozenset[str]] = {}
    found: dict[str, list[str]] = {name: [] for name in context.spec.restore_groups}
    for name in sorted(context.levels, key=context.levels.__getitem__):
        agent, feeders = context.agents[name], context.feeders[name]
        if agent.role == RESTORE:
            origins[name] = frozenset({agent.group})
        else:
            origins[name] = _union([origins[feeder] for feeder in feeders])
        for group in origins[name]:
            found[group].append(name)
    return {group: frozenset(names) for group, names in found.items()}


def _union(sets: list[frozenset[str]]) -> frozenset[str]:
    """Equal sets are one: a chain shares that of its head, however long it is."""
    first = sets[0] if sets else frozenset()
    return first if all(one is first for one in sets) else first.union(*sets)


def _devices(context: Context, part: frozenset[str], *, reading: bool) -> set[str]:
    agents = (context.agents[name] for name in part)
    return {agent.device for agent in agents if (agent.role == RESTORE) == reading}


def _fed_groups(context: Context) -> dict[str, dict[str, CouplingDraft]]:
    """Restore group -> the copy groups that it feeds, in the order of the file, and by which
    coupling."""
    joining = {(c.target.group, c.source.group): c for c in context.couplings if context.joins(c)}
    order = {name: number for number, name in enumerate(context.spec.copy_groups)}
    fed: dict[str, dict[str, CouplingDraft]] = {}
    for target, source in sorted(joining, key=lambda pair: order[pair[0]]):
        fed.setdefault(source, {})[target] = joining[target, source]
    return fed


def _selections(context: Context, fed: dict[str, CouplingDraft]) -> tuple[CopySelection, ...]:
    written = context.spec.copy_groups
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
        for name, group in ((name, written[name]) for name in fed)
    )
