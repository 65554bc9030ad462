"""Faults of names: unknown, doubled, reserved, unused, and nothing to do."""

from __future__ import annotations

from tests.oracle.model import HERE, MIB, End, Keys, Pinned, Written, made_stream, objects
from tests.oracle.plot import NoRoom, Planted, Planter, Plot, planted


def typo(plot: Plot, name: str) -> str:
    """A name that is nearly this one, and nobody's."""
    return name + "q"


def mirror_of_nobody(plot: Plot) -> Planted:
    _, source, _ = plot.group("backup", "mirror", "copy")
    name = plot.new_group("mirror", mirrors=End(typo(plot, source)))
    return planted("unknown-group", "Did you mean", "mirror_groups", name, "mirrors")


def copy_of_nobody(plot: Plot) -> Planted:
    name = plot.new_group("copy", copies=End("zzzzzzzz"))
    return planted("unknown-group", "Known groups are", "copy_groups", name, "copies")


def coupling_from_nobody(plot: Plot) -> Planted:
    _, source, _ = plot.group("backup", "mirror", "copy")
    keys = plot.couple(End(typo(plot, source)), End(plot.new_group("mirror")))
    return planted("unknown-group", "Did you mean", *keys)


def coupling_to_nobody(plot: Plot) -> Planted:
    _, source, _ = plot.group("backup", "mirror", "copy")
    return planted("unknown-group", "", *plot.couple(End(source), End("nobody")))


def agent_of_nobody(plot: Plot) -> Planted:
    _, source, _ = plot.group("backup", "mirror", "copy")
    end = End(source, typo(plot, plot.at_work(source)[0]))
    keys = plot.couple(end, End(plot.new_group("mirror")))
    return planted("unknown-agent", "", *keys)


def coupling_to_a_stranger(plot: Plot) -> Planted:
    """To a device of another group."""
    _, source, _ = plot.group("backup", "mirror", "copy")
    keys = plot.couple(End(source), End(plot.new_group("mirror"), plot.device()))
    return planted("unknown-agent", "", *keys)


def coupling_from_a_spare(plot: Plot) -> Planted:
    _, source, group = plot.group("backup", "mirror", "copy")
    group.setdefault("max", len(plot.at_work(source)))
    first = plot.graph["devices"].get(group["devices"][0], {})
    spare = plot.device(first.get("node", HERE))
    group.setdefault("reserve", []).append(spare)
    keys = plot.couple(End(source, spare), End(plot.new_group("mirror")))
    return planted("spare-agent", "takes over its couplings", *keys)


def unknown_device(plot: Plot) -> Planted:
    keys, _, group = plot.group("backup", "mirror", "copy", "restore")
    at = plot.random.randrange(len(group["devices"]))
    group["devices"][at] = typo(plot, group["devices"][at])
    return planted("unknown-device", "Did you mean", *keys, "devices", at)


def unknown_spare(plot: Plot) -> Planted:
    keys, _, group = plot.group("backup", "mirror", "copy")
    group.setdefault("reserve", []).append("zzzzzzzz")
    at = len(group["reserve"]) - 1
    return planted("unknown-device", "under devices", *keys, "reserve", at)


def device_on_no_node(plot: Plot) -> Planted:
    name, device = plot.part("devices")
    device["node"] = "mars"
    return planted("unknown-node", "", "devices", name, "node")


def client_on_no_node(plot: Plot) -> Planted:
    name, client = plot.part("clients")
    client["node"] = typo(plot, plot.node())
    return planted("unknown-node", "Did you mean", "clients", name, "node")


def object_to_nobody(plot: Plot) -> Planted:
    keys, item = plot.object()
    item["group"] = "zzzzzzzz"
    return planted("unknown-group", "Known backup groups are", *keys, "group")


def object_to_another_role(plot: Plot) -> Planted:
    keys, item = plot.object()
    _, name, _ = plot.group("mirror", "copy", "restore")
    item["group"] = name
    return planted("object-to-mirror", "Only backup groups take objects", *keys, "group")


