"""From a checked graph to a plan: agents on the nodes of their devices, slabs, edges, memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from flowbackup.model.device import HERE, DeviceTarget
from flowbackup.model.rate import RateSchedule
from flowbackup.plan.bottleneck import bottleneck_of
from flowbackup.plan.context import Context, absolute_path
from flowbackup.plan.decided import (
    AgentPlan,
    CopySelection,
    EdgePlan,
    GroupPlan,
    NodePlan,
    ObjectPlan,
    Plan,
    SlabPlan,
    SparePlan,
    Transport,
    slot_bytes,
)
from flowbackup.plan.graph import joins, rate_of, required, schedule_of, slowness
from flowbackup.plan.groups import devices_at_work, groups_of, role_of, spare_devices
from flowbackup.plan.stages import backup_agents, stages_of
from flowbackup.spec.models import GraphSpec, GroupSpec, ObjectSpec

NODE_LABEL = "flowbackup.io/node"


def place(context: Context) -> Plan:
    """The plan of a graph in which no rule found an error."""
    stages = tuple(
        _planned(context, part, (), selections) for part, selections in stages_of(context)
    )
    plan = _planned(context, backup_agents(context), _objects(context), ())
    memory = most_memory(stage.slabs for stage in (plan, *stages))
    first = plan if plan.agents or not stages else stages[0]
    staging = tuple(n for n, device in context.spec.devices.items() if device.staging)
    return replace(
        plan, stages=stages, memory_bytes=memory, bottleneck=first.bottleneck, staging=staging
    )


def planned_slabs(context: Context) -> list[tuple[SlabPlan, ...]]:
    """The slabs that the backup and each stage would have; for the rule about memory."""
    objects = _objects(context)
    return [
        _slabs(context, slab_owners(context, backup_agents(context)), objects),
        *(_slabs(context, slab_owners(context, part), ()) for part, _ in stages_of(context)),
    ]


def _planned(
    context: Context,
    names: Collection[str],
    objects: tuple[ObjectPlan, ...],
    selections: tuple[CopySelection, ...],
) -> Plan:
    """The part of a graph that these agents are."""
    spec, document = context.spec, context.document
    owners = slab_owners(context, names)
    slabs = _slabs(context, owners, objects)
    agents = _agents(context, owners)
    edges = (*_client_edges(context, objects, agents), *_couplings(context, names))
    return Plan(
        graph=spec.graph,
        path="" if document.path.startswith("<") else document.path,
        frame_bytes=spec.frame_size,
        sync_bytes=spec.sync_size,
        sync_seconds=spec.sync_seconds,
        copies=spec.copies or 0,
        nodes=_nodes(spec),
        agents=agents,
        edges=edges,
        slabs=slabs,
        objects=objects,
        memory_bytes=memory_by_node(slabs),
        bottleneck=bottleneck_of(agents, edges, objects),
        graph_text=document.text,
        catalog=absolute_path(document, spec.catalog) if spec.catalog else "",
        groups=_groups(context, agents),
        selections=selections,
    )


def slab_owners(context: Context, names: Collection[str] | None = None) -> dict[str, str]:
    """Agent -> the agent that owns its slab: the head of its chain on that node.  names: of these
    agents only."""
    owners: dict[str, str] = {}
    for agent in sorted(context.levels, key=context.levels.__getitem__):
        feeders = context.feeders[agent]
        nodes = {context.node_of(feeder) for feeder in feeders}
        shares = nodes == {context.node_of(agent)} and feeders[0] in owners
        owners[agent] = owners[feeders[0]] if shares else agent
    return {agent: owners[agent] for agent in owners if names is None or agent in names}


def client_slab_slots(context: Context, objects: tuple[ObjectPlan, ...]) -> dict[str, int]:
    """Clients that need a slab of their own, because a head of theirs is elsewhere -> slots: as
    many as its largest head has."""
    slots: dict[str, int] = {}
    for client in context.spec.clients:
        heads = _heads_of_client(objects, client)
        node = context.spec.clients[client].node
        if any(context.node_of(head) != node for head in heads):
            slots[client] = max(context.agents[head].buffers for head in heads)
    return slots


def _groups(context: Context, agents: tuple[AgentPlan, ...]) -> tuple[GroupPlan, ...]:
    devices = context.spec.devices
    present = {agent.group for agent in agents}
    return tuple(
        GroupPlan(
            name=name,
            role=role_of(context.spec, name),
            assign=getattr(group, "assign", "frame"),
            devices_min=(group.min or 0) if isinstance(group, GroupSpec) else 0,
            spares=tuple(
                SparePlan(_device(context, spare), devices[spare].node)
                for spare in spare_devices(group)
            ),
        )
        for _, name, group in groups_of(context.spec)
        if name in present
    )


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


def group_of(spec: GraphSpec, item: ObjectSpec) -> str:
    """The backup group of an object; "" where it does not say and cannot be told."""
    if item.group is None:
        return next(iter(spec.backup_groups)) if len(spec.backup_groups) == 1 else ""
    return item.group if item.group in spec.backup_groups else ""


def _nodes(spec: GraphSpec) -> tuple[NodePlan, ...]:
    others = (
        NodePlan(name, tuple(node.labels.items()) or ((NODE_LABEL, name),))
        for name, node in spec.nodes.items()
    )
    return (NodePlan(HERE), *others)


def _objects(context: Context) -> tuple[ObjectPlan, ...]:
    spec = context.spec
    planned = []
    for client_name, client in spec.clients.items():
        for name, item in client.objects.items():
            group = group_of(spec, item)
            if not group:
                continue
            devices = devices_at_work(spec.backup_groups[group])
            pinned = item.buffers
            chosen = (pinned.device,) if pinned else devices
            planned.append(
                ObjectPlan(
                    client=client_name,
                    name=name,
                    node=client.node,
                    path=absolute_path(context.document, item.path),
                    group=group,
                    heads=tuple(f"{group}.{device}" for device in chosen if device in devices),
                    buffers=(pinned.buffers.first, pinned.buffers.last) if pinned else None,
                    assign=spec.backup_groups[group].assign,
                )
            )
    return tuple(planned)


def _agents(context: Context, owners: dict[str, str]) -> tuple[AgentPlan, ...]:
    needed = {link.target: required(context.spec, link) for link in context.links}
    agents = []
    for name, owner in owners.items():
        draft = context.agents[name]
        agents.append(
            AgentPlan(
                name=name,
                group=draft.group,
                role=draft.role,
                level=context.level(name),
                node=context.node_of(name),
                device=_device(context, draft.device),
                slots=_slots(context, name, owner),
                slab=owner,
                required=needed.get(name, True),
            )
        )
    return tuple(sorted(agents, key=lambda agent: context.levels[agent.name]))


def _slots(context: Context, agent: str, owner: str) -> int:
    """As many as were asked for; who receives frames in the memory of others, no more than these
    have."""
    wanted = context.agents[agent].buffers
    if owner == agent:
        return wanted
    owners = {slab_owner(context, feeder) for feeder in context.feeders[agent]}
    return min(wanted, sum(context.agents[name].buffers for name in owners))


def slab_owner(context: Context, agent: str) -> str:
    """Where the frames of an agent lie: with itself, or with who feeds it on its node."""
    feeders = context.feeders[agent]
    while feeders and {context.node_of(f) for f in feeders} == {context.node_of(agent)}:
        agent = feeders[0]
        feeders = context.feeders[agent]
    return agent


def _device(context: Context, name: str) -> DeviceTarget:
    device = context.spec.devices[name]
    location = absolute_path(context.document, device.path) if device.path else ""
    return DeviceTarget(
        name, device.kind, location, device.block_size, device.rate_limit, device.media_size
    )


def _slabs(
    context: Context, owners: dict[str, str], objects: tuple[ObjectPlan, ...]
) -> tuple[SlabPlan, ...]:
    size = slot_bytes(context.spec.frame_size)
    of_clients = client_slab_slots(context, objects)
    users: dict[str, list[str]] = {}
    for agent, owner in owners.items():
        users.setdefault(owner, []).append(agent)
    for client in context.spec.clients:
        if client not in of_clients:
            for head in _heads_of_client(objects, client):
                users[owners[head]].append(client)
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


def _heads_of_client(objects: tuple[ObjectPlan, ...], client: str) -> tuple[str, ...]:
    heads = (head for item in objects if item.client == client for head in item.heads)
    return tuple(dict.fromkeys(heads))


def _client_edges(
    context: Context, objects: tuple[ObjectPlan, ...], agents: tuple[AgentPlan, ...]
) -> tuple[EdgePlan, ...]:
    slots = {agent.name: agent.slots for agent in agents}
    remote = client_slab_slots(context, objects)
    return tuple(
        EdgePlan(
            name=f"{client} -> {head}",
            source=client,
            target=head,
            transport=Transport.OBJECT_STORE if client in remote else Transport.SHARED_MEMORY,
            first_slot=0,
            last_slot=slots[head],
            spread=head.partition(".")[0],
            rate=_client_rate(context.spec, head),
        )
        for client in context.spec.clients
        for head in _heads_of_client(objects, client)
    )


def _couplings(context: Context, names: Collection[str]) -> tuple[EdgePlan, ...]:
    edges = []
    links = [link for link in context.links if link.target in names]
    for link in sorted(links, key=lambda link: context.levels[link.target]):
        same = context.node_of(link.source) == context.node_of(link.target)
        when_slow, lag_max = slowness(context.spec, link)
        edges.append(
            EdgePlan(
                name=f"{link.source} -> {link.target}",
                source=link.source,
                target=link.target,
                transport=Transport.SHARED_MEMORY if same else Transport.OBJECT_STORE,
                first_slot=link.buffers.first,
                last_slot=link.buffers.last,
                required=required(context.spec, link),
                when_slow=when_slow,
                lag_bytes_max=lag_max,
                spread=link.coupling.target.group if joins(context.spec, link.coupling) else "",
                rate=rate_of(context.spec, link),
            )
        )
    return tuple(edges)


def _client_rate(spec: GraphSpec, head: str) -> RateSchedule:
    group = spec.backup_groups[head.partition(".")[0]]
    return schedule_of(group.rate_limit, group.rate_windows)
