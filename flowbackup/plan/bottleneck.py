"""Which part of a chain carries most, said before anything was measured."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping

from flowbackup.model.device import HERE
from flowbackup.model.location import DIRECTORY
from flowbackup.plan.buffers import edges_behind
from flowbackup.plan.decided import AgentPlan, EdgePlan, ObjectPlan, Transport
from flowbackup.plan.machine import file_system_of
from flowbackup.plan.pace import Pace, known_rate, pace_of
from flowbackup.spec.finding import listed
from flowbackup.units import format_rate


def bottleneck_of(
    agents: tuple[AgentPlan, ...], edges: tuple[EdgePlan, ...], objects: tuple[ObjectPlan, ...]
) -> str:
    """One sentence: a device with a rate limit, a disk that several devices share, the network, or
    the devices themselves."""
    loads, edge_loads = _loads(agents, edges, objects)
    if not any(loads.values()):
        return "Nothing is moved."
    known = [a for a in agents if known_rate(a) and loads[a.name]]
    pace = pace_of(agents, edges, loads, edge_loads)
    if pace is not None:
        return _pace_text(pace, all_known=all(known_rate(a) for a in agents if loads[a.name]))
    if known:
        slowest = min(known, key=lambda a: known_rate(a) / loads[a.name])
        return _held_to(slowest, known_rate(slowest) / loads[slowest.name])
    sentence = _shared_disk(agents, loads) or _network(agents, edges, loads)
    if sentence:
        return sentence
    busiest = max(agents, key=lambda agent: loads[agent.name])
    if len(agents) == 1:
        return f'Device "{busiest.device.name}" writes every byte: its disk sets the pace.'
    return (
        f'The slowest device sets the pace; "{busiest.device.name}" carries most, '
        f"every source byte {_times(loads[busiest.name])}."
    )


def rate_of(
    agents: tuple[AgentPlan, ...], edges: tuple[EdgePlan, ...], objects: tuple[ObjectPlan, ...]
) -> float | None:
    """Bytes of source per second that what is known of devices and couplings lets pass; None where
    too little is known."""
    loads, edge_loads = _loads(agents, edges, objects)
    pace = pace_of(agents, edges, loads, edge_loads)
    return None if pace is None else pace.rate


def _pace_text(pace: Pace, *, all_known: bool) -> str:
    verb = "holds" if len(pace.held_by) == 1 else "together hold"
    rest = "." if all_known else ", unless a device is slower."
    rate = format_rate(pace.rate)
    return f"{listed(sorted(pace.held_by))} {verb} the session to {rate} of source{rest}"


def _held_to(agent: AgentPlan, rate: float) -> str:
    return (
        f'"{agent.device.name}" holds the session to {format_rate(rate)} of source, unless '
        "a device is slower."
    )


def _loads(
    agents: tuple[AgentPlan, ...], edges: tuple[EdgePlan, ...], objects: tuple[ObjectPlan, ...]
) -> tuple[dict[str, float], dict[str, float]]:
    """Agent -> bytes that it writes (or reads, to copy them) per byte of source, objects taken as
    equally large; and the same of each coupling."""
    loads: defaultdict[str, float] = defaultdict(float)
    readers = {agent.name for agent in agents if agent.role == "restore"}
    loads.update(dict.fromkeys(readers, 1 / len(readers)) if readers else {})
    fed = {agent.name: agent.group for agent in agents}
    sizes = Counter(fed.values())
    pinned = _pinned(objects)
    for heads_of_some, count in _shares(objects):
        for head in heads_of_some:
            loads[head] += count / len(heads_of_some) / len(objects)
    slots = {agent.name: agent.slots for agent in agents}
    heads = {head for some, _ in _shares(objects) for head in some}
    deep: dict[str, float] | None = None
    carried: dict[str, float] = {}
    for edge in edges:
        if edge.source in readers:
            loads[edge.target] = carried[edge.name] = 1 / sizes[fed[edge.target]]
            continue
        if edge.first_slot == 0 and edge.last_slot >= slots.get(edge.source, 1 << 30):
            carried[edge.name] = loads[edge.source]
        elif edge.source in heads:
            carried[edge.name] = _inside(edge, pinned, len(objects))
        elif edge.source in slots:
            deep = _deep_loads(edges, objects) if deep is None else deep
            carried[edge.name] = deep.get(edge.name, 0.0)
        loads[edge.target] += carried.get(edge.name, 0.0)
    return {agent.name: loads[agent.name] for agent in agents}, carried


def _shares(objects: tuple[ObjectPlan, ...]) -> list[tuple[tuple[str, ...], int]]:
    """Heads, and how many objects go to these: those of a group that are not pinned go together."""
    heads = {(o.group, o.heads if o.buffers else ()): o.heads for o in objects}
    counts = Counter((o.group, o.heads if o.buffers else ()) for o in objects)
    return [(heads[key], count) for key, count in counts.items()]


def _deep_loads(
    edges: tuple[EdgePlan, ...], objects: tuple[ObjectPlan, ...]
) -> defaultdict[str, float]:
    """What couplings behind the heads carry of objects that are pinned."""
    loads: defaultdict[str, float] = defaultdict(float)
    coupled: defaultdict[str, list[EdgePlan]] = defaultdict(list)
    for edge in edges:
        coupled[edge.source].append(edge)
    uses = Counter((h, item.buffers) for item in objects if item.buffers for h in item.heads)
    for (head, buffers), count in uses.items():
        for edge in edges_behind(coupled.__getitem__, head, buffers):
            loads[edge.name] += count / len(objects)
    return loads


def _pinned(objects: tuple[ObjectPlan, ...]) -> dict[str, list[int]]:
    """Agent -> the first buffer of each object that is pinned to it, in their order."""
    found: dict[str, list[int]] = {}
    for item in objects:
        if item.buffers is not None:
            for head in item.heads:
                found.setdefault(head, []).append(item.buffers[0])
    return {head: sorted(begins) for head, begins in found.items()}


def _inside(edge: EdgePlan, pinned: Mapping[str, list[int]], objects: int) -> float:
    """What the objects inside a coupled range carry.  No rule lets one lie across its ends, so
    that those inside are those that begin there."""
    begins = pinned.get(edge.source, [])
    first = bisect_left(begins, edge.first_slot)
    return (bisect_left(begins, edge.last_slot) - first) / objects


def _shared_disk(agents: tuple[AgentPlan, ...], loads: dict[str, float]) -> str:
    """Devices of this machine on one file system; those of other nodes cannot be looked at."""
    disks: defaultdict[int, list[AgentPlan]] = defaultdict(list)
    for agent in agents:
        if agent.node == HERE and agent.device.kind == DIRECTORY:
            disks[file_system_of(agent.device.location)].append(agent)
    disks.pop(-1, None)
    if not disks:
        return ""
    sharing = max(disks.values(), key=lambda group: sum(loads[a.name] for a in group))
    if len(sharing) < 2:
        return ""
    names = listed(agent.device.name for agent in sharing)
    total = sum(loads[agent.name] for agent in sharing)
    return f"Devices {names} share one disk, which writes every source byte {_times(total)}."


def _network(
    agents: tuple[AgentPlan, ...], edges: tuple[EdgePlan, ...], loads: dict[str, float]
) -> str:
    """The edge between nodes that carries most."""
    hops = [edge for edge in edges if edge.transport is not Transport.SHARED_MEMORY]
    if not hops:
        return ""
    busiest = max(hops, key=lambda edge: loads[edge.target])
    count = f" ({len(hops)} edges cross it)" if len(hops) > 1 else ""
    load = _times(loads[busiest.target])
    return (
        f"The network between nodes{count}: edge {busiest.name} carries every source byte {load}."
    )


def _times(load: float) -> str:
    return "once" if load == 1 else f"{load:.3g} times"
