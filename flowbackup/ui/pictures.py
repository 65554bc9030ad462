"""What the canvas draws: boxes and edges of a plan, with what stands behind them."""

from __future__ import annotations

from flowbackup.plan.buffers import into_of
from flowbackup.plan.decided import Plan
from flowbackup.plan.picture import picture_of
from flowbackup.ui.values.design import DesignBox, DesignEdge, DesignPicture

THEN = "then"
"""The label of a step from a device that was written to the agent that reads it."""


def design_picture(plan: Plan) -> DesignPicture:
    """Of the session and its stages."""
    parts = (plan, *plan.stages)
    agents = {agent.name: agent for part in parts for agent in part.agents}
    edges = {(edge.source, edge.target): edge for part in parts for edge in part.edges}
    picture = picture_of(plan)
    boxes = []
    for box in picture.boxes:
        agent = agents.get(box.name)
        boxes.append(
            DesignBox(
                name=box.name, kind=box.kind, lines=list(box.lines), group=box.frame,
                rank=box.rank, buffers=box.buffers,
                device=agent.device.name if agent else "", node=agent.node if agent else "",
                level=agent.level if agent else 0,
            )
        )  # fmt: skip
    lines = []
    for line in picture.lines:
        edge = None if line.label == THEN else edges.get((line.source, line.target))
        lines.append(
            DesignEdge(
                source=line.source, target=line.target, label=line.label, optional=line.optional,
                source_buffers=(edge.first_slot, edge.last_slot) if edge else None,
                target_buffers=into_of(edge) if edge else None,
            )
        )  # fmt: skip
    return DesignPicture(title=picture.title, boxes=boxes, edges=lines, note=picture.note)
