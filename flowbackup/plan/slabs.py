"""The memory of a plan: slabs, whose they are, and what they take on each node."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from flowbackup.plan.buffers import Buffers, count_buffers
from flowbackup.plan.context import Context
from flowbackup.plan.decided import ObjectPlan, SlabPlan, slot_bytes
from flowbackup.plan.outline import Outline, once_for_each_group, outline_of
from flowbackup.plan.stages import backup_agents, stages_of


def planned_slabs(context: Context) -> list[tuple[SlabPlan, ...]]:
    """The slabs that the backup and each stage would have; for the rule about memory."""
    outline = outline_of(context)
    return [
        slabs_of(outline, backup_agents(context), outline.objects),
        *(slabs_of(outline, part, ()) for part, _ in stages_of(context)),
    ]


def slabs_of(
    outline: Outline, names: Collection[str], objects: tuple[ObjectPlan, ...]
) -> tuple[SlabPlan, ...]:
    """Of these agents, and of the clients of these objects."""
    context = outline.context
    size = slot_bytes(context.spec.frame_size)
    of_clients = client_slab_slots(outline) if objects else {}
    users: dict[str, list[str]] = {}
    for agent in outline.ordered(names):
        users.setdefault(outline.owners[agent], []).append(agent)
    for client, heads in outline.heads.items() if objects else ():
        if client not in of_clients:
            for head in heads:
                users[outline.owners[head]].append(client)
    return (
        *(
            SlabPlan(client, context.spec.clients[client].node, client, slots, size, (client,))
            for client, slots in of_clients.items()
        ),
        *(
            SlabPlan(owner, context.node_of(owner), owner, context.agents[owner].buffers, size,
                     tuple(used))
            for owner, used in users.items()
        ),
    )  # fmt: skip


def client_slab_slots(outline: Outline) -> dict[str, int]:
    """Clients that need a slab of their own, because a head of theirs is elsewhere -> slots: as
    many as its largest head has; where objects are pinned, one for each buffer that they may
    use."""
    context = outline.context
    used: dict[str, dict[str, set[Buffers]]] = {}
    pinned = {item.client for item in outline.objects if item.buffers}
    for item in once_for_each_group(outline.objects) if pinned else ():
        for head in item.heads if item.client in pinned else ():
            buffers = item.buffers or (0, context.agents[head].buffers)
            used.setdefault(item.client, {}).setdefault(head, set()).add(buffers)
    return {
        client: sum(count_buffers(ranges) for ranges in used[client].values())
        if client in pinned
        else max(context.agents[head].buffers for head in heads)
        for client, heads in outline.heads.items()
        if any(context.node_of(head) != context.spec.clients[client].node for head in heads)
    }


def memory_by_node(slabs: Iterable[SlabPlan]) -> tuple[tuple[str, int], ...]:
    """Node -> bytes of its slabs."""
    memory: dict[str, int] = {}
    for slab in slabs:
        memory[slab.node] = memory.get(slab.node, 0) + slab.size_bytes
    return tuple(memory.items())


def most_memory(stages: Iterable[Iterable[SlabPlan]]) -> tuple[tuple[str, int], ...]:
    """Node -> bytes; stages follow each other, so a node needs what the largest needs there."""
    most: dict[str, int] = {}
    for slabs in stages:
        for node, size in memory_by_node(slabs):
            most[node] = max(size, most.get(node, 0))
    return tuple(most.items())
