"""What would run where: the plan as rows for programs and as tables for people."""

from __future__ import annotations

from dataclasses import asdict

from flowbackup.cli.columns import table
from flowbackup.cli.freed import freed_text
from flowbackup.cli.hooks import hook_fields, hook_tables, notice_fields
from flowbackup.cli.output import Output
from flowbackup.cli.summary import problem_text
from flowbackup.model.device import HERE
from flowbackup.model.published import freed_fields
from flowbackup.model.report import SessionReport
from flowbackup.plan.buffers import into_of
from flowbackup.plan.decided import (
    AgentPlan,
    CopySelection,
    EdgePlan,
    GroupPlan,
    Plan,
    StagingPlan,
)
from flowbackup.units import counted, format_rate, format_seconds, format_size


def show_plan(plan: Plan, output: Output, room: SessionReport | None = None) -> None:
    """Objects, agents, couplings, memory, the bottleneck, and the room that a run would make."""
    freed = room.freed if room is not None else ()
    problems = room.problems if room is not None else ()
    output.row("plan", plan_fields(plan), plan_text(plan))
    for item in freed:
        output.row("freed", freed_fields(item), freed_text(item, dry_run=True))
    for problem in problems:
        output.remark(problem_text(problem))


def plan_fields(plan: Plan) -> dict[str, object]:
    return {
        "graph": plan.graph,
        "frame_bytes": plan.frame_bytes,
        "sync_bytes": plan.sync_bytes,
        "copies": plan.copies,
        "objects": [
            {
                "client": item.client,
                "name": item.name,
                "path": item.path,
                "heads": list(item.heads),
                "hooks": hook_fields(item.hooks),
            }
            for item in plan.objects
        ],
        **_part_fields(plan),
        "stages": [_stage_fields(stage) for stage in plan.stages],
        "staging": [_staging_fields(policy) for policy in plan.staging],
        "hooks": hook_fields(plan.hooks),
        "notices": notice_fields(plan.notices),
        "memory_bytes": dict(plan.memory_bytes),
        "bottleneck": plan.bottleneck,
    }


def _staging_fields(policy: StagingPlan) -> dict[str, object]:
    return {
        "device": policy.device.name,
        "node": policy.node,
        "copies": policy.copies,
        "keep_seconds": policy.keep_seconds,
    }


def _part_fields(plan: Plan) -> dict[str, object]:
    return {
        "agents": [_agent_fields(agent) for agent in plan.agents],
        "edges": [_edge_fields(edge) for edge in plan.edges],
        "groups": [_group_fields(group) for group in plan.groups],
    }


def _stage_fields(stage: Plan) -> dict[str, object]:
    return {**_part_fields(stage), "copies": [asdict(item) for item in stage.selections]}


def _group_fields(group: GroupPlan) -> dict[str, object]:
    return {
        "name": group.name,
        "role": group.role,
        "assign": group.assign,
        "devices_min": group.devices_min,
        "spares": [spare.device.name for spare in group.spares],
    }


def _agent_fields(agent: AgentPlan) -> dict[str, object]:
    return {
        "name": agent.name,
        "role": agent.role,
        "level": agent.level,
        "node": agent.node,
        "device": agent.device.name,
        "location": agent.device.location,
        "slots": agent.slots,
        "required": agent.required,
    }


def _edge_fields(edge: EdgePlan) -> dict[str, object]:
    return {
        "name": edge.name,
        "source": edge.source,
        "target": edge.target,
        "transport": edge.transport.value,
        "slots": [edge.first_slot, edge.last_slot],
        "into": list(into_of(edge)),
        "required": edge.required,
    }


def plan_text(plan: Plan) -> str:
    """The plan for people; touches nothing."""
    memory = ", ".join(
        f"{format_size(size)} {node if node == HERE else f'on {node}'}"
        for node, size in plan.memory_bytes
    )
    parts = [
        f"plan of {plan.graph}: frames of {format_size(plan.frame_bytes)},"
        f" a sync every {format_size(plan.sync_bytes)} or {plan.sync_seconds:g} s"
    ]
    if plan.objects:
        parts += [_object_table(plan), *_tables(plan)]
    for stage in plan.stages:
        parts += ["\n".join(_copy_text(item) for item in stage.selections), *_tables(stage)]
    if plan.staging:
        parts.append("\n".join(_staging_text(policy) for policy in plan.staging))
    parts += hook_tables(plan)
    parts.append(f"memory: {memory}")
    if plan.bottleneck:
        parts.append(plan.bottleneck)
    return "\n\n".join(parts)


def _tables(part: Plan) -> list[str]:
    return [_agent_table(part), *([_edge_table(part)] if part.edges else [])]


def _copy_text(item: CopySelection) -> str:
    """What a copy group takes, in words."""
    when = "after the session" if item.after == "session" else "by flowbackup copy"
    versions = {"session": "the versions of the session", "latest": "the newest version"}
    what = versions.get(item.versions, "every version")
    of = f" of {', '.join(item.objects)}" if item.objects else " of every object"
    limits = [
        f"not older than {format_seconds(item.since_seconds)}" if item.since_seconds else "",
        f"with a copy in pool {item.pool}" if item.pool else "",
        f"with fewer than {counted(item.below, 'durable copy', 'durable copies')}"
        if item.below
        else "",
    ]
    return ", ".join([f"{item.group} copies {what}{of}", *filter(None, limits), when])


def _staging_text(policy: StagingPlan) -> str:
    """When the frames of a staging device make room, in words."""
    copies = counted(policy.copies, "copy", "copies")
    age = f" and are {format_seconds(policy.keep_seconds)} old" if policy.keep_seconds else ""
    name = policy.device.name
    return f"{name} frees versions that have {copies} on other devices{age}"


def _object_table(plan: Plan) -> str:
    rows = [(f"{o.client}/{o.name}", o.path, ", ".join(o.heads)) for o in plan.objects]
    return table(("object", "path", "to"), rows)


def _agent_table(plan: Plan) -> str:
    rows = [
        (
            agent.name,
            agent.role,
            str(agent.level),
            agent.node,
            agent.device.location or agent.device.kind,
            str(agent.slots),
            "required" if agent.required else "optional",
        )
        for agent in plan.agents
    ]
    return table(("agent", "role", ">level", "node", "device", ">buffers", "policy"), rows)


def _edge_table(plan: Plan) -> str:
    rows = [(edge.name, edge.transport.value, _buffers(edge), _rate(edge)) for edge in plan.edges]
    return table(("coupling", "by", "buffers", ">rate"), rows)


def _buffers(edge: EdgePlan) -> str:
    """Which buffers are coupled, and with which of the target where those have other numbers."""
    buffers, into = (edge.first_slot, edge.last_slot), into_of(edge)
    text = f"[{buffers[0]}:{buffers[1]}]"
    return text if into == buffers else f"{text} -> [{into[0]}:{into[1]}]"


def _rate(edge: EdgePlan) -> str:
    """The limit of an edge, and how many windows with other limits it has."""
    limit = format_rate(edge.rate.limit) if edge.rate.limit else "no limit"
    windows = len(edge.rate.windows)
    return limit if not windows else f"{limit}, {windows} other at times"
