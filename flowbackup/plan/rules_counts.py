"""How many copies an object can have: one on every device to which its buffers lead."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate

from flowbackup.plan.context import Context
from flowbackup.plan.groups import BACKUP
from flowbackup.plan.rules_buffers import has_parts_behind, has_sound_ranges, leading_of, walk_from
from flowbackup.plan.rules_objects import objects_of
from flowbackup.spec.endpoint import BufferRange
from flowbackup.spec.finding import Finding
from flowbackup.units import counted

Counter = Callable[[str, BufferRange], int | None]
"""Devices that get everything that lies in some buffers of a head; None where one gets a half of
it, which is a fault by itself."""


def copies_possible(context: Context) -> Iterator[Finding]:
    """No object can have more durable copies than there are devices behind its buffers."""
    wanted = context.spec.copies
    if wanted is None or not context.is_ordered:
        return
    has_parts = has_parts_behind(context)
    if has_parts and not has_sound_ranges(context):
        return
    count = _by_walking(context) if has_parts else _by_sums(context)
    pinned = [
        (keys, who, item.buffers, group)
        for keys, who, item, group in objects_of(context)
        if item.buffers is not None
    ]
    free = {group.name for _, _, item, group in objects_of(context) if item.buffers is None}
    for name in context.spec.backup_groups:
        group = context.groups[name]
        counts = [count(head, BufferRange(0, group.buffers)) for head in group.agents.values()]
        least = min((number for number in counts if number is not None), default=wanted)
        is_only_pinned = name not in free and any(one.name == name for *_, one in pinned)
        if least < wanted and not is_only_pinned:
            yield context.error(
                ("copies",), "too-many-copies",
                f'{wanted} copies are asked for, but the chain of group "{name}" has '
                f"{_devices(least)}",
                f"Write copies: {least}, or add mirror groups.",
            )  # fmt: skip
    for keys, who, (device, buffers), group in pinned:
        fits = device in group.agents and buffers.last <= group.buffers
        devices = count(group.agents[device], buffers) if fits else None
        if devices is not None and devices < wanted:
            yield context.error(
                (*keys, "buffers"), "too-many-copies",
                f"{wanted} copies are asked for, but the buffers of {who} lead to "
                f"{_devices(devices)}",
                f"Write copies: {devices}, or couple {group.agents[device]}{buffers} with more "
                "mirror groups.",
            )  # fmt: skip


def _by_walking(context: Context) -> Counter:
    leading = leading_of(context)

    def count(head: str, buffers: BufferRange) -> int | None:
        walk = walk_from(leading, head, buffers)
        return None if walk.halved else len(walk.over)

    return count


def _by_sums(context: Context) -> Counter:
    """Where only heads pass on a part of their buffers: all that comes to a mirror goes on."""
    below: dict[str, int] = dict.fromkeys(context.levels, 1)
    for agent in sorted(context.levels, key=context.levels.__getitem__, reverse=True):
        for feeder in context.feeders[agent]:
            below[feeder] += below[agent]
    steps: dict[str, dict[int, int]] = {
        name: {} for name, agent in context.agents.items() if agent.role == BACKUP
    }
    firsts = {(link.source, link.target): link for link in reversed(context.links)}
    for link in firsts.values():
        if link.source in steps and link.source != link.target:
            more, (first, last) = steps[link.source], link.buffers
            more[first] = more.get(first, 0) + below[link.target]
            more[last] = more.get(last, 0) - below[link.target]
    behind = {agent: _Behind(more) for agent, more in steps.items()}
    return lambda head, buffers: behind[head].of_all(*buffers)


class _Behind:
    """How many devices get what lies in each buffer of a backup agent.  steps: buffer -> how many
    more there are from it on."""

    def __init__(self, steps: dict[int, int]) -> None:
        self._cuts = sorted(cut for cut in steps if cut > 0)
        more = (steps[cut] for cut in self._cuts)
        self._counts = list(accumulate(more, initial=1 + steps.get(0, 0)))

    def of_all(self, first: int, last: int) -> int | None:
        """For all buffers in [first, last); None where a coupling begins or ends among them."""
        begin = bisect_right(self._cuts, first)
        return self._counts[begin] if begin == bisect_left(self._cuts, last) else None


def _devices(count: int) -> str:
    return counted(count, "device")
