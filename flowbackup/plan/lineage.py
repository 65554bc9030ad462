"""Which devices get what was read from which: the graph of copies of copies."""

from __future__ import annotations

from flowbackup.plan.context import Context
from flowbackup.plan.groups import RESTORE


def lineage_of(context: Context) -> dict[str, set[str]]:
    """Device -> the devices that are read to fill it.  Needs an order of all agents."""
    origins: dict[str, set[str]] = {}
    for name in sorted(context.levels, key=context.levels.__getitem__):
        agent = context.agents[name]
        if agent.role == RESTORE:
            origins[name] = {agent.device}
        else:
            origins[name] = {d for feeder in context.feeders[name] for d in origins[feeder]}
    found: dict[str, set[str]] = {}
    for name, devices in origins.items():
        agent = context.agents[name]
        if agent.role != RESTORE and devices:
            found.setdefault(agent.device, set()).update(devices)
    return found
