"""Legal graphs at random, as a user writes them: plain dicts, made without the code they test.

Groups of all roles and sizes on three nodes; chains and trees of mirrors; parts of buffers that
lead to different mirrors, on every level; mirrors that several agents feed; objects pinned to
buffers or spread by frame or by object; restore groups, copy groups and mirrors of these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

Graph = dict[str, Any]
AGENTS_MAX = 12
NODES = ("here", "n0", "n1")
PIECE_MIN = 3
"""Buffers of a part: one at least for each of three clients."""
Piece = tuple[int, int]


@dataclass
class _Agent:
    """pieces: where its buffers may be cut, each with the head's piece that lies there; empty where
    frames may be in any buffer.  roots: the heads that it gets frames of."""

    name: str
    buffers: int
    level: int
    roots: frozenset[str]
    pieces: list[Piece] = field(default_factory=list)


class GraphMaker:
    """Makes one graph from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._devices: Graph = {}
        self._mirrors: Graph = {}
        self._couplings: list[str] = []
        self._agents: list[_Agent] = []
        self._groups: dict[str, list[_Agent]] = {}
        self._is_cut: dict[str, bool] = {}
        self._nodes = NODES[: self._random.choice((1, 2, 3, 3))]

    def make(self) -> Graph:
        random = self._random
        backups = {f"b{i}": self._backup_group(f"b{i}") for i in range(random.choice((1, 1, 2)))}
        graph: Graph = {
            "graph": "g", "frame_size": "64 KiB", "sync_size": random.choice((1 << 16, 3 << 15)),
            "clients": self._clients(backups), "devices": self._devices, "backup_groups": backups,
        }  # fmt: skip
        least = len(self._agents)
        wanted = max(random.randint(least, AGENTS_MAX), random.randint(least, AGENTS_MAX))
        copying = random.random() < 0.5 and wanted - len(self._agents) >= 4
        until = wanted - 4 if copying else wanted
        while len(self._agents) < until:
            random.choice((self._mirror_group, self._fan, self._part, self._part, self._joint))()
        if copying:
            self._copy_stage(graph, wanted)
        sections = {
            "nodes": {n: {"labels": {"flowbackup.io/node": n}} for n in NODES[1:]},
            "mirror_groups": self._mirrors, "couplings": self._couplings,
        }  # fmt: skip
        return graph | {key: value for key, value in sections.items() if value}

    def _device(self) -> str:
        name = f"d{len(self._devices)}"
        self._devices[name] = {"path": name, "node": self._random.choice(self._nodes)}
        return name

    def _backup_group(self, name: str) -> Graph:
        random = self._random
        self._is_cut[name] = random.random() < 0.5
        buffers = random.randint(2 * PIECE_MIN, 10)
        border = random.randint(PIECE_MIN, buffers - PIECE_MIN)
        pieces = [(0, border), (border, buffers)] if self._is_cut[name] else [(0, buffers)]
        devices = [self._device() for _ in range(random.choice((1, 1, 2, 3)))]
        self._groups[name] = [
            _Agent(f"{name}.{d}", buffers, 0, frozenset({f"{name}.{d}"}), list(pieces))
            for d in devices
        ]
        self._agents += self._groups[name]
        return {
            "devices": devices,
            "buffers": buffers,
            "assign": random.choice(("frame", "object")),
        }

    def _clients(self, backups: Graph) -> Graph:
        random = self._random
        clients: Graph = {}
        for i in range(random.randint(1, 3)):
            objects = {}
            for k in range(random.randint(1, 3)):
                group = random.choice(sorted(backups))
                objects[f"o{k}"] = {"path": f"c{i}-o{k}", "group": group}
                if self._is_cut[group] or random.random() < 0.3:
                    agent = random.choice(self._groups[group])
                    first, last = random.choice(agent.pieces)
                    pinned = f"{agent.name.partition('.')[2]}[{first}:{last}]"
                    objects[f"o{k}"]["buffers"] = pinned
            clients[f"c{i}"] = {"node": random.choice(self._nodes), "objects": objects}
        return clients

    def _add(self, group: str, agents: list[_Agent], **options: Any) -> None:
        devices = [agent.name.partition(".")[2] for agent in agents]
        self._mirrors[group] = {"devices": devices, "buffers": agents[0].buffers, **options}
        self._groups[group] = agents
        self._agents += agents

    def _behind(self, group: str, source: _Agent, buffers: int) -> _Agent:
        """A new agent that gets all of another one."""
        pieces = list(source.pieces) if buffers == source.buffers else []
        name = f"{group}.{self._device()}"
        return _Agent(name, buffers, source.level + 1, source.roots, pieces)

    def _mirror_group(self) -> None:
        """Agent i behind agent i of another group."""
        source = self._random.choice(sorted(self._groups))
        group = f"m{len(self._mirrors)}"
        feeders = self._groups[source]
        if len(feeders) > AGENTS_MAX - len(self._agents):
            return
        same = self._random.random() < 0.6
        buffers = feeders[0].buffers if same else self._random.randint(PIECE_MIN, 8)
        options = {"level": feeders[0].level + 1} if self._random.random() < 0.5 else {}
        agents = [self._behind(group, agent, buffers) for agent in feeders]
        self._add(group, agents, mirrors=source, **options)

    def _fan(self) -> None:
        """All agents of a group behind one agent."""
        source = self._random.choice(self._agents)
        group = f"m{len(self._mirrors)}"
        count = min(self._random.choice((1, 2, 2, 3)), AGENTS_MAX - len(self._agents))
        agents = [self._behind(group, source, source.buffers) for _ in range(count)]
        self._add(group, agents, mirrors=source.name)

    def _part(self) -> None:
        """An agent behind a part of the buffers of another one."""
        cut = [agent for agent in self._agents if len(agent.pieces) > 1]
        if not cut:
            self._mirror_group()
            return
        source = self._random.choice(cut)
        first, last = self._random.choice(source.pieces)
        group = f"m{len(self._mirrors)}"
        name = f"{group}.{self._device()}"
        before = self._random.choice((0, 0, 2))
        agent = _Agent(name, before + last - first, source.level + 1, source.roots)
        agent.pieces = [(before, before + last - first)]
        into = f"{name}[{before}:{agent.buffers}]" if before else name
        self._add(group, [agent])
        self._couplings.append(f"{source.name}[{first}:{last}] -> {into}")

    def _joint(self) -> None:
        """One agent behind two that have no frame in common."""
        pairs = [(a, b) for a in self._agents for b in self._agents if not a.roots & b.roots]
        if not pairs:
            self._fan()
            return
        one, other = self._random.choice(pairs)
        group = f"m{len(self._mirrors)}"
        name = f"{group}.{self._device()}"
        total = one.buffers + other.buffers
        level = 1 + max(one.level, other.level)
        agent = _Agent(name, total, level, one.roots | other.roots)
        moved = [(first + one.buffers, last + one.buffers) for first, last in other.pieces]
        agent.pieces = one.pieces + moved if one.pieces and moved else []
        self._add(group, [agent])
        self._couplings.append(f"{one.name} -> {name}[0:{one.buffers}]")
        self._couplings.append(f"{other.name} -> {name}[{one.buffers}:{total}]")

    def _copy_stage(self, graph: Graph, wanted: int) -> None:
        """Copy groups of what a backup group, or a group that mirrors all of it, has."""
        random = self._random
        origin = random.choice(sorted(graph["backup_groups"]))
        mirrors = [m for m, g in self._mirrors.items() if g.get("mirrors") == origin]
        read = random.choice([origin, *mirrors])
        devices = [agent.name.partition(".")[2] for agent in self._groups[read]]
        if read != origin and len(devices) > len(self._groups[origin]):
            devices = devices[:1]
        objects = [
            f"{client}/{name}"
            for client, written in graph["clients"].items()
            for name, item in written["objects"].items()
            if item["group"] == origin
        ]
        if not objects:
            return
        graph["restore_groups"] = {"r0": {"devices": devices, "buffers": random.randint(3, 6)}}
        graph["copy_groups"] = copies = {}
        while len(self._agents) < wanted:
            name = f"k{len(copies)}"
            count = min(random.choice((1, 1, 2)), wanted - len(self._agents))
            buffers = random.randint(4, 8)
            agents = [_Agent(f"{name}.{self._device()}", buffers, 0, frozenset({name}))
                      for _ in range(count)]  # fmt: skip
            chosen = sorted(random.sample(objects, random.randint(1, len(objects))))
            copies[name] = {
                "devices": [agent.name.partition(".")[2] for agent in agents], "copies": "r0",
                "buffers": buffers, "assign": random.choice(("frame", "object")),
                "select": {"objects": chosen},
            }  # fmt: skip
            self._groups[name] = agents
            self._agents += agents
            if len(self._agents) + count <= wanted and random.random() < 0.8:
                self._mirror_of_copies(name, agents)

    def _mirror_of_copies(self, name: str, agents: list[_Agent]) -> None:
        group = f"m{len(self._mirrors)}"
        if len(agents) == 2 and self._random.random() < 0.5:
            one, other = agents
            joint = _Agent(f"{group}.{self._device()}", 2 * one.buffers, 1, one.roots)
            self._add(group, [joint])
            self._couplings.append(f"{one.name} -> {joint.name}[0:{one.buffers}]")
            self._couplings.append(f"{other.name} -> {joint.name}[{one.buffers}:{joint.buffers}]")
        else:
            behind = [self._behind(group, agent, agent.buffers) for agent in agents]
            self._add(group, behind, mirrors=name)
