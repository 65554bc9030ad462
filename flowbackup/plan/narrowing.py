"""A plan without some of its parts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from flowbackup.errors import UsageError
from flowbackup.plan.decided import Plan
from flowbackup.plan.groups import COPY, RESTORE

AFTER_SESSION = "session"


def narrowed(stage: Plan, groups: Collection[str]) -> Plan:
    """The stage as if these were its only copy groups: they, what stands behind them, and their
    restore agents."""
    kept: set[str] = set()
    # Agents stand in the order of their levels, so those in front of one are known before it.
    for agent in stage.agents:
        feeders = {edge.source for edge in stage.edges_into(agent.name)}
        is_asked = agent.group in groups if agent.role == COPY else bool(feeders & kept)
        if agent.role == RESTORE or is_asked:
            kept.add(agent.name)
    return replace(
        stage,
        agents=tuple(agent for agent in stage.agents if agent.name in kept),
        edges=tuple(edge for edge in stage.edges if edge.target in kept),
        slabs=tuple(slab for slab in stage.slabs if slab.owner in kept),
        selections=tuple(item for item in stage.selections if item.group in groups),
    )


def copies_only(plan: Plan, stages: Iterable[Plan]) -> Plan:
    """The plan without its backup, with these stages."""
    return replace(plan, agents=(), edges=(), slabs=(), objects=(), groups=(), stages=tuple(stages))


def stages_after_session(plan: Plan) -> list[Plan]:
    """What a run of the graph copies."""
    return _with_groups(
        plan, {i.group for s in plan.stages for i in s.selections if i.after == AFTER_SESSION}
    )


def stages_named(plan: Plan, groups: Collection[str]) -> list[Plan]:
    """What `copy` copies: these copy groups, or all.  Raises UsageError for one that the graph does
    not have."""
    known = {item.group for stage in plan.stages for item in stage.selections}
    strange = [f' "{group}"' for group in groups if group not in known]
    if strange or not known:
        raise UsageError(
            f"graph {plan.graph} has no copy group{strange[0] if strange else ''}",
            remedy=f"its copy groups are: {', '.join(sorted(known)) or 'none'}",
        )
    return _with_groups(plan, set(groups) or known)


def _with_groups(plan: Plan, groups: Collection[str]) -> list[Plan]:
    return [
        narrowed(stage, groups)
        for stage in plan.stages
        if any(item.group in groups for item in stage.selections)
    ]
