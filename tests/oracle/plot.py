"""Where faults are planted: a legal graph, and what every planter needs of it."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from tests.oracle.chains import Chains
from tests.oracle.model import HERE, End, Graph, Keys, Short, Written, groups, objects


class NoRoom(Exception):
    """This graph has no place for that fault."""


class Planted(NamedTuple):
    """What must be named: the rule, where (one of these), and words of the remedy.  is_value: the
    place is that of the value, not of its key."""

    rule: str
    places: frozenset[Keys]
    remedy: str
    is_error: bool = True
    is_value: bool = False


Planter = Callable[["Plot"], Planted]


def planted(
    rule: str, remedy: str, *keys: Any, is_error: bool = True, is_value: bool = False
) -> Planted:
    """A fault with one place."""
    return Planted(rule, frozenset({keys}), remedy, is_error, is_value)


class Plot:
    """A graph that is about to become wrong."""

    def __init__(self, graph: Graph, random: Random) -> None:
        self.graph = graph
        self.random = random
        self._count = 0

    def fresh(self, word: str) -> str:
        """A name that nothing has."""
        self._count += 1
        return f"{word}-fresh-{self._count}"

    def pick(self, things: Any) -> Any:
        """One of them; no room where there are none."""
        every = list(things)
        if not every:
            raise NoRoom
        return self.random.choice(every)

    def groups(self, *roles: str) -> list[tuple[Keys, str, Graph]]:
        return [g for g in groups(self.graph) if g[0][0].partition("_")[0] in roles]

    def group(self, *roles: str) -> tuple[Keys, str, Graph]:
        found: tuple[Keys, str, Graph] = self.pick(self.groups(*roles))
        return found

    def object(self) -> tuple[Keys, Graph]:
        keys, _, item = self.pick(objects(self.graph))
        return keys, item

    def tree(self) -> tuple[Keys, Graph]:
        """An object that has a path."""
        keys, _, item = self.pick(found for found in objects(self.graph) if "path" in found[2])
        return keys, item

    def part(self, section: str) -> tuple[str, Graph]:
        name, written = self.pick(self.graph.get(section, {}).items())
        return name, written

    def at_work(self, name: str) -> list[str]:
        return Chains(self.graph).at_work(name)

    def device(self, node: str = HERE, **options: Any) -> str:
        name = self.fresh("d")
        place = ("nowhere", "fresh", name)
        self.graph.setdefault("devices", {})[name] = {
            "path": Written(place, "/" + "/".join(place)),
            **({} if node == HERE else {"node": node}),
            **options,
        }
        return name

    def new_group(self, role: str, count: int = 1, **options: Any) -> str:
        """A group with devices of its own, on this machine."""
        name = self.fresh(role)
        self.graph.setdefault(f"{role}_groups", {})[name] = {
            "devices": [self.device() for _ in range(count)], "buffers": 24, **options,
        }  # fmt: skip
        return name

    def node(self) -> str:
        name = self.fresh("n")
        self.graph.setdefault("nodes", {})[name] = {}
        return name

    def couple(self, source: End, target: End) -> Keys:
        """An explicit coupling at the end of the list; its keys."""
        written: Any = Short(source, target)
        if self.random.random() < 0.4:
            written = {"from": source, "to": target}
        couplings = self.graph.setdefault("couplings", [])
        couplings.append(written)
        return ("couplings", len(couplings) - 1)

    def head(self, count: int = 1) -> str:
        """A new backup group that takes a new object, so that all others must say theirs."""
        backups = self.graph.setdefault("backup_groups", {})
        if len(backups) == 1:
            for _, _, item in objects(self.graph):
                item.setdefault("group", next(iter(backups)))
        name = self.new_group("backup", count)
        self.new_object(name)
        return name

    def new_object(self, group: str, **options: Any) -> Keys:
        client, name = self.fresh("c"), self.fresh("o")
        place = ("nowhere", "source", client, name)
        item = {"path": Written(place, "/" + "/".join(place)), "group": group, **options}
        self.graph.setdefault("clients", {})[client] = {"objects": {name: item}}
        return ("clients", client, "objects", name)

    def readers(self, count: int = 1) -> str:
        """A new restore group with devices of its own."""
        return self.new_group("restore", count)

    def last_object(self) -> Graph:
        """What was made last by `new_object`."""
        client = list(self.graph["clients"].values())[-1]
        item: Graph = next(iter(client["objects"].values()))
        return item
