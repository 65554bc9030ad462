"""Faults of couplings, copies, devices and memory."""

from __future__ import annotations

from tests.oracle.chains import Chains
from tests.oracle.model import (
    HERE,
    MEDIA_BYTES_MIN,
    End,
    Pinned,
    Written,
    frame_bytes,
    least_media_bytes,
    meant,
)
from tests.oracle.plot import NoRoom, Planted, Planter, Plot, planted


def mirror_of_itself(plot: Plot) -> Planted:
    name = plot.new_group("mirror")
    plot.graph["mirror_groups"][name]["mirrors"] = End(name)
    return planted("self-loop", "another group", "mirror_groups", name, "mirrors")


def agent_to_itself(plot: Plot) -> Planted:
    _, name, _ = plot.group("backup", "mirror", "copy", "restore")
    end = End(name, plot.pick(plot.at_work(name)))
    return planted("self-loop", "another group", *plot.couple(end, end))


def ring(plot: Plot) -> Planted:
    """Mirrors that feed each other, and no head."""
    names = [plot.new_group("mirror") for _ in range(plot.random.randint(2, 10))]
    for name, feeder in zip(names, names[-1:] + names[:-1], strict=True):
        plot.graph["mirror_groups"][name]["mirrors"] = End(feeder)
    places = frozenset(("mirror_groups", name, "mirrors") for name in names)
    return Planted("cycle", places, "Delete the coupling")


def chain_closed(plot: Plot) -> Planted:
    """The end of a chain feeds something in front of it."""
    chains = Chains(plot.graph)
    mirrors = [agent for agent in chains.agents if chains.role(agent[0]) == "mirror"]
    first = plot.pick(mirrors)
    behind = chains.reached({first}) - {first}
    last = plot.pick(sorted(behind))
    keys = plot.couple(End(*last), End(*first))
    knot = {e.keys for e in Chains(plot.graph).edges}
    return Planted("cycle", frozenset({keys, *knot}), "Delete the coupling")


def _wrong_role(source: str, target: str) -> Planter:
    def plant(plot: Plot) -> Planted:
        ends = [
            End(plot.head() if role == "backup" else plot.new_group(role))
            for role in (source, target)
        ]
        return planted(f"feeds-{target}-group", "", *plot.couple(*ends))

    plant.__name__ = f"{source}_feeds_{target}"
    return plant


def counts_differ(plot: Plot) -> Planted:
    head, target = plot.head(2), plot.new_group("mirror", 3)
    return planted("agent-count", "as many devices", *plot.couple(End(head), End(target)))


def two_sources(plot: Plot) -> Planted:
    """A mirror that is fed already gets a second feeder."""
    keys, name, _ = plot.group("mirror", "copy")
    fed = sorted({e.target for e in Chains(plot.graph).edges if e.target[0] == name})
    target = plot.pick(fed)
    source = plot.head() if keys[0] == "mirror_groups" else plot.readers()
    return planted("two-sources", "a mirror device of its own",
                   *plot.couple(End(source), End(*target)))  # fmt: skip


def coupled_twice(plot: Plot) -> Planted:
    coupling = plot.pick(Chains(plot.graph).couplings)
    keys = plot.couple(coupling.source, coupling.target)
    return planted("doubled-coupling", "Delete one", *keys)


def mirror_unreached(plot: Plot) -> Planted:
    return planted("unreached", "Write mirrors:", "mirror_groups", plot.new_group("mirror"))


def copy_unreached(plot: Plot) -> Planted:
    return planted("unreached", "Write copies:", "copy_groups", plot.new_group("copy"))


def device_unreached(plot: Plot) -> Planted:
    head, name = plot.head(), plot.new_group("mirror", 2)
    plot.couple(End(head), End(name, plot.at_work(name)[0]))
    return planted("unreached", "Couple it", "mirror_groups", name)


def level_wrong(plot: Plot) -> Planted:
    name, group = plot.part("mirror_groups")
    level = Chains(plot.graph).levels[name, plot.at_work(name)[0]]
    copied = (name, plot.at_work(name)[0]) in Chains(plot.graph).copied
    group["level"] = (level or 0) - copied + plot.random.choice((1, 2, 500))
    return planted("wrong-level", "Write level:", "mirror_groups", name, "level")


def levels_mixed(plot: Plot) -> Planted:
    head = plot.head()
    first, name = plot.new_group("mirror", mirrors=End(head)), plot.new_group("mirror", 2)
    one, other = plot.at_work(name)
    plot.couple(End(head), End(name, one))
    plot.couple(End(first), End(name, other))
    return planted("mixed-levels", "a group for each level", "mirror_groups", name)


