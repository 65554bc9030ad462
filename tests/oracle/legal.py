"""Legal graphs at random: chains of every shape that a user can draw."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.oracle.model import (
    HERE,
    MEDIA_BYTES_MIN,
    MIB,
    End,
    Graph,
    Pinned,
    Short,
    Written,
    least_media_bytes,
    meant,
    source_of,
)

FOLDER = ("nowhere", "graphs")
"""Of the graph file; it does not exist, nor does anything else that graphs name."""
_WORDS = ("nas", "usb", "disk", "Vault", "on", "tape-1", "x_y", "left", "no", "null", "b", "e")
_SIZES = ((65536, "64 KiB"), (MIB, "1 MiB"), (8 * MIB, "8388608"), (16 * MIB, "16MiB"))
_RATES = ((0, "0"), (80 * 10**6, "80 MB/s"), (MIB, "1 MiB/s"), (10**9, "1 GB"))
_HOURS = ("mon-fri 08:00-18:00", "sat,sun 00:00-24:00", "22:00-06:00")
_CHOICES = {"compression": ("none", "zstd", {"zstd": 19}), "engine": ("auto", "ray"),
            "encryption": ({"key": "x.key"},), "transport": ("direct", "object-store")}  # fmt: skip


class Draw:
    """One graph that grows.  free: the parts of a backup agent's buffers that an object may use
    without lying across the end of a coupling.  parts: mirrors that get a part of a head's buffers:
    group and device of the head, the part, and the first of their own buffers that takes it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.graph: Graph = {"graph": self._name(set(), ".v2" if self._maybe(0.2) else "")}
        self.names: set[str] = set()
        self.devices: Graph = {}
        self.free: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self.parts: dict[str, tuple[str, str, tuple[int, int], int]] = {}
        self.nodes = [HERE]
        self.groups: dict[str, Graph] = {}
        self.roles: dict[str, str] = {}
        self.couplings: list[Any] = []
        self.levels: dict[str, int] = {}
        self.least_buffers = 4

    def whole(self) -> Graph:
        """The graph, with everything in it."""
        self._head()
        only_copies = self._maybe(0.1)
        backups = 0 if only_copies else self.random.choice((1, 1, 1, 2))
        for _ in range(backups):
            self._backup_group()
        for _ in range(self.random.choice((0, 0, 1, 1, 2, 3)) if backups else 0):
            self._mirror_group()
        for _ in range(1 if only_copies else self.random.choice((0, 0, 0, 1, 1, 2))):
            self._stage()
        if backups:
            self._clients()
        return self._put_together()

    def _maybe(self, chance: float) -> bool:
        return self.random.random() < chance

    def _name(self, taken: set[str], suffix: str = "") -> str:
        while True:
            name = self.random.choice(_WORDS)
            if name.lower() in taken or self._maybe(0.4):
                name += self.random.choice(("", "-", "_")) + str(self.random.randrange(30))
            if name.lower() not in taken:
                taken.add(name.lower())
                return name + suffix

    def _head(self) -> None:
        random, graph = self.random, self.graph
        if self._maybe(0.7):
            size, text = random.choice(_SIZES)
            graph["frame_size"] = Written(size, text)
            syncs = random.choice((1, 2, 3))
            graph["sync_size"] = Written(syncs * size, str(syncs * size))
            self.least_buffers = 2 * syncs
        if self._maybe(0.2):
            graph["sync_seconds"] = random.choice((0.25, 1, 3600))
        drawn = (key for key in _CHOICES if self._maybe(0.2))
        graph.update({key: random.choice(_CHOICES[key]) for key in drawn})
        if self._maybe(0.2):
            graph["catalog"] = random.choice(("catalog.sqlite", "/nowhere/c/catalog.sqlite"))
        taken = {HERE}
        names = [self._name(taken, random.choice(("", ".lan"))) for _ in range(random.randrange(4))]
        if names:
            graph["nodes"] = {
                name: {"labels": {"rack": f"r{i}"}} if self._maybe(0.3) else {}
                for i, name in enumerate(names)
            }
        self.nodes += names

    def _device(self, node: str | None = None) -> str:
        """A new device, on that node if given."""
        random = self.random
        taken = {name.lower() for name in self.devices}
        name = self._name(taken)
        device: Graph = {}
        where = random.choice(self.nodes) if node is None else node
        if where != HERE or self._maybe(0.1):
            device["node"] = where
        if self._maybe(0.2):
            device["block_size"] = random.choice((512, 65536, Written(MIB, "1 MiB")))
        if self._maybe(0.1):
            device["kind"] = "null"
        else:
            device["path"] = self._path(name, where)
            if self._maybe(0.1):
                least = least_media_bytes(self.graph, meant(device.get("block_size"), 4096))
                size = max(least, MEDIA_BYTES_MIN)
                device["media_size"] = Written(size, str(size))
        if self._maybe(0.2):
            device["rate_limit"] = Written(*random.choice(_RATES))
        self.devices[name] = device
        return name

    def _path(self, name: str, node: str) -> Written:
        """Paths that look alike: names that begin with others, one place on several nodes."""
        place = ("nowhere", "mnt", name)
        used = {d["path"].meant for d in self.devices.values() if "path" in d}
        others = [
            d["path"].meant for d in self.devices.values()
            if "path" in d and d.get("node", HERE) != node
        ]  # fmt: skip
        if others and self._maybe(0.3):
            place = self.random.choice(others)
            twins = (d for d in self.devices.values() if d.get("node", HERE) == node)
            if any("path" in d and _touch(d["path"].meant, place) for d in twins):
                place = ("nowhere", "mnt", name)
        assert place not in used or len(self.nodes) > 1
        full = "/" + "/".join(place)
        forms = (full, full, f"{full}/", f"/nowhere/x/..{full[8:]}", f"..{full[8:]}")
        return Written(place, self.random.choice(forms))

    def _group(self, role: str, devices: list[str], node: str | None = None) -> tuple[str, Graph]:
        """A group of that role with these devices, and perhaps some that wait."""
        name = self._name(self.names)
        group: Graph = {"devices": devices}
        if self._maybe(0.5) or self.least_buffers > 8:
            group["buffers"] = self.random.randrange(self.least_buffers, self.least_buffers + 12)
        if role != "restore":
            working = len(devices)
            if self._maybe(0.15):
                on = self.devices[self.random.choice(devices)].get("node", HERE)
                if self._maybe(0.5):
                    group["reserve"] = [self._device(on)]
                else:
                    group["max"] = working
                    devices.append(self._device(on))
            if self._maybe(0.2):
                group["min"] = self.random.randint(1, working)
            if self._maybe(0.15):
                group["rate_limit"] = Written(*self.random.choice(_RATES))
            if self._maybe(0.1):
                group["rate_windows"] = {
                    hours: Written(*self.random.choice(_RATES))
                    for hours in self.random.sample(_HOURS, 2)
                }
        if role in ("backup", "copy") and self._maybe(0.3):
            group["assign"] = self.random.choice(("frame", "object"))
        if role in ("mirror", "copy") and self._maybe(0.3):
            group["on_failure"] = self.random.choice(("required", "optional"))
        self.groups[name], self.roles[name] = group, role
        return name, group

    def _at_work(self, group: str) -> list[str]:
        devices: list[str] = self.groups[group]["devices"]
        return devices[: self.groups[group].get("max")]

    def _backup_group(self) -> None:
        devices = [self._device() for _ in range(self.random.choice((1, 1, 2, 3)))]
        name, group = self._group("backup", devices)
        self.levels[name] = 0
        for device in self._at_work(name):
            self.free[name, device] = [(0, group.get("buffers", 8))]

    def _mirror_group(self) -> None:
        """Behind any group that writes, coupled in one of the ways that there are."""
        heads = [name for name, role in self.roles.items() if role != "restore"]
        source = self.random.choice(heads)
        ways: list[Callable[[str], None]] = [self._mirror_whole, self._mirror_agent]
        if len(self._at_work(source)) > 1:
            ways.append(self._mirror_each)
        if self.roles[source] == "backup":
            ways += [self._mirror_part, self._mirror_parts]
            if len(self._at_work(source)) > 1:
                ways += [self._mirror_joint, self._mirror_uneven]
        if source in self.parts:
            ways = [self._mirror_behind]
        self.random.choice(ways)(source)

    def _mirror(self, source: str, count: int) -> tuple[str, Graph]:
        name, group = self._group("mirror", [self._device() for _ in range(count)])
        self.levels[name] = self.levels[source] + 1
        if self._maybe(0.4):
            group["level"] = self.levels[name]
        if self._maybe(0.2):
            group["when_slow"] = self.random.choice(("block", "detach"))
            group["lag_max"] = Written(1 << 30, "1 GiB")
        return name, group

    def _mirror_whole(self, source: str) -> None:
        agents = len(self._at_work(source))
        name, group = self._mirror(source, self.random.randint(1, 3) if agents == 1 else agents)
        self._couple(End(source), End(name), group, "mirrors")

    def _mirror_agent(self, source: str) -> None:
        """One agent feeds a whole group."""
        device = self.random.choice(self._at_work(source))
        name, group = self._mirror(source, self.random.randint(1, 2))
        self._couple(End(source, device), End(name), group, "mirrors")

    def _mirror_each(self, source: str) -> None:
        """Agent by agent, in any order."""
        agents = self._at_work(source)
        name, _ = self._mirror(source, len(agents))
        for device, target in zip(
            self.random.sample(agents, len(agents)), self._at_work(name), strict=True
        ):
            self._couple(End(source, device), End(name, target))

    def _mirror_joint(self, source: str) -> None:
        """Several agents feed one, into buffers of their own there."""
        agents = self._at_work(source)
        name, group = self._mirror(source, 1)
        group["buffers"] = len(agents) * 8
        for number, device in enumerate(agents):
            target = End(name, self._at_work(name)[0], number * 8, number * 8 + 8)
            self._couple(End(source, device), target)

    def _mirror_uneven(self, source: str) -> None:
        """What one agent writes comes over a mirror, what another one writes straight."""
        near, far = self.random.sample(self._at_work(source), 2)
        between, _ = self._mirror(source, 1)
        name, group = self._mirror(between, 1)
        group["buffers"] = 24
        device, first = self._at_work(name)[0], self._at_work(between)[0]
        self._couple(End(source, far), End(between, first))
        self._couple(End(source, near), End(name, device, 0, 12))
        self._couple(End(between, first), End(name, device, 12, 24))

    def _mirror_behind(self, source: str) -> None:
        """A part of what comes to a mirror that gets a part itself."""
        head, device, (first, last), into = self.parts[source]
        free = self.free[head, device]
        inside = [part for part in free if first <= part[0] and part[1] <= last]
        begin, end = self._cut(head, device, self.random.choice(inside))
        name, _ = self._mirror(source, 1)
        part = (begin - first + into, end - first + into)
        self._couple(End(source, self._at_work(source)[0], *part), End(name))

    def _mirror_part(self, source: str) -> None:
        """A part of an agent's buffers."""
        device = self.random.choice(self._at_work(source))
        self._part(source, device, self._cut(source, device))

    def _mirror_parts(self, source: str) -> None:
        """All parts of an agent's buffers, each with a mirror of its own, but perhaps the last."""
        device = self.random.choice(self._at_work(source))
        self._cut(source, device)
        for part in list(self.free[source, device])[: self.random.randint(1, 3)]:
            self._part(source, device, part)

    def _cut(
        self, source: str, device: str, part: tuple[int, int] | None = None
    ) -> tuple[int, int]:
        """One of two parts of a free part, which no object may lie across any more."""
        free = self.free[source, device]
        first, last = part or self.random.choice(free)
        free.remove((first, last))
        middle = self.random.randint(first + 1, last - 1) if last - first > 1 else last
        parts = [(first, middle), (middle, last)] if middle < last else [(first, last)]
        free.extend(parts)
        return self.random.choice(parts)

    def _part(self, source: str, device: str, part: tuple[int, int]) -> None:
        name, group = self._mirror(source, 1)
        length = part[1] - part[0]
        buffers = group.get("buffers", 8)
        target = End(name, self._at_work(name)[0])
        if length <= buffers and self._maybe(0.6):
            first = self.random.randint(0, buffers - length)
            target = target._replace(first=first, last=first + length)
            self.parts[name] = (source, device, part, first)
        self._couple(End(source, device, *part), target)

    def _couple(self, source: End, target: End, group: Graph | None = None, word: str = "") -> None:
        if group is not None and self._maybe(0.6):
            group[word] = source
        elif self._maybe(0.6):
            self.couplings.append(Short(source, target))
        else:
            coupling: Graph = {"from": source, "to": target}
            if self._maybe(0.5):
                coupling["on_failure"] = self.random.choice(("required", "optional"))
            if self._maybe(0.3):
                coupling["rate_limit"] = Written(*self.random.choice(_RATES))
            if self._maybe(0.3):
                coupling |= {"when_slow": "detach", "lag_max": 4096}
            self.couplings.append(coupling)

    def _stage(self) -> None:
        """Readers of what others write, or of devices that nobody fills, and what copies it."""
        fresh = [self._device() for _ in range(self.random.randint(1, 2))]
        written = [d for name in self.groups if self.roles[name] != "restore"
                   for d in self._at_work(name)]  # fmt: skip
        read = self.random.sample(written, min(len(written), self.random.randint(0, 2))) or fresh
        for device in fresh if read is not fresh else ():
            del self.devices[device]
        for device in read:
            if self._maybe(0.3) and "path" in self.devices[device]:
                self.devices[device]["staging"] = {"copies": 1, "keep": Written(604800, "7 d")}
        name, _ = self._group("restore", list(read))
        for _ in range(self.random.choice((1, 1, 2))):
            self._copy_group(name)
        if self._maybe(0.3):
            self._mirror_group()

    def _copy_group(self, readers: str) -> None:
        devices = [self._device() for _ in range(self.random.choice((1, 1, 2)))]
        name, group = self._group("copy", devices)
        self.levels[name] = 0
        device = self.random.choice(self._at_work(readers)) if self._maybe(0.2) else None
        self._couple(End(readers, device), End(name), group, "copies")
        if self._maybe(0.3):
            group["after"] = self.random.choice(("session", "command"))
        if self._maybe(0.5):
            select: Graph = {"versions": self.random.choice(("latest", "all"))}
            if self._maybe(0.5):
                select["objects"] = ["web/*", "*/mail"][: self.random.randint(1, 2)]
            if self._maybe(0.3):
                select |= {"since": Written(86400, "1 d"), "below": 2}
            group["select"] = select

    def _clients(self) -> None:
        clients: Graph = {}
        taken: set[str] = set()
        backups = [name for name, role in self.roles.items() if role == "backup"]
        # Everybody fills buffers of his own, so that only one client has objects of few.
        are_cut = any(len(parts) > 1 for parts in self.free.values())
        count = 1 if are_cut else self.random.randint(1, 2)
        for number in range(count):
            client: Graph = {"objects": {}}
            node = self.random.choice(self.nodes)
            if node != HERE:
                client["node"] = node
            named: set[str] = {"latest"}
            for _ in range(self.random.randint(1, 3)):
                name = self._name(named, self.random.choice(("", ".d")))
                place = ("nowhere", "srv", f"c{number}", name)
                group = self.random.choice(backups)
                client["objects"][name] = self._object(place, group, backups, count == 1)
            clients[self._name(taken, self.random.choice(("", ".example")))] = client
        self.graph["clients"] = clients

    def _object(
        self, place: tuple[str, ...], group: str, backups: list[str], may_be_pinned: bool
    ) -> Graph:
        item = source_of(self.random, place)
        if len(backups) > 1 or self._maybe(0.3):
            item["group"] = group
        agents = self._at_work(group)
        is_cut = any(len(self.free[group, device]) > 1 for device in agents)
        if is_cut or (may_be_pinned and self._maybe(0.15)):
            device = self.random.choice(agents)
            first, last = self.random.choice(self.free[group, device])
            first = self.random.randrange(first, last)
            item["buffers"] = Pinned(device, first, self.random.randint(first + 1, last))
        return item

    def _put_together(self) -> Graph:
        sections: Graph = {"devices": self.devices}
        for role in ("backup", "mirror", "restore", "copy"):
            of_role = {n: g for n, g in self.groups.items() if self.roles[n] == role}
            sections[f"{role}_groups"] = of_role
        self.graph |= {key: value for key, value in sections.items() if value}
        if self.couplings:
            self.random.shuffle(self.couplings)
            self.graph["couplings"] = self.couplings
        return self.graph


def _touch(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Is one of the two places the other one, or inside it?"""
    least = min(len(one), len(other))
    return one[:least] == other[:least]


def legal_graph(random: Random) -> Graph:
    """A graph without a fault.  copies: is left to who can count them."""
    return Draw(random).whole()
