"""From a checked graph to a plan: agents on the nodes of their devices, slabs, edges, memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from flowbackup.model.device import HERE
from flowbackup.model.rate import RateSchedule
from flowbackup.plan.bottleneck import bottleneck_of
from flowbackup.plan.context import Context, absolute_path
from flowbackup.plan.decided import (
    AgentPlan,
    CopySelection,
    EdgePlan,
    NodePlan,
    ObjectPlan,
    Plan,
    StagingPlan,
    Transport,
)
from flowbackup.plan.graph import rate_of, required, schedule_of, slowness
from flowbackup.plan.hooks import planned_hooks, planned_notices
from flowbackup.plan.outline import Outline, device_target, outline_of
from flowbackup.plan.slabs import client_slab_slots, memory_by_node, most_memory, slabs_of
from flowbackup.plan.stages import backup_agents, stages_of
from flowbackup.spec.models import GraphSpec

NODE_LABEL = "flowbackup.io/node"


def place(context: Context) -> Plan:
    """The plan of a graph in which no rule found an error."""
    outline = outline_of(context)
    plan = _planned(outline, backup_agents(context), outline.objects, ())
    stages = tuple(
        _planned(outline, part, (), selections) for part, selections in stages_of(context)
    )
    memory = most_memory(stage.slabs for stage in (plan, *stages))
    first = plan if plan.agents or not stages else stages[0]
    nodes = _nodes(context.spec)
    return replace(
        plan,
        stages=tuple(replace(stage, nodes=nodes) for stage in stages),
        nodes=nodes,
        memory_bytes=memory,
        bottleneck=first.bottleneck,
        staging=tuple(_staging(context)),
        hooks=planned_hooks(context.spec.hooks),
        notices=planned_notices(context.document),
    )


def _planned(
    outline: Outline,
    names: Collection[str],
    objects: tuple[ObjectPlan, ...],
    selections: tuple[CopySelection, ...],
) -> Plan:
    """The part of a graph that these agents are."""
    spec, document = outline.context.spec, outline.context.document
    slabs = slabs_of(outline, names, objects)
    agents = tuple(_agent(outline, name) for name in outline.ordered(names))
    clients = _client_edges(outline) if objects else ()
    edges = (*clients, *_couplings(outline, names))
    return Plan(
        graph=spec.graph,
        path="" if document.path.startswith("<") else document.path,
        frame_bytes=spec.frame_size,
        sync_bytes=spec.sync_size,
        sync_seconds=spec.sync_seconds,
        copies=spec.copies or 0,
        nodes=(),
        agents=agents,
        edges=edges,
        slabs=slabs,
        objects=objects,
        memory_bytes=memory_by_node(slabs),
        bottleneck=bottleneck_of(agents, edges, objects),
        graph_text=document.text,
        catalog=absolute_path(document, spec.catalog) if spec.catalog else "",
        groups=outline.groups_with(names),
        selections=selections,
        engine=spec.engine,
        zstd_level=spec.compression,
        key=absolute_path(document, spec.encryption.key) if spec.encryption else "",
    )


def _nodes(spec: GraphSpec) -> tuple[NodePlan, ...]:
    others = (
        NodePlan(name, tuple(node.labels.items()) or ((NODE_LABEL, name),))
        for name, node in spec.nodes.items()
    )
    return (NodePlan(HERE), *others)


def _agent(outline: Outline, name: str) -> AgentPlan:
    context = outline.context
    draft = context.agents[name]
    links = [link for _, link in outline.links.get(name, ())]
    return AgentPlan(
        name=name,
        group=draft.group,
        role=draft.role,
        level=context.level(name),
        node=context.node_of(name),
        device=device_target(context, draft.device),
        slots=outline.slots[name],
        slab=outline.owners[name],
        required=not links or any(required(context.spec, link) for link in links),
    )


def _client_edges(outline: Outline) -> tuple[EdgePlan, ...]:
    remote = client_slab_slots(outline)
    between = Transport(outline.context.spec.transport)
    return tuple(
        EdgePlan(
            name=f"{client} -> {head}",
            source=client,
            target=head,
            transport=between if client in remote else Transport.SHARED_MEMORY,
            first_slot=0,
            last_slot=outline.slots[head],
            spread=head.partition(".")[0],
            rate=_client_rate(outline.context.spec, head),
        )
        for client, heads in outline.heads.items()
        for head in heads
    )


def _couplings(outline: Outline, names: Collection[str]) -> tuple[EdgePlan, ...]:
    context, edges = outline.context, []
    between = Transport(context.spec.transport)
    for link in outline.links_to(names):
        same = context.node_of(link.source) == context.node_of(link.target)
        when_slow, lag_max = slowness(context.spec, link)
        edges.append(
            EdgePlan(
                name=f"{link.source} -> {link.target}",
                source=link.source,
                target=link.target,
                transport=Transport.SHARED_MEMORY if same else between,
                first_slot=link.buffers.first,
                last_slot=link.buffers.last,
                into=(link.into.first, link.into.last),
                required=required(context.spec, link),
                when_slow=when_slow,
                lag_bytes_max=lag_max,
                spread=link.coupling.target.group if context.joins(link.coupling) else "",
                rate=rate_of(context.spec, link),
            )
        )
    return tuple(edges)


def _client_rate(spec: GraphSpec, head: str) -> RateSchedule:
    group = spec.backup_groups[head.partition(".")[0]]
    return schedule_of(group.rate_limit, group.rate_windows)


def _staging(context: Context) -> Iterator[StagingPlan]:
    for name, device in context.spec.devices.items():
        if device.staging is not None:
            policy, target = device.staging, device_target(context, name)
            yield StagingPlan(target, device.node, policy.copies, policy.keep)
