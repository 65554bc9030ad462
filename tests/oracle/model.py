"""Graphs as plain values, made by the tests and known to them without reading a file.

A graph is a dict with the keys of a graph file.  Where a value may be written in several ways, as a
size or a path, a `Written` says what was meant; ends of couplings and pinned buffers are tuples.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

Graph = dict[str, Any]
Keys = tuple[Any, ...]
Agent = tuple[str, str]
"""Group and device."""

HERE = "here"
MIB = 1 << 20
MEDIUM_BLOCKS, MEDIUM_BYTES, MEDIA_BYTES_MIN = 6, MIB // 4, MIB
SECTIONS = ("backup_groups", "mirror_groups", "copy_groups", "restore_groups")
"""In the order in which groups are looked at: of two with one name the first counts."""
ROLES = {section: section.partition("_")[0] for section in SECTIONS}


class Written(NamedTuple):
    """A value, and the words in which it stands in the file."""

    meant: Any
    text: str


LEFT_OUT: tuple[Graph, ...] = (
    {"exclude": ["*.tmp", "/cache/", "!keep.tmp"]},
    {"exclude": ["\\#x"], "ignore_files": False},
    {"retention": {"last": 3, "weekly": 4, "within": "30 d", "tags": ["release"]}},
    {"chunking": {"kind": "fixed", "size": Written(1 << 24, "16 MiB")}},
    {"exclude_caches": True, "exclude_larger_than": Written(1 << 30, "1 GiB")},
    {"one_file_system": True, "exclude_older_than": Written(604800, "7 d")},
)
"""What a graph may say about an object that is a tree, in some of the ways."""


def source_of(random: Random, place: tuple[str, ...]) -> Graph:
    """What an object is read from: a tree, now and then without parts of it, or a command."""
    if random.random() < 0.15:
        return {"command": ["pg_dump", "-Fc", place[-1]], "silence_max": Written(7200, "2 h")}
    tree: Graph = {"path": Written(place, "/" + "/".join(place))}
    return tree | random.choice(LEFT_OUT) if random.random() < 0.2 else tree


def made_stream(item: Graph, key: str, value: Any) -> None:
    """Makes an object, whatever it was, one that is read from a stream."""
    for old in list(item):
        if old not in ("group", "buffers"):
            del item[old]
    item[key] = value


class Raw(str):
    """YAML as it is."""


class Twin(str):
    """A key beside an equal one, which a dict would not take twice."""

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


class End(NamedTuple):
    """An end of a coupling: group, perhaps one of its agents, perhaps a part of its buffers."""

    group: str
    device: str | None = None
    first: int | None = None
    last: int | None = None

    def __str__(self) -> str:
        name = self.group if self.device is None else f"{self.group}.{self.device}"
        return name if self.first is None else f"{name}[{self.first}:{self.last}]"


class Short(NamedTuple):
    """A coupling in one text, "source -> target"; with options it is a dict with from and to."""

    source: End
    target: End

    def __str__(self) -> str:
        return f"{self.source} -> {self.target}"


class Pinned(NamedTuple):
    """The buffers of a device to which an object is assigned."""

    device: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.device}[{self.first}:{self.last}]"


def meant(value: Any, otherwise: Any = None) -> Any:
    """What a value means; `otherwise` where it was not written."""
    if value is None:
        return otherwise
    return value.meant if isinstance(value, Written) else value


def groups(graph: Graph) -> Iterator[tuple[Keys, str, Graph]]:
    """Every group with its keys and its name."""
    for section in SECTIONS:
        for name, group in graph.get(section, {}).items():
            yield (section, name), str(name), group


def objects(graph: Graph) -> Iterator[tuple[Keys, str, Graph]]:
    """Every object with its keys and the name of its client."""
    for client, written in graph.get("clients", {}).items():
        for name, item in written.get("objects", {}).items():
            yield ("clients", client, "objects", name), str(client), item


def buffers_of(group: Graph) -> int:
    return int(group.get("buffers", 8))


def frame_bytes(graph: Graph) -> int:
    return int(meant(graph.get("frame_size"), 16 * MIB))


def sync_bytes(graph: Graph) -> int:
    return int(meant(graph.get("sync_size"), 32 * MIB))


def least_media_bytes(graph: Graph, block_bytes: int) -> int:
    """What a medium must hold for two frames, each in whole blocks and with a block of its own, and
    what every medium has."""
    frame_blocks = -(-slot_bytes(graph) // block_bytes)
    return MEDIUM_BYTES + (2 + MEDIUM_BLOCKS + 2 * frame_blocks) * block_bytes


def slot_bytes(graph: Graph) -> int:
    """A frame and its chunk index, in whole pages."""
    frame = frame_bytes(graph)
    return frame + max(4096, frame // 64 // 4096 * 4096)
