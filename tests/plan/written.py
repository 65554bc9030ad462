"""Legal graphs at random, and faults to plant into them: plain dicts and text, made without the
code that they test."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from flowbackup.plan import Machine

Graph = dict[str, Any]
PLENTY = Machine(shared_memory_free=1 << 50, memory_available=1 << 50)


def block_yaml(value: Any, indent: int = 0) -> str:
    """Block style, every scalar as JSON, which is YAML."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{json.dumps(k)}:{_behind(v, indent)}" for k, v in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{pad}-{_behind(v, indent)}" for v in value)
    return f"{pad}{json.dumps(value)}\n"


def _behind(value: Any, indent: int) -> str:
    if isinstance(value, (dict, list)) and value:
        return "\n" + block_yaml(value, indent + 1)
    return f" {json.dumps(value)}\n"


_MOMENT = st.sampled_from(["before", "after", "success", "incomplete", "failed"])
HOOKS = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"when": _MOMENT, "run": st.just(["sync", "-f", "/x y"])}).map(
        lambda hook: {"hooks": [hook, {"when": "after", "shell": "a | b", "timeout": "5 min"}]}
    ),
)


@st.composite
def legal_graphs(draw: st.DrawFn) -> Graph:
    """Backup groups of one to three devices; mirror groups in trees behind them; nodes; options.
    There are always a client "c0" with an object "o0", backup group "b0" and mirror group "m0"."""
    nodes = [f"n{i}" for i in range(draw(st.integers(0, 3)))]
    on_node = st.sampled_from(["here", *nodes])
    devices: Graph = {}

    def new_devices(count: int) -> list[str]:
        names = [f"d{len(devices) + i}" for i in range(count)]
        for name in names:
            kind = draw(st.sampled_from(["directory", "null"]))
            place = {"path": f"/nowhere/{name}"} if kind == "directory" else {"kind": "null"}
            devices[name] = {**place, "node": draw(on_node)}
        return names

    backups: Graph = {}
    for i in range(draw(st.integers(1, 2))):
        backups[f"b{i}"] = {"devices": new_devices(draw(st.integers(1, 3))),
                            "buffers": draw(st.integers(8, 16))}  # fmt: skip
    sizes = {name: len(group["devices"]) for name, group in backups.items()}
    levels = dict.fromkeys(backups, 0)
    mirrors: Graph = {}
    couplings: list[Any] = []
    for i in range(draw(st.integers(1, 4))):
        name = f"m{i}"
        source = "b0" if i == 0 else draw(st.sampled_from(sorted(sizes)))
        count = draw(st.integers(1, 3)) if sizes[source] == 1 else sizes[source]
        group: Graph = {"devices": new_devices(count), "buffers": draw(st.integers(8, 16))}
        sizes[name], levels[name] = count, levels[source] + 1
        if draw(st.booleans()):
            group["level"] = levels[name]
        if draw(st.booleans()):
            group["on_failure"] = draw(st.sampled_from(["required", "optional"]))
        if draw(st.booleans()):
            group["mirrors"] = source
        elif draw(st.booleans()):
            couplings.append(f"{source} -> {name}")
        else:
            couplings.append({"from": source, "to": name, "when_slow": "detach", "lag_max": 4096})
        mirrors[name] = group
    clients: Graph = {}
    for i in range(draw(st.integers(1, 3))):
        objects = {
            f"o{k}": {
                "path": f"/nothing/c{i}/o{k}",
                "group": draw(st.sampled_from(sorted(backups))),
                **draw(HOOKS),
            }
            for k in range(draw(st.integers(1, 3)))
        }
        clients[f"c{i}"] = {"node": draw(on_node), "objects": objects}
    graph: Graph = {"graph": "g", "frame_size": "1 MiB", "sync_size": 4 << 20}
    if draw(st.booleans()):
        graph["copies"] = 1
    sections = {"nodes": {n: {"labels": {"flowbackup.io/node": n}} for n in nodes},
                "clients": clients, "devices": devices, "backup_groups": backups,
                "mirror_groups": mirrors, "couplings": couplings}  # fmt: skip
    return graph | draw(HOOKS) | {key: value for key, value in sections.items() if value}


Planter = Callable[[Graph], None]


