"""Rules about names: each is declared once, means one thing, and is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowbackup.model.device import HERE
from flowbackup.plan.context import Context
from flowbackup.plan.graph import CouplingDraft
from flowbackup.plan.groups import (
    groups_of,
    named_devices,
)
from flowbackup.spec.endpoint import Endpoint
from flowbackup.spec.finding import Finding, listed
from flowbackup.spec.tree import Key


def doubled_names(context: Context) -> Iterator[Finding]:
    """Names that are equal but for upper and lower case would be one file on some devices."""
    spec = context.spec
    yield from _doubled(context, "node", [("nodes", name) for name in spec.nodes])
    yield from _doubled(context, "client", [("clients", name) for name in spec.clients])
    yield from _doubled(context, "device", [("devices", name) for name in spec.devices])
    yield from _doubled(context, "group", [keys for keys, _, _ in groups_of(spec)])
    for client, written in spec.clients.items():
        keys = [("clients", client, "objects", name) for name in written.objects]
        yield from _doubled(context, f'object of client "{client}"', keys)


def _doubled(context: Context, what: str, all_keys: Iterable[tuple[Key, ...]]) -> Iterator[Finding]:
    seen: dict[str, tuple[Key, ...]] = {}
    for keys in all_keys:
        first = seen.setdefault(str(keys[-1]).casefold(), keys)
        if first != keys:
            line = context.document.place(*first).rsplit(":", 2)[1]
            case = "" if first[-1] == keys[-1] else " but for upper and lower case"
            reason = f'{what} "{keys[-1]}" has the name of "{first[-1]}" in line {line}{case}'
            yield context.error(keys, "doubled-name", reason, "Rename one of the two.")


def reserved_names(context: Context) -> Iterator[Finding]:
    """ "here" is the machine of the command, "group.device" an agent."""
    for name in context.spec.nodes:
        if name.casefold() == HERE:
            yield context.error(
                ("nodes", name), "reserved-name",
                f'node "{name}" is the machine of the command, which always exists',
                "Delete it, or give it another name.",
            )  # fmt: skip
    agents = {agent.casefold() for agent in context.agents}
    for client in context.spec.clients:
        if client.casefold() in agents:
            yield context.error(
                ("clients", client), "reserved-name",
                f'client "{client}" has the name of a media agent', "Rename the client.",
            )  # fmt: skip


def unknown_nodes(context: Context) -> Iterator[Finding]:
    """Devices and clients live on declared nodes."""
    spec = context.spec
    known = [HERE, *spec.nodes]
    places = [("device", "devices", n, d.node) for n, d in spec.devices.items()]
    places += [("client", "clients", n, c.node) for n, c in spec.clients.items()]
    for word, section, name, node in places:
        if node != HERE and node not in spec.nodes:
            yield context.error(
                (section, name, "node"), "unknown-node",
                f'{word} "{name}" is on node "{node}", which does not exist',
                context.suggester.remedy(node, known, f'Declare "{node}" under nodes.'),
            )  # fmt: skip


def unknown_devices(context: Context) -> Iterator[Finding]:
    """Groups use declared devices."""
    known = context.spec.devices
    for keys, name, group in groups_of(context.spec):
        for field, index, device in named_devices(group):
            if device not in known:
                yield context.error(
                    (*keys, field, index), "unknown-device",
                    f'group "{name}" uses device "{device}", which does not exist',
                    context.suggester.remedy(device, known, f'Declare "{device}" under devices.'),
                )  # fmt: skip


def unknown_ends(context: Context) -> Iterator[Finding]:
    """Couplings join declared groups and their agents."""
    for coupling in context.couplings:
        short = coupling.keys[0] != "couplings"
        verb = (
            f'group "{coupling.target.group}" {coupling.keys[-1]}' if short else "a coupling names"
        )
        yield from _unknown_end(context, coupling, coupling.source, verb)
        if not short:
            yield from _unknown_end(context, coupling, coupling.target, verb)


def _unknown_end(
    context: Context, coupling: CouplingDraft, end: Endpoint, verb: str
) -> Iterator[Finding]:
    group = context.groups.get(end.group)
    if group is None:
        yield context.error(
            coupling.keys, "unknown-group", f'{verb} "{end.group}", which does not exist',
            context.suggester.remedy(
                end.group, context.groups, f"Known groups are {listed(context.groups)}."
            ),
        )  # fmt: skip
        return
    if end.device is None or end.device in group.agents:
        return
    at_work = group.agents
    if end.device in group.spares:
        yield context.error(
            coupling.keys, "spare-agent",
            f'{verb} "{end.group}.{end.device}", which takes the place of a failed device only',
            f"Name one of {listed(at_work)}; a spare takes over its couplings.",
        )  # fmt: skip
    else:
        yield context.error(
            coupling.keys, "unknown-agent",
            f'{verb} "{end.group}.{end.device}", but group "{end.group}" has no device '
            f'"{end.device}"',
            context.suggester.remedy(end.device, at_work, f"Its devices are {listed(at_work)}."),
        )  # fmt: skip


def object_groups(context: Context) -> Iterator[Finding]:
    """Every object goes to one backup group, and to buffers that this group has."""
    groups = context.spec.backup_groups
    for client, written in context.spec.clients.items():
        for name, item in written.objects.items():
            keys = ("clients", client, "objects", name)
            who = f'object "{name}" of client "{client}"'
            if item.group is None:
                if len(groups) > 1:
                    yield context.error(
                        keys, "group-needed",
                        f"{who} does not say which of {len(groups)} backup groups takes it",
                        f"Write group: with one of {listed(groups)}.",
                    )  # fmt: skip
            elif item.group not in groups and (role := context.role_of(item.group)):
                yield context.error(
                    (*keys, "group"), "object-to-mirror",
                    f'{who} goes to "{item.group}", which is a {role} group',
                    f"Only backup groups take objects: {listed(groups)}.",
                )  # fmt: skip
            elif item.group not in groups:
                yield context.error(
                    (*keys, "group"), "unknown-group",
                    f'{who} goes to group "{item.group}", which does not exist',
                    context.suggester.remedy(
                        item.group, groups, f"Known backup groups are {listed(groups)}."
                    ),
                )  # fmt: skip


def something_to_do(context: Context) -> Iterator[Finding]:
    """A graph has clients with objects and devices to take them, or something to copy."""
    spec = context.spec
    copies_only = spec.copy_groups and not spec.clients and not spec.backup_groups
    if not spec.clients and not copies_only:
        yield context.error(
            (), "no-client", "the graph has no client", "Write clients: with one that has objects."
        )
    if not spec.backup_groups and not copies_only:
        yield context.error(
            (),
            "no-backup-group",
            "the graph has no backup group",
            "Write backup_groups: with one that has devices.",
        )
    for name, client in spec.clients.items():
        if not client.objects:
            yield context.error(
                ("clients", name), "no-object", f'client "{name}" has no objects',
                "Write objects: with a name and a path, or delete the client.",
            )  # fmt: skip


def unused(context: Context) -> Iterator[Finding]:
    """Declared and not used is mostly a slip of the pen."""
    spec = context.spec
    devices = {d for _, _, group in groups_of(spec) for _, _, d in named_devices(group)}
    for name in spec.devices:
        if name not in devices:
            yield context.warning(
                ("devices", name),
                "unused-device",
                f'no group uses device "{name}"',
                "Name it in a group.",
            )
    nodes = {device.node for device in spec.devices.values()}
    nodes |= {client.node for client in spec.clients.values()}
    for name in spec.nodes:
        if name not in nodes:
            yield context.warning(
                ("nodes", name), "unused-node", f'nothing is on node "{name}"', "Delete it."
            )
    items = [item for client in spec.clients.values() for item in client.objects.values()]
    taking = {item.group for item in items}
    if len(spec.backup_groups) > 1:
        for name in spec.backup_groups:
            if name not in taking:
                yield context.warning(
                    ("backup_groups", name),
                    "unused-group",
                    f'no object goes to group "{name}"',
                    "Delete it.",
                )