def range_too_long(plot: Plot) -> Planted:
    head, name = plot.head(), plot.new_group("mirror")
    ends = [End(head, plot.at_work(head)[0], 0, 24), End(name, plot.at_work(name)[0], 0, 24)]
    at = plot.random.randrange(2)
    ends[at] = ends[at]._replace(last=25)
    return planted("range-outside", "within [0:24]", *plot.couple(*ends))


def ranges_differ(plot: Plot) -> Planted:
    head, name = plot.head(), plot.new_group("mirror")
    keys = plot.couple(End(head, plot.at_work(head)[0], 0, 24), End(name, None, 1, 24))
    return planted("range-length", "equally long", *keys)


def part_copied(plot: Plot) -> Planted:
    source, target = End(plot.readers()), End(plot.new_group("copy"))
    ends = [source, target]
    at = plot.random.randrange(2)
    ends[at] = ends[at]._replace(first=0, last=4)
    return planted("range-of-copy", "select:", *plot.couple(*ends))


def pinned_outside(plot: Plot) -> Planted:
    head = plot.head()
    pin = Pinned(plot.at_work(head)[0], 23, 25)
    keys = plot.new_object(head, buffers=pin)
    return planted("range-outside", "within [0:24]", *keys, "buffers")


def half_an_object(plot: Plot) -> Planted:
    """Pinned across the end of a coupling, on one of its two sides, or over the whole of it."""
    head, name = plot.head(), plot.new_group("mirror")
    device = plot.at_work(head)[0]
    plot.last_object()["buffers"] = Pinned(device, 0, 8)
    plot.couple(End(head, device, 8, 16), End(name))
    first, last = plot.pick(((7, 9), (15, 17), (0, 24), (8, 17), (7, 16)))
    keys = plot.new_object(head, buffers=Pinned(device, first, last))
    return planted("half-mirrored", f'"{device}[8:16]"', *keys, "buffers")


def half_of_a_free_object(plot: Plot) -> Planted:
    head, name = plot.head(2), plot.new_group("mirror")
    plot.couple(End(head, plot.at_work(head)[1], 0, 23), End(name))
    client, written = list(plot.graph["clients"].items())[-1]
    keys = ("clients", client, "objects", next(iter(written["objects"])))
    return planted("half-mirrored", "Write buffers:", *keys, "buffers")


def half_behind(plot: Plot) -> Planted:
    """Whole at the head and its mirror, half at the mirror behind that one."""
    head, first, second = plot.head(), plot.new_group("mirror"), plot.new_group("mirror")
    device = plot.at_work(head)[0]
    plot.last_object()["buffers"] = Pinned(device, 0, 8)
    plot.couple(End(head, device, 0, 8), End(first, None, 8, 16))
    plot.couple(End(first, None, *plot.pick(((8, 12), (15, 24)))), End(second))
    client, written = list(plot.graph["clients"].items())[-1]
    keys = ("clients", client, "objects", next(iter(written["objects"])))
    return planted("half-mirrored", "as many buffers at both ends", *keys, "buffers")


def part_behind_a_copy(plot: Plot) -> Planted:
    copy = plot.new_group("copy", copies=End(plot.readers()))
    keys = plot.couple(End(copy, None, 0, 4), End(plot.new_group("mirror")))
    return planted("range-of-copy", "Couple all of its buffers", *keys)


def two_ways(plot: Plot) -> Planted:
    """A diamond: both mirrors of a head feed one more."""
    head = plot.head()
    left, right, last = (plot.new_group("mirror") for _ in range(3))
    for name in (left, right):
        plot.graph["mirror_groups"][name]["mirrors"] = End(head)
    keys = [plot.couple(End(left), End(last, None, 0, 12)),
            plot.couple(End(right), End(last, None, 12, 24))]  # fmt: skip
    return Planted("two-ways", frozenset(keys), "Delete one of the two")


def copies_two_ways(plot: Plot) -> Planted:
    """Two copy groups take the same, and feed one mirror."""
    readers = plot.readers()
    copies = [plot.new_group("copy", copies=End(readers)) for _ in range(2)]
    last = plot.new_group("mirror")
    keys = [plot.couple(End(name), End(last, None, 12 * at, 12 * at + 12))
            for at, name in enumerate(copies)]  # fmt: skip
    return Planted("two-ways", frozenset(keys), "Delete one of the two")


