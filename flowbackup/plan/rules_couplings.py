"""Rules about couplings: chains begin at backup groups, reach every mirror and never close."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from flowbackup.plan.context import Context
from flowbackup.plan.graph import CouplingDraft, LinkDraft, agents_at, joins
from flowbackup.plan.groups import (
    BACKUP,
    COPY,
    FED_BY,
    MIRROR,
    RESTORE,
    devices_at_work,
    group_named,
    role_of,
    writing_groups,
)
from flowbackup.spec.finding import Finding, listed


def self_loops(context: Context) -> Iterator[Finding]:
    """Nothing feeds itself."""
    for coupling in context.couplings:
        same = set(agents_at(context.spec, coupling.source)) & set(
            agents_at(context.spec, coupling.target)
        )
        if same:
            yield context.error(
                coupling.keys, "self-loop", f'"{coupling.source}" feeds itself',
                "Name another group to feed it.",
            )  # fmt: skip


def cycles(context: Context) -> Iterator[Finding]:
    """Agents that feed each other would wait for each other for ever."""
    if context.is_ordered:
        return
    from flowbackup.plan.cycles import named_cycles  # noqa: PLC0415  slow, and seldom needed

    at = {(link.source, link.target): link for link in context.links}
    for cycle in named_cycles(context.feeders):
        steps = [at[pair] for pair in pairwise((*cycle, cycle[0]))]
        last = max(steps, key=lambda link: _line(context, link))
        way = " -> ".join((*cycle, cycle[0])) if len(cycle) <= 8 else f"{len(cycle)} agents"
        yield context.error(
            last.coupling.keys, "cycle", f"the chain closes to a cycle: {way}",
            f"Delete the coupling {last.source} -> {last.target}, or feed it from a backup group.",
        )  # fmt: skip


def _line(context: Context, link: LinkDraft) -> int:
    return int(context.document.place(*link.coupling.keys).rsplit(":", 2)[1])


def roles_fit(context: Context) -> Iterator[Finding]:
    """Clients feed backup groups, media restore groups; these feed mirror and copy groups."""
    for coupling in context.couplings:
        source, target = coupling.source.group, coupling.target.group
        feeds, fed = role_of(context.spec, source), role_of(context.spec, target)
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
        sources = agents_at(context.spec, coupling.source)
        targets = agents_at(context.spec, coupling.target)
        if joins(context.spec, coupling):
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
    return f"{len(names)} agent" + ("" if len(names) == 1 else "s")


def one_source(context: Context) -> Iterator[Finding]:
    """An agent is fed by one other, or by the agents of one restore group: a frame has one way."""
    first: dict[str, LinkDraft] = {}
    seen: dict[tuple[str, str], LinkDraft] = {}
    for link in context.links:
        before = first.setdefault(link.target, link)
        before = seen.setdefault((link.source, link.target), before)
        if before is link or link.source == link.target:
            continue
        if before.coupling is link.coupling and joins(context.spec, link.coupling):
            continue
        line = _line(context, before)
        if before.source == link.source:
            yield context.error(
                link.coupling.keys, "doubled-coupling",
                f"{link.source} -> {link.target} is coupled already, in line {line}",
                "Delete one of the two.",
            )  # fmt: skip
        else:
            yield context.error(
                link.coupling.keys, "two-sources",
                f"{link.target} is fed by {link.source} here and by {before.source} in line {line}",
                "Give each of them a mirror device of its own.",
            )  # fmt: skip


def unreached(context: Context) -> Iterator[Finding]:
    """A mirror or copy group that nobody feeds holds nothing after a session."""
    named: dict[str, set[str]] = {}
    for coupling in context.couplings:
        named.setdefault(coupling.target.group, set()).update(
            agents_at(context.spec, coupling.target) or ("?",)
        )
    for keys, name, group in writing_groups(context.spec):
        role = role_of(context.spec, name)
        if role == BACKUP:
            continue
        if name not in named:
            word = "copies" if role == COPY else "mirrors"
            yield context.error(
                keys, "unreached", f'no coupling reaches {role} group "{name}"',
                f"Write {word}: with the group that feeds it, or a coupling to it.",
            )  # fmt: skip
        elif "?" not in named[name]:
            missing = [d for d in devices_at_work(group) if f"{name}.{d}" not in named[name]]
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
            for agent in (f"{name}.{device}" for device in devices_at_work(group))
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
        if joins(context.spec, coupling) and (coupling.source.buffers or coupling.target.buffers):
            yield context.error(
                coupling.keys, "range-of-copy",
                f'"{coupling}" couples a part of the buffers, but copies take whatever is read',
                "Write the groups or agents alone; select: says what is copied.",
            )  # fmt: skip
            continue
        for end in (coupling.source, coupling.target):
            group = group_named(context.spec, end.group)
            if group and end.buffers and end.buffers.last > group.buffers:
                fits = False
                yield context.error(
                    coupling.keys, "range-outside",
                    f'the range of "{end}" ends at {end.buffers.last}, but agents of group '
                    f'"{end.group}" have {group.buffers} buffers',
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


def pinned_objects(context: Context) -> Iterator[Finding]:
    """An object stays inside the buffers that it was given."""
    groups = context.spec.backup_groups
    for client, written in context.spec.clients.items():
        for name, item in written.objects.items():
            group_name = item.group or (next(iter(groups)) if len(groups) == 1 else "")
            group = groups.get(group_name)
            if group is None or item.buffers is None:
                continue
            keys = ("clients", client, "objects", name, "buffers")
            who = f'object "{name}" of client "{client}"'
            at_work = devices_at_work(group)
            if item.buffers.device not in at_work:
                yield context.error(
                    keys, "unknown-agent",
                    f'{who} uses buffers of "{item.buffers.device}", which is no device of '
                    f'group "{group_name}"',
                    context.suggester.remedy(
                        item.buffers.device, at_work, f"Its devices are {listed(at_work)}.",
                    ),
                )  # fmt: skip
            elif item.buffers.buffers.last > group.buffers:
                yield context.error(
                    keys, "range-outside",
                    f"{who} uses buffers up to {item.buffers.buffers.last}, but agents of group "
                    f'"{group_name}" have {group.buffers}',
                    f"Write a range within [0:{group.buffers}], or raise buffers.",
                )  # fmt: skip


def half_mirrored(context: Context) -> Iterator[Finding]:
    """An object lies wholly inside or wholly outside the coupled buffers of an agent: half an
    object on a mirror is no copy."""
    partial: dict[str, list[LinkDraft]] = {}
    for link in context.links:
        agent = context.agents[link.source]
        if agent.role == BACKUP and link.buffers != (0, agent.buffers):
            partial.setdefault(link.source, []).append(link)
    if not partial:
        return
    groups = context.spec.backup_groups
    for client, written in context.spec.clients.items():
        for name, item in written.objects.items():
            group_name = item.group or (next(iter(groups)) if len(groups) == 1 else "")
            group = groups.get(group_name)
            pinned = item.buffers
            devices = (pinned.device,) if pinned else devices_at_work(group) if group else ()
            for link in (ln for d in devices for ln in partial.get(f"{group_name}.{d}", ())):
                buffers = pinned.buffers if pinned else (0, context.agents[link.source].buffers)
                inside = link.buffers.first <= buffers[0] and buffers[1] <= link.buffers.last
                outside = buffers[1] <= link.buffers.first or link.buffers.last <= buffers[0]
                if not inside and not outside:
                    device = context.agents[link.source].device
                    yield context.error(
                        ("clients", client, "objects", name, "buffers"), "half-mirrored",
                        f'object "{name}" of client "{client}" may use buffers '
                        f"[{buffers[0]}:{buffers[1]}] of {link.source}, of which only "
                        f"{link.buffers} are coupled to {link.target}",
                        f'Write buffers: "{device}{link.buffers}" to have it mirrored, or a range '
                        "outside.",
                    )  # fmt: skip


def copies_possible(context: Context) -> Iterator[Finding]:
    """No object can have more durable copies than its chain has devices."""
    wanted = context.spec.copies
    if wanted is None:
        return
    behind: dict[str, int] = dict.fromkeys(context.levels, 1)
    feeders = {link.target: link.source for link in context.links if link.source != link.target}
    for agent in sorted(context.levels, key=context.levels.__getitem__, reverse=True):
        feeder = feeders.get(agent)
        if feeder in behind:
            behind[feeder] += behind[agent]
    for name, group in context.spec.backup_groups.items():
        heads = [f"{name}.{device}" for device in devices_at_work(group)]
        least = min((behind.get(head, wanted) for head in heads), default=wanted)
        if least < wanted:
            yield context.error(
                ("copies",), "too-many-copies",
                f'{wanted} copies are asked for, but the chain of group "{name}" has '
                f"{least} device" + ("" if least == 1 else "s"),
                f"Write copies: {least}, or add mirror groups.",
            )  # fmt: skip
