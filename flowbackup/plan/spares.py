"""Spare devices: which one goes on where a device of a group has failed."""

from __future__ import annotations

from flowbackup.plan.decided import AgentPlan, Plan, SparePlan


class Spares:
    """The spare devices of a plan that nobody has used yet."""

    def __init__(self, plan: Plan) -> None:
        self._left = {group.name: list(group.spares) for group in plan.groups}

    def take(self, agent: AgentPlan) -> SparePlan | None:
        """The next one for a device of this agent's group: on its node, where the frames are."""
        left = self._left.get(agent.group, [])
        for spare in left:
            if spare.node == agent.node:
                left.remove(spare)
                return spare
        return None


def has_spares(plan: Plan, agent: AgentPlan) -> bool:
    """May another device take the place of this agent's?"""
    return Spares(plan).take(agent) is not None