def object_to_open_group(plot: Plot) -> Planted:
    keys, item = plot.object()
    plot.head()
    item.pop("group", None)
    return planted("group-needed", "Write group: with one of", *keys)


def pinned_to_a_stranger(plot: Plot) -> Planted:
    keys, item = plot.object()
    item["buffers"] = Pinned(plot.device(), 0, 4)
    return planted("unknown-agent", "", *keys, "buffers")


def no_client(plot: Plot) -> Planted:
    if plot.graph.pop("clients", None) is None:
        raise NoRoom
    return planted("no-client", "Write clients:")


def no_backup_group(plot: Plot) -> Planted:
    if plot.graph.pop("backup_groups", None) is None:
        raise NoRoom
    return planted("no-backup-group", "Write backup_groups:")


def no_object(plot: Plot) -> Planted:
    name = plot.fresh("c")
    plot.graph.setdefault("clients", {})[name] = plot.random.choice(({"objects": {}}, {}))
    return planted("no-object", "Write objects:", "clients", name)


def node_here(plot: Plot) -> Planted:
    name = plot.random.choice(("here", "Here", "HERE"))
    plot.graph.setdefault("nodes", {})[name] = {}
    return planted("reserved-name", "Delete it", "nodes", name)


def client_like_an_agent(plot: Plot) -> Planted:
    _, group, _ = plot.group("backup", "mirror", "restore", "copy")
    name = f"{group}.{plot.at_work(group)[0]}".upper()
    old, _ = plot.part("clients")
    if name in plot.graph["clients"]:
        raise NoRoom
    plot.graph["clients"] = {
        (name if key == old else key): value for key, value in plot.graph["clients"].items()
    }
    return planted("reserved-name", "Rename the client", "clients", name)


def _other_case(plot: Plot, names: list[str]) -> tuple[str, str]:
    name = plot.pick(name for name in names if name.swapcase() not in names)
    return name, name.swapcase()


def node_by_case(plot: Plot) -> Planted:
    plot.node()
    _, other = _other_case(plot, list(plot.graph["nodes"]))
    plot.graph["nodes"][other] = {}
    return planted("doubled-name", "Rename one", "nodes", other)


def device_by_case(plot: Plot) -> Planted:
    _, other = _other_case(plot, list(plot.graph["devices"]))
    fresh = plot.device()
    plot.graph["devices"][other] = plot.graph["devices"].pop(fresh)
    return planted("doubled-name", "Rename one", "devices", other)


def client_by_case(plot: Plot) -> Planted:
    fresh = plot.new_object(plot.group("backup")[1])[1]
    _, other = _other_case(plot, [n for n in plot.graph["clients"] if n != fresh])
    plot.graph["clients"][other] = plot.graph["clients"].pop(fresh)
    return planted("doubled-name", "Rename one", "clients", other)


def object_by_case(plot: Plot) -> Planted:
    keys, item = plot.tree()
    fellows = plot.graph["clients"][keys[1]]["objects"]
    _, other = _other_case(plot, list(fellows))
    place = ("nowhere", "source", other)
    fellows[other] = {**item, "path": Written(place, "/" + "/".join(place))}
    return planted("doubled-name", "Rename one", *keys[:3], other)


def group_by_case(plot: Plot) -> Planted:
    """In any section; those of roles are looked at in their order, not in that of the file."""
    keys, name, _ = plot.group("backup", "mirror", "copy", "restore")
    order = ("backup", "mirror", "copy", "restore")
    role = plot.pick(order[order.index(keys[0].partition("_")[0]) :])
    fresh = plot.new_group(role)
    section = plot.graph[f"{role}_groups"]
    other = name.swapcase()
    if other in section:
        raise NoRoom
    section[other] = section.pop(fresh)
    return planted("doubled-name", "Rename one", f"{role}_groups", other)


