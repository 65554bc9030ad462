"""Rules about objects and the buffers that they may use: each comes whole to where it comes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import accumulate

from flowbackup.plan.context import Context
from flowbackup.plan.graph import GroupDraft, LinkDraft
from flowbackup.plan.groups import BACKUP
from flowbackup.spec.finding import Finding, listed
from flowbackup.spec.models import ObjectSpec
from flowbackup.spec.tree import Keys


def pinned_objects(context: Context) -> Iterator[Finding]:
    """An object stays inside the buffers that it was given."""
    for keys, who, item, group in _objects(context):
        pinned = item.buffers
        if pinned is None:
            continue
        if pinned.device not in group.agents:
            yield context.error(
                (*keys, "buffers"), "unknown-agent",
                f'{who} uses buffers of "{pinned.device}", which is no device of group '
                f'"{group.name}"',
                context.suggester.remedy(
                    pinned.device, group.at_work, f"Its devices are {listed(group.at_work)}."
                ),
            )  # fmt: skip
        elif pinned.buffers.last > group.buffers:
            yield context.error(
                (*keys, "buffers"), "range-outside",
                f"{who} uses buffers up to {pinned.buffers.last}, but agents of group "
                f'"{group.name}" have {group.buffers}',
                f"Write a range within [0:{group.buffers}], or raise buffers.",
            )  # fmt: skip


def half_mirrored(context: Context) -> Iterator[Finding]:
    """An object lies wholly inside or wholly outside the coupled buffers of an agent: half an
    object on a mirror is no copy."""
    borders = _borders(context)
    if not borders:
        return
    for keys, who, item, group in _objects(context):
        first, last = item.buffers.buffers if item.buffers else (0, group.buffers)
        if last > group.buffers:
            continue
        for device in (item.buffers.device,) if item.buffers else group.at_work:
            cuts, links = borders.get(f"{group.name}.{device}", ((), ()))
            at = bisect_right(cuts, first)
            if at < len(cuts) and cuts[at] < last:
                link = links[at]
                yield context.error(
                    (*keys, "buffers"), "half-mirrored",
                    f"{who} may use buffers [{first}:{last}] of {link.source}, of which only "
                    f"{link.buffers} are coupled to {link.target}",
                    f'Write buffers: "{device}{link.buffers}" to have it mirrored, or a range '
                    "outside.",
                )  # fmt: skip
                break


def _borders(context: Context) -> dict[str, tuple[list[int], list[LinkDraft]]]:
    """Backup agent -> where couplings of a part of its buffers begin or end, in their order, and
    these couplings."""
    found: dict[str, list[tuple[int, int]]] = {}
    for number, link in enumerate(context.links):
        agent = context.agents[link.source]
        if agent.role == BACKUP and link.buffers != (0, agent.buffers):
            ends = ((cut, number) for cut in link.buffers)
            found.setdefault(link.source, []).extend(ends)
    return {
        agent: ([cut for cut, _ in ends], [context.links[number] for _, number in ends])
        for agent, ends in ((agent, sorted(ends)) for agent, ends in found.items())
    }


def copies_possible(context: Context) -> Iterator[Finding]:
    """No object can have more durable copies than there are devices behind its buffers."""
    wanted = context.spec.copies
    if wanted is None:
        return
    behind = _devices_behind(context)
    pinned = [found for found in _objects(context) if found[2].buffers is not None]
    free = {group.name for _, _, item, group in _objects(context) if item.buffers is None}
    only_pinned = {group.name for *_, group in pinned} - free
    for name in context.spec.backup_groups:
        group = context.groups[name]
        heads = [agent for agent in group.agents.values() if agent in behind]
        least = min((behind[head].fewest(0, group.buffers) for head in heads), default=wanted)
        if name not in only_pinned and least < wanted:
            yield context.error(
                ("copies",), "too-many-copies",
                f"{wanted} copies are asked for, but the chain of group \"{name}\" has "
                f"{_devices(least)}",
                f"Write copies: {least}, or add mirror groups.",
            )  # fmt: skip
    for keys, who, item, group in pinned:
        head = f"{group.name}.{item.buffers.device}" if item.buffers else ""
        if head in behind and item.buffers and item.buffers.buffers.last <= group.buffers:
            least = behind[head].fewest(*item.buffers.buffers)
            if least < wanted:
                yield context.error(
                    (*keys, "buffers"), "too-many-copies",
                    f"{wanted} copies are asked for, but the buffers of {who} lead to "
                    f"{_devices(least)}",
                    f"Write copies: {least}, or couple {head}{item.buffers.buffers} with more "
                    "mirror groups.",
                )  # fmt: skip


class _Behind:
    """How many devices get what lies in each buffer of a backup agent.  steps: buffer -> how many
    more there are from it on."""

    def __init__(self, steps: dict[int, int]) -> None:
        self._cuts = sorted(cut for cut, more in steps.items() if cut > 0 and more)
        more = (steps[cut] for cut in self._cuts)
        self._counts = list(accumulate(more, initial=1 + steps.get(0, 0)))

    def fewest(self, first: int, last: int) -> int:
        """Of all buffers in [first, last)."""
        begin, end = bisect_right(self._cuts, first), bisect_left(self._cuts, last)
        return min(self._counts[begin : end + 1])


def _devices_behind(context: Context) -> dict[str, _Behind]:
    """For every backup agent."""
    below: dict[str, int] = dict.fromkeys(context.levels, 1)
    for agent in sorted(context.levels, key=context.levels.__getitem__, reverse=True):
        for feeder in context.feeders[agent]:
            if feeder in below:
                below[feeder] += below[agent]
    steps: dict[str, dict[int, int]] = {
        name: {} for name, agent in context.agents.items() if agent.role == BACKUP
    }
    firsts = {(link.source, link.target): link for link in reversed(context.links)}
    for link in firsts.values():
        if link.source in steps and link.target in below and link.source != link.target:
            more, (first, last) = steps[link.source], link.buffers
            more[first] = more.get(first, 0) + below[link.target]
            more[last] = more.get(last, 0) - below[link.target]
    return {agent: _Behind(more) for agent, more in steps.items() if agent in below}


def _devices(count: int) -> str:
    return f"{count} device" + ("" if count == 1 else "s")


def _objects(context: Context) -> Iterator[tuple[Keys, str, ObjectSpec, GroupDraft]]:
    """Every object whose backup group is known: its keys, what a message calls it, and both."""
    groups = context.spec.backup_groups
    only = next(iter(groups)) if len(groups) == 1 else ""
    for client, written in context.spec.clients.items():
        for name, item in written.objects.items():
            group = item.group or only
            if group in groups:
                who = f'object "{name}" of client "{client}"'
                yield ("clients", client, "objects", name), who, item, context.groups[group]
