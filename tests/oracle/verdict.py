"""The oracle: everything that is wrong or doubtful in a graph, found again without the code under
test, mostly by trying out what would happen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.oracle.chains import Chains, Edge, taken
from tests.oracle.expected import Expected, one
from tests.oracle.memory import memory, shared_slots
from tests.oracle.model import (
    HERE,
    Agent,
    End,
    Graph,
    buffers_of,
    frame_bytes,
    groups,
    least_media_bytes,
    meant,
    objects,
    sync_bytes,
)
from tests.oracle.ways import all_goes_on, counts_of, fits, halves, ways


def verdict(graph: Graph, memory_bytes: int | None = None) -> set[Expected]:
    """All findings.  memory_bytes: what the machine of the command has; None for plenty."""
    chains = Chains(graph)
    are_sound = not any(ranges(chains))
    return {
        *names(graph, chains), *nodes(graph), *devices_used(graph), *ends(chains),
        *object_groups(graph, chains), *contents(graph), *unused(graph, chains),
        *roles(chains), *cycles(chains), *sources(chains), *unreached(chains), *levels(chains),
        *ranges(chains), *parts_of_copies(chains), *pinned(graph, chains),
        *ways(graph, chains, are_sound), *halves(graph, chains, are_sound),
        *copies(graph, chains, are_sound),
        *copy_loops(chains), *staging(graph, chains), *spares(chains), *places(graph),
        *standard_input(graph), *engine(graph), *chunks(graph),
        *windows(graph), *shared_slots(chains), *memory(graph, chains, memory_bytes),
        *excluded(graph),
    }  # fmt: skip


def names(graph: Graph, chains: Chains) -> Iterator[Expected]:
    tables = [
        [("nodes", n) for n in graph.get("nodes", {})],
        [("clients", n) for n in graph.get("clients", {})],
        [("devices", n) for n in graph.get("devices", {})],
        [keys for keys, _, _ in groups(graph)],
        *([keys for keys, client, _ in objects(graph) if client == name]
          for name in graph.get("clients", {})),
    ]  # fmt: skip
    for table in tables:
        for at, keys in enumerate(table):
            if any(str(k[-1]).lower() == str(keys[-1]).lower() for k in table[:at]):
                yield one("doubled-name", *keys)
    agents = {f"{g}.{d}".lower() for g, d in chains.agents}
    for name in graph.get("nodes", {}):
        if name.lower() == HERE:
            yield one("reserved-name", "nodes", name)
    for name in graph.get("clients", {}):
        if name.lower() in agents:
            yield one("reserved-name", "clients", name)


def nodes(graph: Graph) -> Iterator[Expected]:
    known = {HERE, *graph.get("nodes", {})}
    for section in ("devices", "clients"):
        for name, part in graph.get(section, {}).items():
            if part.get("node", HERE) not in known:
                yield one("unknown-node", section, name, "node")


def devices_used(graph: Graph) -> Iterator[Expected]:
    written_by: set[str] = set()
    for keys, _, group in groups(graph):
        used = set() if keys[0] == "restore_groups" else written_by
        for field in ("devices", "reserve"):
            for index, device in enumerate(group.get(field, [])):
                if device not in graph.get("devices", {}):
                    yield one("unknown-device", *keys, field, index)
                if device in used:
                    yield one("device-twice", *keys, field, index)
                used.add(device)


def ends(chains: Chains) -> Iterator[Expected]:
    for coupling in chains.couplings:
        is_explicit = coupling.keys[0] == "couplings"
        for end in (coupling.source, coupling.target) if is_explicit else (coupling.source,):
            if end.group not in chains.groups:
                yield one("unknown-group", *coupling.keys)
            elif end.device is not None and not chains.ends(end):
                is_spare = end.device in chains.spares(end.group)
                yield one("spare-agent" if is_spare else "unknown-agent", *coupling.keys)


def object_groups(graph: Graph, chains: Chains) -> Iterator[Expected]:
    backups = graph.get("backup_groups", {})
    for keys, _, item in objects(graph):
        group = item.get("group")
        if group is None and len(backups) > 1:
            yield one("group-needed", *keys)
        elif group is not None and group not in backups:
            is_other = group in chains.groups
            yield one("object-to-mirror" if is_other else "unknown-group", *keys, "group")


def contents(graph: Graph) -> Iterator[Expected]:
    clients, backups = graph.get("clients"), graph.get("backup_groups")
    if clients or backups or not graph.get("copy_groups"):
        if not clients:
            yield one("no-client")
        if not backups:
            yield one("no-backup-group")
    for name, client in (clients or {}).items():
        if not client.get("objects"):
            yield one("no-object", "clients", name)
    for name, group in graph.get("copy_groups", {}).items():
        if group.get("select", {}).get("versions") == "session" and not clients:
            yield one("no-session", "copy_groups", name, "select", "versions")


def unused(graph: Graph, chains: Chains) -> Iterator[Expected]:
    used = {d for _, _, g in groups(graph) for d in [*g["devices"], *g.get("reserve", [])]}
    hosts = {p.get("node", HERE) for s in ("devices", "clients") for p in graph.get(s, {}).values()}
    backups = graph.get("backup_groups", {})
    taking = {item.get("group") for _, _, item in objects(graph)}
    feeding = {coupling.source.group for coupling in chains.couplings}
    for name in graph.get("devices", {}):
        if name not in used:
            yield one("unused-device", "devices", name, is_error=False)
    for name in graph.get("nodes", {}):
        if name not in hosts:
            yield one("unused-node", "nodes", name, is_error=False)
    for name in backups if len(backups) > 1 else ():
        if name not in taking:
            yield one("unused-group", "backup_groups", name, is_error=False)
    for name in graph.get("restore_groups", {}):
        if name not in feeding:
            yield one("unused-group", "restore_groups", name, is_error=False)


MAY_FEED = {("backup", "mirror"), ("mirror", "mirror"), ("copy", "mirror"), ("restore", "copy")}


def roles(chains: Chains) -> Iterator[Expected]:
    for coupling in chains.couplings:
        source, target = coupling.source.group, coupling.target.group
        pair = chains.role(source), chains.role(target)
        from_, to = chains.ends(coupling.source), chains.ends(coupling.target)
        if set(from_) & set(to):
            yield one("self-loop", *coupling.keys)
        if all(pair) and source != target and pair not in MAY_FEED:
            yield one(f"feeds-{pair[1]}-group", *coupling.keys)
        fits = len(from_) in (1, len(to)) or chains.joins(coupling)
        if from_ and to and not fits:
            yield one("agent-count", *coupling.keys)


def cycles(chains: Chains) -> Iterator[Expected]:
    behind = {agent: chains.reached({agent}) for agent in chains.agents}
    for knot in knots(behind):
        closing = {e.keys for e in chains.edges if {e.source, e.target} <= knot}
        yield Expected("cycle", frozenset(closing))


def knots(behind: dict[Any, set[Any]]) -> set[frozenset[Any]]:
    """Things that all lead to each other, two at least.  behind: each one included."""
    found = {
        frozenset(other for other in behind[thing] if thing in behind.get(other, ()))
        for thing in behind
    }
    return {knot for knot in found if len(knot) > 1}


def sources(chains: Chains) -> Iterator[Expected]:
    """An agent has room for the next coupling only beside those that have found theirs."""
    room: dict[Agent, list[Edge]] = {}
    seen: set[tuple[Agent, Agent]] = set()
    for edge in chains.edges:
        if edge.source == edge.target:
            continue
        others = room.setdefault(edge.target, [])
        has_room = all(_beside(edge, other) for other in others)
        if (edge.source, edge.target) in seen:
            yield one("doubled-coupling", *edge.keys)
        elif not has_room:
            yield one("two-sources", *edge.keys)
        seen.add((edge.source, edge.target))
        if has_room:
            others.append(edge)


def _beside(one_: Edge, other: Edge) -> bool:
    if one_.joins and one_.keys == other.keys:
        return True
    return one_.has_own and other.has_own and not set(one_.into) & set(other.into)


def unreached(chains: Chains) -> Iterator[Expected]:
    for keys, name, _ in groups(chains.graph):
        if keys[0] not in ("mirror_groups", "copy_groups"):
            continue
        to_it = [c for c in chains.couplings if c.target.group == name]
        got = [set(chains.ends(coupling.target)) for coupling in to_it]
        whole = {(name, device) for device in chains.at_work(name)}
        if chains.role(name) != "backup" and all(got) and set().union(*got) != whole:
            yield one("unreached", *keys)


def levels(chains: Chains) -> Iterator[Expected]:
    for name, group in chains.graph.get("mirror_groups", {}).items():
        agents = [(name, device) for device in chains.at_work(name)]
        found = {
            level - (agent in chains.copied)
            for agent in agents
            if (level := chains.levels[agent]) is not None
        }
        if len(found) > 1:
            yield one("mixed-levels", "mirror_groups", name)
        elif found and "level" in group and found != {group["level"]}:
            yield one("wrong-level", "mirror_groups", name, "level")


def ranges(chains: Chains) -> Iterator[Expected]:
    for coupling in chains.couplings:
        both = [coupling.source, coupling.target]
        parts = [end for end in both if end.first is not None]
        if chains.joins(coupling):
            if parts:
                yield one("range-of-copy", *coupling.keys)
        elif any(_is_outside(chains, end) for end in parts):
            yield one("range-outside", *coupling.keys)
        elif len({(end.last or 0) - (end.first or 0) for end in parts}) > 1:
            yield one("range-length", *coupling.keys)


def parts_of_copies(chains: Chains) -> Iterator[Expected]:
    for edge in chains.edges:
        if edge.source in chains.copied and edge.slots != range(chains.buffers(edge.source)):
            yield one("range-of-copy", *edge.keys)


def _is_outside(chains: Chains, end: End) -> bool:
    return end.group in chains.groups and (end.last or 0) > buffers_of(chains.groups[end.group][1])


def pinned(graph: Graph, chains: Chains) -> Iterator[Expected]:
    for keys, group, item in taken(graph):
        part = item.get("buffers")
        if part is not None and part.device not in chains.at_work(group):
            yield one("unknown-agent", *keys, "buffers")
        elif part is not None and part.last > buffers_of(chains.groups[group][1]):
            yield one("range-outside", *keys, "buffers")


def copies(graph: Graph, chains: Chains, are_sound: bool) -> Iterator[Expected]:
    """How many devices get an object, from whatever buffer it is put into?"""
    if not chains.is_ordered or not (are_sound or all_goes_on(chains)):
        return
    wanted = graph.get("copies", 1)
    items = list(taken(graph))
    only_pinned = {g for _, g, i in items if "buffers" in i} - {
        g for _, g, i in items if "buffers" not in i
    }
    for group in graph.get("backup_groups", {}):
        counts = list(counts_of(chains, group, {}))
        if group not in only_pinned and counts and min(counts) < wanted:
            yield one("too-many-copies", "copies")
    for keys, group, item in items:
        is_pinned = "buffers" in item and fits(chains, group, item)
        counts = list(counts_of(chains, group, item)) if is_pinned else []
        if counts and min(counts) < wanted:
            yield one("too-many-copies", *keys, "buffers")


def copy_loops(chains: Chains) -> Iterator[Expected]:
    """A device that is read fills others, which may be read to fill others: does it come back?"""
    if not chains.is_ordered:
        return
    readers = [agent for agent in chains.agents if chains.role(agent[0]) == "restore"]
    fills: dict[str, set[str]] = {}
    for reader in readers:
        filled = {device for _, device in chains.reached({reader}) - {reader}}
        fills.setdefault(reader[1], set()).update(filled)
    behind = {device: _filled_from(fills, device) for device in fills}
    looped = [device for device in fills if device in behind[device]]
    for knot in {frozenset(d for d in looped if d in behind[x] and x in behind[d]) for x in looped}:
        at = {chains.groups[group][0] for group, device in readers if device in knot}
        yield Expected("copy-loop", frozenset(at))


def _filled_from(fills: dict[str, set[str]], device: str) -> set[str]:
    found: set[str] = set()
    queue = [device]
    while queue:
        more = fills.get(queue.pop(), set()) - found
        found |= more
        queue.extend(more)
    return found


def excluded(graph: Graph) -> Iterator[Expected]:
    for keys, _, item in objects(graph):
        lines = item.get("exclude", ())
        for at in range(len(lines)):
            if all(isinstance(each, str) and each[:1] == "!" for each in lines[: at + 1]):
                yield one("brings-nothing-back", *keys, "exclude", at, is_error=False)


def staging(graph: Graph, chains: Chains) -> Iterator[Expected]:
    read = {device for group, device in chains.agents if chains.role(group) == "restore"}
    for name, device in graph.get("devices", {}).items():
        if "staging" in device and name not in read:
            yield one("staging-undrained", "devices", name, "staging", is_error=False)
        size = meant(device.get("media_size"), 0)
        block = meant(device.get("block_size"), 4096)
        if 0 < size < least_media_bytes(graph, block):
            yield one("media-too-small", "devices", name, "media_size")


def spares(chains: Chains) -> Iterator[Expected]:
    devices = chains.graph.get("devices", {})
    for keys, name, group in groups(chains.graph):
        near = {chains.node_of((name, device)) for device in chains.at_work(name)}
        for spare in chains.spares(name) if chains.groups[name][0] == keys else ():
            field = "reserve" if spare in group.get("reserve", []) else "devices"
            if spare in devices and devices[spare].get("node", HERE) not in near:
                yield one("spare-elsewhere", *keys, field, group[field].index(spare))


def places(graph: Graph) -> Iterator[Expected]:
    """Paths are tuples of names: one lies inside another one that it begins with."""
    devices = [
        (name, device.get("node", HERE), meant(device["path"]))
        for name, device in graph.get("devices", {}).items()
        if "path" in device
    ]
    for at, (name, node, path) in enumerate(devices):
        if (node, path) in [place[1:] for place in devices[:at]]:
            yield one("same-device", "devices", name, "path")
        if any(node == n and len(path) > len(p) and path[: len(p)] == p for _, n, p in devices):
            yield one("device-inside-device", "devices", name, "path")
    for keys, client, item in objects(graph):
        if "path" not in item:
            continue
        home, source = graph["clients"][client].get("node", HERE), meant(item["path"])
        near = [path for _, node, path in devices if node == home]
        if any(source[: len(path)] == path for path in near):
            yield one("source-in-device", *keys, "path")
        if any(len(path) > len(source) and path[: len(source)] == source for path in near):
            yield one("device-in-source", *keys, "path")


def standard_input(graph: Graph) -> Iterator[Expected]:
    """There is one, and it is here; and so is each table."""
    taken_before = False
    for keys, client, item in objects(graph):
        is_far = graph["clients"][client].get("node", HERE) != HERE
        if item.get("table") and is_far:
            yield one("table-far", *keys, "table")
        if "stdin" in item:
            if is_far:
                yield one("stdin-far", *keys, "stdin")
            if taken_before:
                yield one("stdin-twice", *keys, "stdin")
            taken_before = True


def engine(graph: Graph) -> Iterator[Expected]:
    """One process is on one machine."""
    if graph.get("engine") == "local" and graph.get("nodes"):
        yield one("engine-far", "engine")


def chunks(graph: Graph) -> Iterator[Expected]:
    """One of a fixed size is made as small as a frame; one that the content cuts is not."""
    for keys, _, item in objects(graph):
        written = item.get("chunking", {})
        largest = written.get("max", 4 * written.get("size", 0))
        if written.get("kind") == "fastcdc" and largest > frame_bytes(graph):
            yield one("chunk-over-frame", *keys, "chunking")


def windows(graph: Graph) -> Iterator[Expected]:
    for keys, _, group in groups(graph):
        if buffers_of(group) * frame_bytes(graph) < 2 * sync_bytes(graph):
            yield one("window", *keys, "buffers")
