"""From a checked graph to a plan: agents on the nodes of their devices, slabs, edges, memory."""

from __future__ import annotations

from flowbackup.model.device import HERE, DeviceTarget
from flowbackup.plan.bottleneck import bottleneck_of
from flowbackup.plan.context import Context, absolute_path
from flowbackup.plan.decided import (
    AgentPlan,
    EdgePlan,
    NodePlan,
    ObjectPlan,
    Plan,
    SlabPlan,
    Transport,
    slot_bytes,
)
from flowbackup.plan.graph import required, slowness
from flowbackup.spec.models import GraphSpec, ObjectSpec

NODE_LABEL = "flowbackup.io/node"


def place(context: Context) -> Plan:
    """The plan of a graph in which no rule found an error."""
    spec, document = context.spec, context.document
    owners = slab_owners(context)
    objects = _objects(context)
    slabs = _slabs(context, owners, objects)
    agents = _agents(context, owners)
    edges = (*_client_edges(context, objects, agents), *_couplings(context))
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
    )


def slab_owners(context: Context) -> dict[str, str]:
    """Agent -> the agent that owns its slab: the head of its chain on that node."""
    owners: dict[str, str] = {}
    feeders = {link.target: link.source for link in context.links}
    for agent in sorted(context.levels, key=context.levels.__getitem__):
        feeder = feeders.get(agent)
        shares = feeder in owners and context.node_of(feeder) == context.node_of(agent)
        owners[agent] = owners[feeder] if feeder and shares else agent
    return owners


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


def planned_slabs(context: Context) -> tuple[SlabPlan, ...]:
    """The slabs that this graph would have; for the rule about memory."""
    return _slabs(context, slab_owners(context), _objects(context))


def memory_by_node(slabs: tuple[SlabPlan, ...]) -> tuple[tuple[str, int], ...]:
    """Node -> bytes of its slabs."""
    memory: dict[str, int] = {}
    for slab in slabs:
        memory[slab.node] = memory.get(slab.node, 0) + slab.size_bytes
    return tuple(memory.items())


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
            devices = spec.backup_groups[group].devices
            pinned = item.buffers
            chosen = (pinned.device,) if pinned else tuple(dict.fromkeys(devices))
            planned.append(
                ObjectPlan(
                    client=client_name,
                    name=name,
                    node=client.node,
                    path=absolute_path(context.document, item.path),
                    group=group,
                    heads=tuple(f"{group}.{device}" for device in chosen if device in devices),
                    buffers=(pinned.buffers.first, pinned.buffers.last) if pinned else None,
                )
            )
    return tuple(planned)


def _agents(context: Context, owners: dict[str, str]) -> tuple[AgentPlan, ...]:
    needed = {link.target: required(context.spec, link) for link in context.links}
    agents = []
    for name, draft in context.agents.items():
        owner = owners[name]
        agents.append(
            AgentPlan(
                name=name,
                group=draft.group,
                role="backup" if draft.backup else "mirror",
                level=context.levels[name],
                node=context.node_of(name),
                device=_device(context, draft.device),
                slots=min(draft.buffers, context.agents[owner].buffers),
                slab=owner,
                required=needed.get(name, True),
            )
        )
    return tuple(sorted(agents, key=lambda agent: agent.level))


def _device(context: Context, name: str) -> DeviceTarget:
    device = context.spec.devices[name]
    location = absolute_path(context.document, device.path) if device.path else ""
    return DeviceTarget(name, device.kind, location, device.block_size, device.rate_limit)


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
        )
        for client in context.spec.clients
        for head in _heads_of_client(objects, client)
    )


def _couplings(context: Context) -> tuple[EdgePlan, ...]:
    edges = []
    for link in sorted(context.links, key=lambda link: context.levels[link.target]):
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
            )
        )
    return tuple(edges)