def group_twice(plot: Plot) -> Planted:
    """One name in two sections."""
    keys, name, _ = plot.group("backup", "mirror", "copy")
    role = "restore" if keys[0] != "backup_groups" else plot.pick(("mirror", "copy", "restore"))
    fresh = plot.new_group(role)
    section = plot.graph[f"{role}_groups"]
    if name in section:
        raise NoRoom
    section[name] = section.pop(fresh)
    return planted("doubled-name", "Rename one", f"{role}_groups", name)


def idle_device(plot: Plot) -> Planted:
    return planted("unused-device", "Name it", "devices", plot.device(), is_error=False)


def idle_node(plot: Plot) -> Planted:
    return planted("unused-node", "Delete it", "nodes", plot.node(), is_error=False)


def idle_backup_group(plot: Plot) -> Planted:
    plot.head()
    name = plot.new_group("backup")
    return planted("unused-group", "Delete it", "backup_groups", name, is_error=False)


def idle_readers(plot: Plot) -> Planted:
    name = plot.readers()
    return planted("unused-group", "Write copies:", "restore_groups", name, is_error=False)


def brought_back_too_early(plot: Plot) -> Planted:
    keys, item = plot.tree()
    item["exclude"] = ["!keep.tmp", "*.tmp", "!other.tmp"]
    return planted("brings-nothing-back", "the last that matches", *keys, "exclude", 0,
                   is_error=False)  # fmt: skip


def stdin_far(plot: Plot) -> Planted:
    keys = _standard_input(plot)
    plot.graph["clients"][keys[1]]["node"] = plot.node()
    return planted("stdin-far", "write a command", *keys, "stdin")


def table_far(plot: Plot) -> Planted:
    keys, item = plot.object()
    made_stream(item, "table", True)
    plot.graph["clients"][keys[1]]["node"] = plot.node()
    return planted("table-far", "without a node", *keys, "table")


def stdin_twice(plot: Plot) -> Planted:
    _standard_input(plot)
    name = plot.fresh("o")
    keys, _, item = plot.pick(objects(plot.graph))
    plot.graph["clients"][keys[1]]["objects"][name] = {
        key: value for key, value in item.items() if key in ("group", "buffers")
    } | {"stdin": True}
    twins = [keys for keys, _, item in objects(plot.graph) if "stdin" in item]
    return planted("stdin-twice", "Keep one of them", *twins[1], "stdin")


def engine_far(plot: Plot) -> Planted:
    plot.node()
    plot.graph["engine"] = "local"
    return planted("engine-far", "Write engine: ray", "engine")


def _standard_input(plot: Plot) -> Keys:
    """An object that is made standard input."""
    keys, item = plot.object()
    made_stream(item, "stdin", True)
    return keys


def chunk_over_frame(plot: Plot) -> Planted:
    keys, item = plot.tree()
    plot.graph |= {key: Written(8 * MIB, "8 MiB") for key in ("frame_size", "sync_size")}
    item["chunking"] = {"kind": "fastcdc", "size": 4 * MIB}
    return planted("chunk-over-frame", "Write a smaller max", *keys, "chunking")


PLANTERS: tuple[Planter, ...] = (
    mirror_of_nobody, copy_of_nobody, coupling_from_nobody, coupling_to_nobody, agent_of_nobody,
    coupling_to_a_stranger, coupling_from_a_spare, unknown_device, unknown_spare,
    device_on_no_node, client_on_no_node, object_to_nobody, object_to_another_role,
    object_to_open_group, pinned_to_a_stranger, no_client, no_backup_group, no_object, node_here,
    client_like_an_agent, node_by_case, device_by_case, client_by_case, object_by_case,
    group_by_case, group_twice, idle_device, idle_node, idle_backup_group, idle_readers,
    brought_back_too_early,
    stdin_far, table_far, stdin_twice, engine_far, chunk_over_frame,
)  # fmt: skip
