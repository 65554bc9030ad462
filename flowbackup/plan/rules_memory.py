"""Rules about memory: windows that do not stall, and slabs that fit."""

from __future__ import annotations

from collections.abc import Iterator

from flowbackup.model.device import HERE
from flowbackup.plan.context import Context
from flowbackup.plan.decided import slot_bytes
from flowbackup.plan.groups import groups_of
from flowbackup.plan.outline import lent_slots, slab_owners
from flowbackup.plan.rules_size import pairs_bounded
from flowbackup.plan.slabs import most_memory, planned_slabs
from flowbackup.spec.finding import Finding
from flowbackup.units import counted, format_size


def windows(context: Context) -> Iterator[Finding]:
    """While one sync is on its way to the device, the next one must fill: two must fit."""
    spec = context.spec
    for keys, name, group in groups_of(spec):
        window = group.buffers * spec.frame_size
        if window < 2 * spec.sync_size:
            needed = -(-2 * spec.sync_size // spec.frame_size)
            yield context.error(
                (*keys, "buffers"), "window",
                f'group "{name}" holds {group.buffers} x {format_size(spec.frame_size)} = '
                f"{format_size(window)}, less than two syncs of {format_size(spec.sync_size)}, "
                "so that the chain would stall",
                f"Write buffers: {needed}, or sync_size: {format_size(window // 2)}.",
            )  # fmt: skip


def shared_slots(context: Context) -> Iterator[Finding]:
    """Agents of a chain on one node share the slots of its head."""
    if not context.is_ordered:
        return
    seen: set[str] = set()
    owners = slab_owners(context)
    for agent, lent in lent_slots(context, owners).items():
        owner = owners[agent]
        draft, head = context.agents[agent], context.agents[owner]
        if draft.buffers > lent and draft.group not in seen:
            seen.add(draft.group)
            yield context.warning(
                (*draft.keys, "buffers"), "shared-slots",
                f'group "{draft.group}" asks for {counted(draft.buffers, "buffer")}, but shares '
                f"the {lent} of {owner} on the same node",
                f"Raise buffers of group {head.group} to have more.",
            )  # fmt: skip


def memory(context: Context) -> Iterator[Finding]:
    """The slabs of this machine fit its memory, and its shared memory where several processes have
    to see them; other nodes are asked when the graph starts."""
    if not (context.is_ordered and context.has_own_names) or any(pairs_bounded(context)):
        return
    stages = planned_slabs(context)
    needed = dict(most_memory(stages)).get(HERE, 0)
    slabs = [slab for stage in stages for slab in stage]
    machine = context.machine
    is_shared = context.spec.engine == "ray" or bool(context.spec.nodes)
    free, what = min(
        (value, name)
        for value, name in (
            (machine.shared_memory_free if is_shared else -1, "free in /dev/shm"),
            (machine.memory_available, "available in memory"),
            (1 << 63, "unknown"),
        )
        if value >= 0
    )
    if needed > free:
        largest = max((s for s in slabs if s.node == HERE), key=lambda slab: slab.size_bytes)
        owner = context.agents.get(largest.owner)
        slots = free // slot_bytes(context.spec.frame_size)
        yield context.error(
            (*owner.keys, "buffers") if owner else ("clients", largest.owner), "memory",
            f"the buffers of this machine need {format_size(needed)}, but "
            f"{format_size(free)} are {what}",
            f"Lower buffers or frame_size: {slots} buffers of "
            f"{format_size(context.spec.frame_size)} fit.",
        )  # fmt: skip
