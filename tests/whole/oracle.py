"""What must lie where, told from the written graph alone: buffer by buffer, in plain Python."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Graph = dict[str, Any]
_END = re.compile(r"([\w-]+)(?:\.([\w-]+))?(?:\[(\d+):(\d+)\])?")


class Oracle:
    """Knows the couplings of a graph, agent by agent, and who gets what goes into a buffer."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._groups = {
            name: group
            for section in ("backup_groups", "mirror_groups", "copy_groups", "restore_groups")
            for name, group in graph.get(section, {}).items()
        }
        written = [tuple(text.split(" -> ")) for text in graph.get("couplings", [])]
        written += [(g["mirrors"], m) for m, g in graph.get("mirror_groups", {}).items()
                    if "mirrors" in g]  # fmt: skip
        self.couplings = [
            pair for source, target in written for pair in self._pairs(source, target)
        ]

    def heads(self, client: str, name: str) -> dict[str, set[int]]:
        """Agents that may take frames of an object, and the buffers that it may use there."""
        item = self._graph["clients"][client]["objects"][name]
        group = self._groups[item["group"]]
        if "buffers" not in item:
            every = set(range(group["buffers"]))
            return {f"{item['group']}.{device}": every for device in group["devices"]}
        device, first, last = re.fullmatch(r"(\w+)\[(\d+):(\d+)\]", item["buffers"]).groups()  # type: ignore[union-attr]
        return {f"{item['group']}.{device}": set(range(int(first), int(last)))}

    def lies_together(self, client: str, name: str) -> bool:
        group = self._graph["clients"][client]["objects"][name]["group"]
        return bool(self._groups[group]["assign"] == "object")

    def reached(self, agent: str, buffers: set[int]) -> list[str]:
        """Everybody behind an agent who gets what is in these of its buffers, once for each way."""
        found: list[str] = []
        for source, coupled, target, into in self.couplings:
            if source != agent or not buffers <= set(coupled):
                continue
            found.append(target)
            numbers = dict(zip(coupled, into, strict=True)) if len(coupled) == len(into) else {}
            behind = {numbers[b] for b in buffers} if numbers else set(into)
            found += self.reached(target, behind)
        return found

    def copy_groups(self) -> Iterator[tuple[str, list[str], set[str], bool]]:
        """Name, agents, selected objects, and whether each of these lies together."""
        for name, group in self._graph.get("copy_groups", {}).items():
            agents = [f"{name}.{device}" for device in group["devices"]]
            yield name, agents, set(group["select"]["objects"]), group["assign"] == "object"

    def buffers(self, agent: str) -> set[int]:
        return set(range(self._groups[agent.partition(".")[0]]["buffers"]))

    def _pairs(self, source: str, target: str) -> Iterator[tuple[str, range, str, range]]:
        sources, targets = self._agents(source), self._agents(target)
        if len(sources) == 1:
            sources = sources * len(targets)
        for (a, coupled), (b, into) in zip(sources, targets, strict=True):
            yield a, coupled, b, into

    def _agents(self, end: str) -> list[tuple[str, range]]:
        match = _END.fullmatch(end)
        assert match is not None, end
        name, device, first, last = match.groups()
        group = self._groups[name]
        buffers = range(int(first), int(last)) if first else range(group["buffers"])
        return [(f"{name}.{d}", buffers) for d in ([device] if device else group["devices"])]