def buffers_of_nobody(plot: Plot) -> Planted:
    """More clients than buffers that they may use."""
    head = plot.head()
    pin = Pinned(plot.at_work(head)[0], 3, 5)
    plot.last_object()["buffers"] = pin
    keys = [plot.new_object(head, buffers=pin) for _ in range(2)]
    client = list(plot.graph["clients"])[-3]
    first = ("clients", client, "objects", next(iter(plot.graph["clients"][client]["objects"])))
    places = frozenset((*each, "buffers") for each in (first, *keys))
    return Planted("shared-buffers", places, "Raise buffers")


def copies_too_many(plot: Plot) -> Planted:
    if not plot.groups("backup"):
        raise NoRoom
    plot.head()
    plot.graph["copies"] = plot.random.choice((2, 60))
    return planted("too-many-copies", "Write copies:", "copies")


def copies_of_a_pinned_object(plot: Plot) -> Planted:
    """Its buffers lead to one device, those beside them to two."""
    head, name = plot.head(), plot.new_group("mirror")
    device = plot.at_work(head)[0]
    plot.last_object()["buffers"] = Pinned(device, 0, 8)
    plot.couple(End(head, device, 0, 8), End(name))
    keys = plot.new_object(head, buffers=Pinned(device, 8, 24))
    plot.graph["copies"] = 2
    return planted("too-many-copies", "Write copies: 1", *keys, "buffers")


def copy_onto_its_source(plot: Plot) -> Planted:
    readers = plot.readers()
    name = plot.new_group("copy", copies=End(readers))
    plot.graph["copy_groups"][name]["devices"] = list(plot.at_work(readers))
    return planted("copy-loop", "Copy to another device", "restore_groups", readers)


def copies_in_a_ring(plot: Plot) -> Planted:
    """Each stage reads what the one before has written, the first what the last has."""
    devices = [plot.device() for _ in range(plot.random.randint(2, 4))]
    names = []
    for device, filled in zip(devices, devices[1:] + devices[:1], strict=True):
        readers = plot.fresh("readers")
        plot.graph.setdefault("restore_groups", {})[readers] = {
            "devices": [device], "buffers": 24,
        }  # fmt: skip
        copy = plot.new_group("copy", copies=End(readers))
        plot.graph["copy_groups"][copy]["devices"] = [filled]
        names.append(("restore_groups", readers))
    return Planted("copy-loop", frozenset(names), "Copy to another device")


def session_that_is_none(plot: Plot) -> Planted:
    if "clients" in plot.graph:
        raise NoRoom
    name, group = plot.part("copy_groups")
    group["select"] = {"versions": "session"}
    return planted("no-session", "latest", "copy_groups", name, "select", "versions")


def staging_for_ever(plot: Plot) -> Planted:
    head = plot.head()
    name = plot.at_work(head)[0]
    plot.graph["devices"][name]["staging"] = {"copies": 1}
    return planted("staging-undrained", "in a restore group", "devices", name, "staging",
                   is_error=False)  # fmt: skip


def spare_elsewhere(plot: Plot) -> Planted:
    keys, name, group = plot.group("backup", "mirror", "copy")
    spare = plot.device(plot.node())
    if plot.random.random() < 0.5:
        group.setdefault("reserve", []).append(spare)
        return planted("spare-elsewhere", "the same node", *keys, "reserve",
                       len(group["reserve"]) - 1)  # fmt: skip
    group["max"] = len(plot.at_work(name))
    group["devices"].append(spare)
    return planted("spare-elsewhere", "the same node", *keys, "devices",
                   len(group["devices"]) - 1)  # fmt: skip


def media_too_small(plot: Plot) -> Planted:
    name, device = plot.pick(
        (n, d) for n, d in plot.graph["devices"].items() if d.get("kind") != "null"
    )
    size = least_media_bytes(plot.graph, meant(device.get("block_size"), 4096)) - 1
    if size < MEDIA_BYTES_MIN:
        raise NoRoom
    device["media_size"] = Written(size, str(size))
    return planted("media-too-small", "Write media_size:", "devices", name, "media_size")


def device_of_two(plot: Plot) -> Planted:
    """Groups are looked at role by role, so a new one of a later role is the second."""
    _, name, _ = plot.group("backup", "mirror")
    copy = plot.new_group("copy", copies=End(plot.readers()))
    device = plot.pick(plot.at_work(name))
    plot.graph["copy_groups"][copy]["devices"] = [device]
    return planted("device-twice", "One device has one media agent", "copy_groups", copy,
                   "devices", 0)  # fmt: skip


