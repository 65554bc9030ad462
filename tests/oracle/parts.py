"""Where a fault of form goes: the parts of a graph by name, made of others where there is none."""

from __future__ import annotations

from collections.abc import Callable

from tests.oracle.model import Graph, Keys, made_stream
from tests.oracle.plot import Plot

Where = Callable[[Plot], tuple[Keys, Graph]]


def _of_section(section: str) -> Where:
    def find(plot: Plot) -> tuple[Keys, Graph]:
        name, part = plot.part(section)
        return (section, name), part

    return find


def _of_roles(*roles: str) -> Where:
    def find(plot: Plot) -> tuple[Keys, Graph]:
        keys, _, group = plot.group(*roles)
        return keys, group

    return find


def _node(plot: Plot) -> tuple[Keys, Graph]:
    name = plot.node()
    return ("nodes", name), plot.graph["nodes"][name]


def _device_of_kind(kind: str) -> Where:
    def find(plot: Plot) -> tuple[Keys, Graph]:
        name, device = plot.pick(
            (n, d) for n, d in plot.graph["devices"].items() if d.get("kind", "directory") == kind
        )
        return ("devices", name), device

    return find


def _bucket_at(server: str) -> Where:
    """A device in a bucket, made of one in a directory."""

    def find(plot: Plot) -> tuple[Keys, Graph]:
        keys, device = _device_of_kind("directory")(plot)
        del device["path"]
        device.update(kind="s3", url=f"s3{server}/media/{keys[-1]}".replace("s3/", "s3://"))
        return keys, device

    return find


def _tape(plot: Plot) -> tuple[Keys, Graph]:
    """A drive, made of a directory."""
    keys, device = _device_of_kind("directory")(plot)
    device["kind"] = "tape"
    for key in ("staging", "media_size"):
        device.pop(key, None)
    return keys, device


def _brought(plot: Plot) -> tuple[Keys, Graph]:
    """A device of a kind that a package brings, made of a directory."""
    keys, device = _device_of_kind("directory")(plot)
    for key in ("path", "staging"):
        device.pop(key, None)
    device["url"] = f"shelf:///mnt/{keys[-1]}"
    return keys, device


def _fed(plot: Plot) -> tuple[Keys, Graph]:
    """An object that a source of a package gives."""
    keys, item = plot.object()
    made_stream(item, "source", "rows")
    return keys, item


def _command(plot: Plot) -> tuple[Keys, Graph]:
    """An object that is a command, made of another one where there is none."""
    keys, item = plot.object()
    made_stream(item, "command", ["true"])
    return keys, item


def _staging(plot: Plot) -> tuple[Keys, Graph]:
    keys, device = _device_of_kind("directory")(plot)
    return (*keys, "staging"), device.setdefault("staging", {"copies": 1})


def _select(plot: Plot) -> tuple[Keys, Graph]:
    keys, group = _of_roles("copy")(plot)
    return (*keys, "select"), group.setdefault("select", {})


def _coupling(plot: Plot) -> tuple[Keys, Graph]:
    index, coupling = plot.pick(
        (i, c) for i, c in enumerate(plot.graph.get("couplings", [])) if isinstance(c, dict)
    )
    return ("couplings", index), coupling


PARTS: dict[str, Where] = {
    "node": _node,
    "client": _of_section("clients"),
    "object": lambda plot: plot.object(),
    "tree": lambda plot: plot.tree(),
    "command": _command,
    "device": _of_section("devices"),
    "directory": _device_of_kind("directory"),
    "swallowing": _device_of_kind("null"),
    "bucket": _bucket_at(""),
    "tape": _tape,
    "brought": _brought,
    "fed": _fed,
    "served": _bucket_at("+https://host:9000"),
    "staging": _staging,
    "group": _of_roles("backup", "mirror", "copy", "restore"),
    "written": _of_roles("backup", "mirror", "copy"),
    "head": _of_roles("backup", "copy"),
    "mirror": _of_roles("mirror"),
    "copy": _of_roles("copy"),
    "select": _select,
    "coupling": _coupling,
}
