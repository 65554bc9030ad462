"""The drawing model: boxes in ranks, frames around groups, lines between boxes.

Made from a plan once, and shown in several forms, which know nothing of plans.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from flowbackup.model.device import HERE
from flowbackup.plan.buffers import into_of
from flowbackup.plan.decided import AgentPlan, EdgePlan, Plan, Transport
from flowbackup.units import counted, format_size

OBJECTS_SHOWN = 4
TEXT_SHOWN = 30
"""Characters of a path that a box shows; the end says more than the beginning."""


@dataclass(frozen=True, slots=True)
class Box:
    """A client or a media agent.  kind: client, backup, mirror, restore or copy.  frame: its group,
    "" for a client.  buffers: 0 for a client."""

    name: str
    kind: str
    lines: tuple[str, ...]
    frame: str
    rank: int
    buffers: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """An edge, or the step from a device that was written to the agent that reads it.  label: the
    ranges of buffers, the way between nodes, "then" for such a step, or ""."""

    source: str
    target: str
    label: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """ranks: boxes from left (clients) to right, each rank from top to bottom."""

    title: str
    ranks: tuple[tuple[Box, ...], ...]
    lines: tuple[Line, ...]
    note: str

    @property
    def boxes(self) -> tuple[Box, ...]:
        return tuple(box for rank in self.ranks for box in rank)


def picture_of(plan: Plan) -> Picture:
    """What there is to draw, in an order in which few lines cross."""
    agents = [agent for part in (plan, *plan.stages) for agent in part.agents]
    slots = {agent.name: agent.slots for agent in agents}
    lines = [_line(edge, slots) for part in (plan, *plan.stages) for edge in part.edges]
    steps = [
        Line(writer.name, reader.name, "then", False)
        for reader in agents
        for writer in agents
        if reader.role == "restore" != writer.role and reader.device == writer.device
    ]
    at = _ranks_of(agents, [*lines, *steps])
    # A step over other ranks would run through their boxes; the reader says what it reads.
    lines += [step for step in steps if at[step.source] + 1 == at[step.target]]
    boxes = [*_client_boxes(plan), *(_agent_box(plan, a, at[a.name]) for a in agents)]
    memory = ", ".join(f"{node} {format_size(size)}" for node, size in plan.memory_bytes)
    around = [_counted(plan.hooks, "hook"), _counted(plan.notices, "notice")]
    said = f" Around it: {' and '.join(filter(None, around))}." if any(around) else ""
    note = f"memory: {memory}. {plan.bottleneck}{said}"
    return Picture(plan.graph, _ranks(boxes, lines), tuple(lines), note)


def _ranks_of(agents: Sequence[AgentPlan], lines: Sequence[Line]) -> dict[str, int]:
    """How many lines lead to each agent, the longest way; those of clients count."""
    feeders: dict[str, list[str]] = {agent.name: [] for agent in agents}
    for line in lines:
        feeders[line.target].append(line.source)
    ranks: dict[str, int] = {}
    for name in TopologicalSorter(feeders).static_order():
        before = [ranks[feeder] + 1 for feeder in feeders.get(name, ())]
        ranks[name] = max(before, default=0)
    return ranks


def _client_boxes(plan: Plan) -> list[Box]:
    objects: defaultdict[str, list[str]] = defaultdict(list)
    nodes: dict[str, str] = {}
    for item in plan.objects:
        pinned = f" [{item.buffers[0]}:{item.buffers[1]}]" if item.buffers else ""
        hooked = f", {_counted(item.hooks, 'hook')}" if item.hooks else ""
        source = _short(item.path or str(item.stream))
        objects[item.client].append(f"{item.name}: {source}{pinned}{hooked}")
        nodes[item.client] = item.node
    boxes = []
    for client, texts in objects.items():
        more = len(texts) - OBJECTS_SHOWN
        shown = texts[:OBJECTS_SHOWN] + ([f"and {more} more"] if more > 0 else [])
        where = () if nodes[client] == HERE else (f"on {nodes[client]}",)
        boxes.append(Box(client, "client", (*shown, *where), "", 0))
    return boxes


def _agent_box(plan: Plan, agent: AgentPlan, rank: int) -> Box:
    place = _short(agent.device.location) or agent.device.kind
    where = "" if agent.node == HERE else f" on {agent.node}"
    reads = "reads " if agent.role == "restore" else ""
    return Box(
        agent.name, agent.role,
        (f"{reads}{place}{where}", f"{agent.slots} x {format_size(plan.frame_bytes)}"),
        agent.group, rank, agent.slots,
    )  # fmt: skip


def _line(edge: EdgePlan, slots: dict[str, int]) -> Line:
    parts = []
    (first, last), is_whole = into_of(edge), edge.first_slot == 0
    is_whole &= edge.last_slot >= slots.get(edge.source, 0)
    if edge.source in slots and not is_whole:
        parts.append(f"[{edge.first_slot}:{edge.last_slot}]")
    is_other = is_whole or (first, last) != (edge.first_slot, edge.last_slot)
    if is_other and (first > 0 or last < slots[edge.target]):
        parts.append(f"to [{first}:{last}]")
    if edge.transport is not Transport.SHARED_MEMORY:
        parts.append("network")
    return Line(edge.source, edge.target, " ".join(parts), not edge.required)


def _ranks(boxes: list[Box], lines: list[Line]) -> tuple[tuple[Box, ...], ...]:
    """Each rank sorted by the mean position of what feeds it, agents of a group together."""
    feeders: defaultdict[str, list[str]] = defaultdict(list)
    for line in lines:
        feeders[line.target].append(line.source)
    by_rank: defaultdict[int, list[Box]] = defaultdict(list)
    for box in boxes:
        by_rank[box.rank].append(box)
    position: dict[str, float] = {}
    ranks = []
    for rank in sorted(by_rank):
        middle = {
            box.name: _mean([position[f] for f in feeders[box.name]]) for box in by_rank[rank]
        }
        groups: defaultdict[str, list[float]] = defaultdict(list)
        for box in by_rank[rank]:
            groups[box.frame].append(middle[box.name])
        order = sorted(
            by_rank[rank], key=lambda b: (_mean(groups[b.frame]), b.frame, middle[b.name])
        )
        position.update({box.name: float(index) for index, box in enumerate(order)})
        ranks.append(tuple(order))
    return tuple(ranks)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _counted(items: Sequence[object], word: str) -> str:
    """As in "2 hooks"; "" for none."""
    return counted(len(items), word) if items else ""


def _short(path: str) -> str:
    return path if len(path) <= TEXT_SHOWN else f"...{path[-TEXT_SHOWN + 3 :]}"