def device_twice_in_a_group(plot: Plot) -> Planted:
    keys, _, group = plot.group("backup", "mirror", "copy", "restore")
    field = plot.pick(("devices",) if keys[0] == "restore_groups" else ("devices", "reserve"))
    group.setdefault(field, []).append(group["devices"][0])
    return planted("device-twice", "One device", *keys, field, len(group[field]) - 1)


def place_of_two(plot: Plot) -> Planted:
    """In other words."""
    old = _device_with_path(plot)
    name = plot.device(old.get("node", HERE))
    place = old["path"].meant
    words = "/" + "/".join((*place[:-1], "x", "..", place[-1]))
    plot.graph["devices"][name]["path"] = Written(place, words)
    return planted("same-device", "a place of its own", "devices", name, "path")


def place_inside(plot: Plot) -> Planted:
    old = _device_with_path(plot)
    name = plot.device(old.get("node", HERE))
    place = (*old["path"].meant, *plot.random.choice((("a",), ("a", "b"))))
    plot.graph["devices"][name]["path"] = Written(place, "/" + "/".join(place))
    return planted("device-inside-device", "beside the other", "devices", name, "path")


def source_inside(plot: Plot) -> Planted:
    """An object is a device, or lies in one."""
    keys, item = plot.tree()
    old = _device_with_path(plot)
    client = plot.graph["clients"][keys[1]]
    client["node"] = old.get("node", HERE)
    place = (*old["path"].meant, *plot.random.choice(((), ("a",), ("a", "b"))))
    item["path"] = Written(place, "/" + "/".join(place))
    return planted("source-in-device", "outside of all devices", *keys, "path")


def device_inside_source(plot: Plot) -> Planted:
    keys, item = plot.tree()
    node = plot.graph["clients"][keys[1]].get("node", HERE)
    device = plot.graph["devices"][plot.device(node)]
    place = (*item["path"].meant, *plot.random.choice((("a",), ("a", "b"))))
    device["path"] = Written(place, "/" + "/".join(place))
    return planted("device-in-source", "Move the device", *keys, "path")


def window_too_small(plot: Plot) -> Planted:
    keys, _, group = plot.group("backup", "mirror", "copy", "restore")
    frame = frame_bytes(plot.graph)
    plot.graph["sync_size"] = Written(2 * frame + 1, str(2 * frame + 1))
    for _, _, other in plot.groups("backup", "mirror", "copy", "restore"):
        other["buffers"] = max(5, other.get("buffers", 8))
    group["buffers"] = 4
    return planted("window", "Write buffers: 5", *keys, "buffers")


def more_slots_than_the_head(plot: Plot) -> Planted:
    head = plot.head()
    name = plot.new_group("mirror", mirrors=End(head))
    plot.graph["mirror_groups"][name]["buffers"] = 25
    return planted("shared-slots", "Raise buffers", "mirror_groups", name, "buffers",
                   is_error=False)  # fmt: skip


def millions_of_couplings(plot: Plot) -> Planted:
    readers, copy = plot.new_group("restore", 320), plot.new_group("copy", 320)
    plot.graph["copy_groups"][copy]["copies"] = End(readers)
    return planted("too-many-pairs", "Name fewer devices", "copy_groups", copy, "copies")


def _device_with_path(plot: Plot) -> dict[str, object]:
    found: dict[str, object] = plot.pick(
        device for device in plot.graph["devices"].values() if "path" in device
    )
    return found


PLANTERS: tuple[Planter, ...] = (
    mirror_of_itself, agent_to_itself, ring, chain_closed,
    _wrong_role("mirror", "backup"), _wrong_role("backup", "backup"),
    _wrong_role("mirror", "restore"), _wrong_role("backup", "copy"), _wrong_role("copy", "copy"),
    _wrong_role("restore", "mirror"), _wrong_role("restore", "restore"),
    counts_differ, two_sources, coupled_twice, mirror_unreached, copy_unreached, device_unreached,
    level_wrong, levels_mixed, range_too_long, ranges_differ, part_copied, pinned_outside,
    half_an_object, half_of_a_free_object, copies_too_many, copies_of_a_pinned_object,
    half_behind, part_behind_a_copy, two_ways, copies_two_ways, buffers_of_nobody,
    copy_onto_its_source, copies_in_a_ring, session_that_is_none, staging_for_ever,
    spare_elsewhere, media_too_small, device_of_two, device_twice_in_a_group, place_of_two,
    place_inside, source_inside, device_inside_source, window_too_small,
    more_slots_than_the_head,
)  # fmt: skip
SELDOM: tuple[Planter, ...] = (millions_of_couplings,)
"""What makes a graph large."""