def _first_device(graph: Graph, group: str = "b0") -> str:
    section = "backup_groups" if group.startswith("b") else "mirror_groups"
    return str(graph[section][group]["devices"][0])


def _couple(graph: Graph, source: str, target: str) -> None:
    graph.setdefault("couplings", []).append(f"{source} -> {target}")


def _set(*keys_and_value: Any) -> Planter:
    *keys, last, value = keys_and_value

    def plant(graph: Graph) -> None:
        at = graph
        for key in keys:
            at = at.setdefault(key, {})
        at[last] = value

    return plant


def _drop_couplings_of_m0(graph: Graph) -> None:
    graph["mirror_groups"]["m0"].pop("mirrors", None)
    graph["couplings"] = [
        c for c in graph.get("couplings", []) if "m0" not in str(c).partition("->")[2]
        and not (isinstance(c, dict) and c["to"] == "m0")
    ]  # fmt: skip


def _cycle(graph: Graph) -> None:
    for name, device in (("x", "dx"), ("y", "dy")):
        graph["devices"][device] = {"path": f"/nowhere/{device}"}
        other = "y" if name == "x" else "x"
        graph["mirror_groups"][name] = {"devices": [device], "buffers": 8, "mirrors": other}


def _self_loop(graph: Graph) -> None:
    graph["devices"]["dx"] = {"path": "/nowhere/dx"}
    graph["mirror_groups"]["x"] = {"devices": ["dx"], "mirrors": "x"}


def _same_path(graph: Graph) -> None:
    graph["devices"][_first_device(graph)] = {"path": "/nowhere/one"}
    graph["devices"][_first_device(graph, "m0")] = {"path": "/nowhere/two/../one/"}


def _path_inside(graph: Graph) -> None:
    graph["devices"][_first_device(graph)] = {"path": "/nowhere/one"}
    graph["devices"][_first_device(graph, "m0")] = {"path": "/nowhere/one/a/b"}


def _source_in_device(graph: Graph) -> None:
    graph["clients"]["c0"].pop("node")
    graph["devices"][_first_device(graph)] = {"path": "/nothing/c0"}


def _device_in_source(graph: Graph) -> None:
    graph["clients"]["c0"].pop("node")
    graph["devices"][_first_device(graph)] = {"path": "/nothing/c0/o0/deep/er"}


def _device_twice(graph: Graph) -> None:
    graph["mirror_groups"]["m0"]["devices"][0] = _first_device(graph)


def _two_sources(graph: Graph) -> None:
    graph["devices"]["dx"] = {"path": "/nowhere/dx"}
    graph["backup_groups"]["bx"] = {"devices": ["dx"], "buffers": 8}
    _couple(graph, "bx.dx", f"m0.{_first_device(graph, 'm0')}")


def _doubled_coupling(graph: Graph) -> None:
    _couple(graph, "b0", "m0")


def _agent_count(graph: Graph) -> None:
    for name in ("d-x", "d-y", "d-z", "d-u", "d-v"):
        graph["devices"][name] = {"path": f"/nowhere/{name}"}
    graph["mirror_groups"]["x"] = {
        "devices": ["d-x", "d-y"],
        "mirrors": f"b0.{_first_device(graph)}",
    }
    graph["mirror_groups"]["y"] = {"devices": ["d-z", "d-u", "d-v"], "mirrors": "x"}


def _range_outside(graph: Graph) -> None:
    graph["devices"]["dx"] = {"path": "/nowhere/dx"}
    graph["mirror_groups"]["x"] = {"devices": ["dx"]}
    _couple(graph, f"b0.{_first_device(graph)}[0:999]", "x.dx")


def _range_length(graph: Graph) -> None:
    graph["devices"]["dx"] = {"path": "/nowhere/dx"}
    graph["mirror_groups"]["x"] = {"devices": ["dx"]}
    _couple(graph, f"b0.{_first_device(graph)}[0:8]", "x.dx[0:7]")


def _half_mirrored(graph: Graph) -> None:
    graph["devices"]["dx"] = {"path": "/nowhere/dx"}
    graph["mirror_groups"]["x"] = {"devices": ["dx"]}
    _couple(graph, f"b0.{_first_device(graph)}[0:4]", "x.dx")
    graph["clients"]["c0"]["objects"]["o0"] |= {
        "group": "b0", "buffers": f"{_first_device(graph)}[2:6]"}  # fmt: skip


