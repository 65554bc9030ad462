"""Rules about buffers: ranges fit, and no object is half on one way and half on another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flowbackup.plan.buffers import Buffers, Demand, dealt_out, overlap, passed_on, unserved
from flowbackup.plan.context import Context
from flowbackup.plan.graph import LinkDraft
from flowbackup.plan.groups import BACKUP, COPY, RESTORE
from flowbackup.plan.rules_couplings import coupled_ranges
from flowbackup.plan.rules_size import pairs_bounded
from flowbackup.spec.endpoint import BufferRange
from flowbackup.spec.finding import Finding


class _Use(NamedTuple):
    """An object may use these buffers of a head.  keys: where that is written."""

    client: str
    name: str
    head: str
    buffers: BufferRange
    keys: tuple[str, ...]

    def __str__(self) -> str:
        return f'object "{self.name}" of client "{self.client}"'


class Walk(NamedTuple):
    """Where frames of some buffers go.  over: the agents to which all of them come, and who feeds
    these.  halved: couplings that take a part of them, and where they
    may be in front of these.  doubled: couplings to an agent that they reach already, and who feeds
    it."""

    over: dict[str, str]
    halved: list[tuple[LinkDraft, Buffers]]
    doubled: list[tuple[LinkDraft, str]]


def parts_of_copies(context: Context) -> Iterator[Finding]:
    """Copies lie in whatever buffers are free: a mirror of some of them has parts of objects."""
    for link in context.links:
        if link.source in context.copied and _is_part(context, link):
            group = link.coupling.target.group
            yield context.error(
                link.coupling.keys, "range-of-copy",
                f"{link.source}{link.buffers} is a part of the buffers of a copy, which takes "
                f"whatever is free, so that {link.target} would have parts of objects",
                f'Couple all of its buffers, or make "{group}" a copy group, whose select: says '
                "what is copied.",
            )  # fmt: skip


def halves_behind(context: Context) -> Iterator[Finding]:
    """What holds for the buffers of backup agents holds on all levels: an object lies wholly inside
    or wholly outside of what a coupling takes."""
    if not context.is_ordered or not has_parts_behind(context) or not has_sound_ranges(context):
        return
    if any(pairs_bounded(context)):
        return
    for use, walk in _walks(context):
        for link, buffers in walk.halved:
            if context.agents[link.source].role == BACKUP:
                continue
            yield context.error(
                use.keys, "half-mirrored",
                f"{use} may come into buffers [{buffers[0]}:{buffers[1]}] of {link.source}, of "
                f"which only {link.buffers} are coupled to {link.target}",
                f"Couple as many buffers at both ends on the way to {link.source}, so that it is "
                f"wholly inside of {link.buffers} there, or wholly outside.",
            )  # fmt: skip


def two_ways(context: Context) -> Iterator[Finding]:
    """A frame comes to an agent once."""
    if not _has_joints(context):
        return
    found: dict[tuple[str, str], Finding] = {}
    for use, walk in _walks(context):
        for link, before in walk.doubled:
            found.setdefault((link.source, link.target), _two_ways(context, str(use), link, before))
    yield from found.values()


def copied_two_ways(context: Context) -> Iterator[Finding]:
    """The same for copies: each frame goes to one agent of every copy group that takes it."""
    if not _has_joints(context):
        return
    leading = leading_of(context)
    origins: dict[str, tuple[str, str]] = {}
    for name, agent in context.agents.items():
        if agent.role != COPY:
            continue
        walk = walk_from(leading, name, (0, agent.buffers))
        who = f'copies of group "{agent.group}"'
        yield from (_two_ways(context, who, link, before) for link, before in walk.doubled)
        for link in _links_behind(leading, name):
            group, before = origins.setdefault(link.target, (agent.group, link.source))
            if group != agent.group:
                who = f'copies of groups "{group}" and "{agent.group}"'
                yield _two_ways(context, who, link, before)


def shared_buffers(context: Context) -> Iterator[Finding]:
    """Everybody who feeds an agent fills buffers of his own there."""
    if any(pairs_bounded(context)):
        return
    fed: dict[str, dict[Demand, tuple[str | int, ...]]] = {}
    for use in _uses(context, alike_once=True):
        demand = Demand(f"{use.client} -> {use.head}", use.buffers)
        fed.setdefault(use.head, {}).setdefault(demand, use.keys)
    for link in context.links:
        if context.agents[link.source].role == RESTORE:
            demand = Demand(f"{link.source} -> {link.target}", link.into)
            fed.setdefault(link.target, {}).setdefault(demand, link.coupling.keys)
    for agent, demands in fed.items():
        edges = {demand.edge for demand in demands}
        # Long ranges always find a buffer: there are fewer demands than they have buffers.
        short = [d for d in demands if d.buffers[1] - d.buffers[0] < len(demands)]
        lacking = unserved(dealt_out(short), short) if len(edges) > 1 and short else []
        if lacking:
            first, last = lacking[0].buffers
            yield context.error(
                demands[lacking[0]], "shared-buffers",
                f"none of the buffers [{first}:{last}] of {agent} is left for "
                f"{lacking[0].edge.partition(' -> ')[0]}: {len(edges)} feed it, and each fills "
                "buffers of its own",
                f'Raise buffers of group "{context.agents[agent].group}", or let fewer share them.',
            )  # fmt: skip


def _is_part(context: Context, link: LinkDraft) -> bool:
    return link.buffers != (0, context.agents[link.source].buffers)


def has_sound_ranges(context: Context) -> bool:
    """Ranges that do not fit are mended first: where they lead is open."""
    return not any(coupled_ranges(context))


def has_parts_behind(context: Context) -> bool:
    """Does anything but a backup agent pass on a part of its buffers only?"""
    agents = context.agents
    return any(agents[ln.source].role != BACKUP and _is_part(context, ln) for ln in context.links)


def _has_joints(context: Context) -> bool:
    """Is anything but a copy agent fed by several?  Only then a frame may have two ways."""
    agents = context.agents
    joints = (n for n, feeders in context.feeders.items() if len(feeders) > 1)
    has_joints = context.is_ordered and any(agents[name].role != COPY for name in joints)
    return has_joints and has_sound_ranges(context) and not any(pairs_bounded(context))


def _two_ways(context: Context, who: str, link: LinkDraft, before: str) -> Finding:
    return context.error(
        link.coupling.keys, "two-ways",
        f"frames of {who} come to {link.target} over {before} and once more over {link.source}",
        "Delete one of the two couplings, or lead other buffers over one of them.",
    )  # fmt: skip


def _uses(context: Context, *, alike_once: bool = False) -> Iterator[_Use]:
    """Every object with each head that may take it, as far as all that exists.  alike_once: of
    those of a client that may use the same buffers only one."""
    seen: set[object] = set()
    groups = context.spec.backup_groups
    only = next(iter(groups)) if len(groups) == 1 else ""
    for client, written in context.spec.clients.items():
        for name, item in written.objects.items():
            if (item.group or only) not in groups:
                continue
            group, pinned = context.groups[item.group or only], item.buffers
            keys = ("clients", client, "objects", name, *(("buffers",) if pinned else ()))
            if alike_once and (client, group.name, pinned) in seen:
                continue
            seen.add((client, group.name, pinned))
            buffers = pinned.buffers if pinned else BufferRange(0, group.buffers)
            for device in (pinned.device,) if pinned else group.at_work:
                if device in group.agents and buffers.last <= group.buffers:
                    yield _Use(client, name, group.agents[device], buffers, keys)


def _walks(context: Context) -> Iterator[tuple[_Use, Walk]]:
    leading = leading_of(context)
    known: dict[tuple[str, Buffers], Walk] = {}
    for use in _uses(context):
        key = use.head, use.buffers
        if key not in known:
            known[key] = walk_from(leading, *key)
        yield use, known[key]


def leading_of(context: Context) -> dict[str, list[LinkDraft]]:
    """Agent -> its couplings to others."""
    leading: dict[str, list[LinkDraft]] = {}
    for link in (link for link in context.links if link.source != link.target):
        leading.setdefault(link.source, []).append(link)
    return leading


def walk_from(leading: dict[str, list[LinkDraft]], head: str, buffers: Buffers) -> Walk:
    walk = Walk({head: ""}, [], [])
    queue = [(head, buffers)]
    while queue:
        agent, held = queue.pop()
        for link in leading.get(agent, ()):
            behind = passed_on(held, link.buffers, link.into)
            if behind is None:
                if overlap(held, link.buffers):
                    walk.halved.append((link, held))
            elif link.target in walk.over:
                walk.doubled.append((link, walk.over[link.target]))
            else:
                walk.over[link.target] = agent
                queue.append((link.target, behind))
    return walk


def _links_behind(leading: dict[str, list[LinkDraft]], head: str) -> Iterator[LinkDraft]:
    """Every coupling behind an agent that is reached, once."""
    found, queue = {head}, [head]
    while queue:
        for link in leading.get(queue.pop(), ()):
            yield link
            if link.target not in found:
                found.add(link.target)
                queue.append(link.target)
