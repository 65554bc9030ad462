"""Rules about couplings: chains begin at backup groups, reach every mirror and never close."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from flowbackup.plan.buffers import overlap
from flowbackup.plan.context import Context
from flowbackup.plan.cycles import cycles_of, way_of
from flowbackup.plan.graph import CouplingDraft, LinkDraft
from flowbackup.plan.groups import (
    BACKUP,
    COPY,
    FED_BY,
    MIRROR,
    RESTORE,
    writing_groups,
)
from flowbackup.spec.finding import Finding, listed
from flowbackup.units import counted


def self_loops(context: Context) -> Iterator[Finding]:
    """Nothing feeds itself."""
    for coupling in context.couplings:
        if coupling.source.group != coupling.target.group:
            continue
        targets = set(context.agents_at(coupling.target))
        if not targets.isdisjoint(context.agents_at(coupling.source)):
            yield context.error(
                coupling.keys, "self-loop", f'"{coupling.source}" feeds itself',
                "Name another group to feed it.",
            )  # fmt: skip


def cycles(context: Context) -> Iterator[Finding]:
    """Agents that feed each other would wait for each other for ever."""
    at = {(link.source, link.target): link for link in context.links}
    for cycle in cycles_of(context.feeders):
        steps = [at[pair] for pair in pairwise((*cycle, cycle[0]))]
        last = max(steps, key=lambda link: _line(context, link))
        yield context.error(
            last.coupling.keys, "cycle", f"the chain closes to a cycle: {way_of(cycle)}",
            f"Delete the coupling {last.source} -> {last.target}, or feed it from a backup group.",
        )  # fmt: skip


def _line(context: Context, link: LinkDraft) -> int:
    return int(context.document.place(*link.coupling.keys).rsplit(":", 2)[1])


def roles_fit(context: Context) -> Iterator[Finding]:
    """Clients feed backup groups, media restore groups; these feed mirror and copy groups."""
    for coupling in context.couplings:
        source, target = coupling.source.group, coupling.target.group
        feeds, fed = context.role_of(source), context.role_of(target)
        if not feeds or not fed or source == target or feeds in FED_BY[fed]:
            continue
        reason = f'{feeds} group "{source}" feeds "{target}", which is a {fed} group'
        yield context.error(
            coupling.keys, f"feeds-{fed}-group", reason, _ROLE_REMEDIES[fed].format(target)
        )


_ROLE_REMEDIES = {
    BACKUP: 'Move "{0}" to mirror_groups, or turn the coupling round.',
    RESTORE: 'Name the devices that "{0}" reads; nothing is coupled to it.',
    COPY: 'Feed "{0}" from a restore group that reads the devices, or move it to mirror_groups.',
    MIRROR: 'Move "{0}" to copy_groups: what restore agents read is copied.',
}


def agent_counts(context: Context) -> Iterator[Finding]:
    """Group to group joins agent i with agent i, or the only one with all."""
    for coupling in context.couplings:
        sources = context.agents_at(coupling.source)
        targets = context.agents_at(coupling.target)
        if context.joins(coupling):
            continue
        if sources and targets and len(sources) not in (1, len(targets)):
            yield context.error(
                coupling.keys, "agent-count",
                f'"{coupling.source}" has {_agents(sources)} and "{coupling.target}" has '
                f"{_agents(targets)}, so it is open which feeds which",
                f"Give both as many devices, or couple single agents, as in "
                f"{sources[0]} -> {targets[0]}.",
            )  # fmt: skip


def _agents(names: tuple[str, ...]) -> str:
    return counted(len(names), "agent")


def one_source(context: Context) -> Iterator[Finding]:
    """An agent is fed by one other; by several where each has buffers of its own there, or where
    they are the agents of one restore group."""
    feeding: dict[str, list[LinkDraft]] = {}
    seen: dict[tuple[str, str], LinkDraft] = {}
    for link in context.links:
        if link.source == link.target:
            continue
        before = feeding.setdefault(link.target, [])
        twin = seen.setdefault((link.source, link.target), link)
        clash = next((other for other in before if not _apart(context, other, link)), None)
        if clash is None and (not before or before[-1].coupling is not link.coupling):
            before.append(link)
        if twin is not link:
            yield context.error(
                link.coupling.keys, "doubled-coupling",
                f"{link.source} -> {link.target} is coupled already, in line "
                f"{_line(context, twin)}",
                "Delete one of the two.",
            )  # fmt: skip
        elif clash is not None:
            yield context.error(
                link.coupling.keys, "two-sources",
                f"{link.target} is fed by {link.source} here and by {clash.source} in line "
                f"{_line(context, clash)}",
                "Give each of them a mirror device of its own, or buffers of its own there, as in "
                f"{clash.source} -> {link.target}[0:4] and {link.source} -> {link.target}[4:8].",
            )  # fmt: skip


def _apart(context: Context, one: LinkDraft, other: LinkDraft) -> bool:
    """May both feed the same agent?"""
    if one.coupling is other.coupling and context.joins(one.coupling):
        return True
    written = one.coupling.target.buffers and other.coupling.target.buffers
    return bool(written) and overlap(one.into, other.into) is None


def unreached(context: Context) -> Iterator[Finding]:
    """A mirror or copy group that nobody feeds holds nothing after a session."""
    named: dict[str, set[str]] = {}
    for coupling in context.couplings:
        named.setdefault(coupling.target.group, set()).update(
            context.agents_at(coupling.target) or ("?",)
        )
    for keys, name, _ in writing_groups(context.spec):
        role = context.role_of(name)
        if role == BACKUP:
            continue
        if name not in named:
            word = "copies" if role == COPY else "mirrors"
            yield context.error(
                keys, "unreached", f'no coupling reaches {role} group "{name}"',
                f"Write {word}: with the group that feeds it, or a coupling to it.",
            )  # fmt: skip
        elif "?" not in named[name]:
            agents = context.groups[name].agents
            missing = [device for device, agent in agents.items() if agent not in named[name]]
            if missing:
                yield context.error(
                    keys, "unreached",
                    f'no coupling reaches device {listed(missing)} of {role} group "{name}"',
                    f"Couple it, as in {_some_source(context, role)} -> {name}.{missing[0]}.",
                )  # fmt: skip


def _some_source(context: Context, role: str) -> str:
    return next(
        (name for name, agent in context.agents.items() if agent.role == FED_BY[role][0]),
        "group.device",
    )


def written_levels(context: Context) -> Iterator[Finding]:
    """Level n is fed by level n-1, and a group stands on one level."""
    for name, group in context.spec.mirror_groups.items():
        found = {
            context.level(agent)
            for agent in context.groups[name].agents.values()
            if agent in context.levels
        }
        if len(found) > 1:
            low, high = min(found), max(found)
            yield context.error(
                ("mirror_groups", name), "mixed-levels",
                f'mirror group "{name}" stands on levels {low} and {high} at once',
                "Make a group for each level.",
            )  # fmt: skip
        elif found and group.level is not None and found != {group.level}:
            level = found.pop()
            yield context.error(
                ("mirror_groups", name, "level"), "wrong-level",
                f'group "{name}" says level {group.level}, but its couplings put it on level '
                f"{level}",
                f"Write level: {level}, or couple it behind a group of level {group.level - 1}.",
            )  # fmt: skip


def coupled_ranges(context: Context) -> Iterator[Finding]:
    """Ranges lie inside the buffers of their agents and are equally long at both ends."""
    for coupling in context.couplings:
        fits = True
        if context.joins(coupling) and (coupling.source.buffers or coupling.target.buffers):
            yield context.error(
                coupling.keys, "range-of-copy",
                f'"{coupling}" couples a part of the buffers, but copies take whatever is read',
                "Write the groups or agents alone; select: says what is copied.",
            )  # fmt: skip
            continue
        for end in (coupling.source, coupling.target):
            group = context.groups.get(end.group)
            if group and end.buffers and end.buffers.last > group.buffers:
                fits = False
                yield context.error(
                    coupling.keys, "range-outside",
                    f'the range of "{end}" ends at {end.buffers.last}, but agents of group '
                    f'"{end.group}" have {counted(group.buffers, "buffer")}',
                    f"Write a range within [0:{group.buffers}], or raise buffers.",
                )  # fmt: skip
        if fits:
            yield from _range_lengths(context, coupling)


def _range_lengths(context: Context, coupling: CouplingDraft) -> Iterator[Finding]:
    source, target = coupling.source.buffers, coupling.target.buffers
    if source and target and source.last - source.first != target.last - target.first:
        yield context.error(
            coupling.keys, "range-length",
            f"{source.last - source.first} buffers are coupled with {target.last - target.first}",
            "Make both ranges equally long.",
        )  # fmt: skip