def _pinned_outside(graph: Graph) -> None:
    graph["clients"]["c0"]["objects"]["o0"] |= {
        "group": "b0", "buffers": f"{_first_device(graph)}[0:17]"}  # fmt: skip


def _pinned_elsewhere(graph: Graph) -> None:
    graph["clients"]["c0"]["objects"]["o0"] |= {
        "group": "b0", "buffers": f"{_first_device(graph, 'm0')}[0:4]"}  # fmt: skip


def _group_needed(graph: Graph) -> None:
    graph["devices"]["dx"] = {"path": "/nowhere/dx"}
    graph["backup_groups"]["bx"] = {"devices": ["dx"], "buffers": 8}
    del graph["clients"]["c0"]["objects"]["o0"]["group"]


def _window(graph: Graph) -> None:
    graph["backup_groups"]["b0"]["buffers"] = 7


def _client_like_agent(graph: Graph) -> None:
    graph["clients"][f"b0.{_first_device(graph)}"] = graph["clients"].pop("c0")


def _engine_far(graph: Graph) -> None:
    graph["engine"] = "local"
    graph["nodes"] = {"mars": {}}
    graph["devices"]["d0"].update(node="mars")


MEANING: dict[str, tuple[str, Planter]] = {
    "unknown source of a mirror": ("unknown-group", _set("mirror_groups", "m0", "mirrors", "bb")),
    "coupling from nowhere": ("unknown-group", lambda g: _couple(g, "nobody", "m0")),
    "coupling from an agent that is not": ("unknown-agent", lambda g: _couple(g, "b0.zz", "m0")),
    "unknown device": ("unknown-device", _set("backup_groups", "b0", "devices", ["zz"])),
    "unknown reserve": ("unknown-device", _set("backup_groups", "b0", "reserve", ["zz"])),
    "device on no node": ("unknown-node", lambda g: g["devices"]["d0"].update(node="mars")),
    "client on no node": ("unknown-node", _set("clients", "c0", "node", "mars")),
    "object to no group": ("unknown-group", lambda g: g["clients"]["c0"]["objects"]["o0"].update(
        group="zz")),
    "object to a mirror": ("object-to-mirror", lambda g: g["clients"]["c0"]["objects"][
        "o0"].update(group="m0")),
    "engine without nodes": ("engine-far", _engine_far),
    "client without objects": ("no-object", _set("clients", "c0", "objects", {})),
    "no client": ("no-client", lambda g: g.pop("clients")),
    "which group": ("group-needed", _group_needed),
    "unreached": ("unreached", _drop_couplings_of_m0),
    "cycle": ("cycle", _cycle),
    "self-loop": ("self-loop", _self_loop),
    "mirror feeds a backup group": ("feeds-backup-group", lambda g: _couple(g, "m0", "b0")),
    "level too deep": ("wrong-level", _set("mirror_groups", "m0", "level", 2)),
    "two sources": ("two-sources", _two_sources),
    "coupled twice": ("doubled-coupling", _doubled_coupling),
    "counts differ": ("agent-count", _agent_count),
    "range outside": ("range-outside", _range_outside),
    "ranges of two lengths": ("range-length", _range_length),
    "half mirrored": ("half-mirrored", _half_mirrored),
    "pinned outside": ("range-outside", _pinned_outside),
    "pinned to another group": ("unknown-agent", _pinned_elsewhere),
    "too many copies": ("too-many-copies", _set("copies", 60)),
    "device in two groups": ("device-twice", _device_twice),
    "one place, two devices": ("same-device", _same_path),
    "device in device": ("device-inside-device", _path_inside),
    "source in device": ("source-in-device", _source_in_device),
    "device in source": ("device-in-source", _device_in_source),
    "window too small": ("window", _window),
    "node here": ("reserved-name", _set("nodes", "Here", {"labels": {}})),
    "client named as an agent": ("reserved-name", _client_like_agent),
    "group doubled by case": ("doubled-name", lambda g: g["mirror_groups"].update(
        B0=g["mirror_groups"].pop("m0"))),
    "client doubled by case": ("doubled-name", lambda g: g["clients"].update(
        C0={"objects": {"x": {"path": "/nothing/x", "group": "b0"}}})),
}  # fmt: skip
"""Fault -> the rule that must name it, and how it is planted."""
