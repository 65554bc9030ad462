"""Rules about copies, spares and media: what is read was written, and nothing feeds itself."""

from __future__ import annotations

from collections.abc import Iterator

from flowbackup.model.device import least_media_bytes
from flowbackup.plan.context import Context
from flowbackup.plan.cycles import cycles_of, way_of
from flowbackup.plan.decided import slot_bytes
from flowbackup.plan.groups import RESTORE, writing_groups
from flowbackup.spec.finding import Finding, listed
from flowbackup.units import format_size


def copy_loops(context: Context) -> Iterator[Finding]:
    """A copy of a copy may go anywhere but back."""
    if not context.is_ordered:
        return
    for cycle in cycles_of(_lineage(context)):
        devices = [name for name in cycle if name not in context.agents]
        reader = next(name for name in cycle if _reads(context, name))
        yield context.error(
            context.agents[reader].keys, "copy-loop",
            f"copies come back to where they were read: {way_of(devices)}",
            "Copy to another device, or leave one of these devices out of its restore group.",
        )  # fmt: skip


def _lineage(context: Context) -> dict[str, tuple[str, ...]]:
    """What comes from where: readers from their devices, other agents from their feeders, devices
    from the agents that copy to them.  (Names of agents have a dot, those of devices none.)"""
    found: dict[str, tuple[str, ...]] = {}
    for name, agent in context.agents.items():
        if agent.role == RESTORE:
            found[name] = (agent.device,)
            found.setdefault(agent.device, ())
        elif name in context.copied:
            found[name] = context.feeders[name]
            found[agent.device] = (*found.get(agent.device, ()), name)
    return found


def _reads(context: Context, name: str) -> bool:
    agent = context.agents.get(name)
    return agent is not None and agent.role == RESTORE


def copy_selections(context: Context) -> Iterator[Finding]:
    """Versions of this session are there where a session makes some."""
    for name, group in context.spec.copy_groups.items():
        if group.select.versions == "session" and not context.spec.clients:
            yield context.error(
                ("copy_groups", name, "select", "versions"), "no-session",
                f'group "{name}" copies the versions of the session, but the graph has no client '
                "that makes any",
                "Write versions: latest, or all.",
            )  # fmt: skip


def idle_readers(context: Context) -> Iterator[Finding]:
    """A restore group that feeds nobody does nothing."""
    feeding = {coupling.source.group for coupling in context.couplings}
    for name in context.spec.restore_groups:
        if name not in feeding:
            yield context.warning(
                ("restore_groups", name), "unused-group",
                f'restore group "{name}" feeds no copy group',
                f"Write copies: {name} in a copy group, or delete it.",
            )  # fmt: skip


def spares_at_hand(context: Context) -> Iterator[Finding]:
    """A spare takes the frames that are in memory, so it is where that memory is."""
    devices = context.spec.devices
    for keys, name, group in writing_groups(context.spec):
        draft = context.groups[name]
        if draft.keys != keys:  # another group of this name, which is told elsewhere
            continue
        nodes = {context.node_of(agent) for agent in draft.agents.values()} if draft.spares else ()
        for spare in draft.spares:
            node = devices[spare].node if spare in devices else None
            if node is not None and node not in nodes:
                field = "reserve" if spare in group.reserve else "devices"
                index = getattr(group, field).index(spare)
                yield context.error(
                    (*keys, field, index), "spare-elsewhere",
                    f'device "{spare}" may take the place of another one of group "{name}", but is '
                    f'on node "{node}", and they are on {listed(sorted(nodes))}',
                    "Name a device of the same node: frames that are not safe yet are in its "
                    "memory.",
                )  # fmt: skip


def staging_is_drained(context: Context) -> Iterator[Finding]:
    """What nobody copies is never freed."""
    read = {agent.device for agent in context.agents.values() if agent.role == RESTORE}
    for name, device in context.spec.devices.items():
        if device.staging is not None and name not in read:
            yield context.warning(
                ("devices", name, "staging"), "staging-undrained",
                f'device "{name}" is a staging device, but no restore group reads it',
                "Name it in a restore group that feeds a copy group.",
            )  # fmt: skip


def media_hold_frames(context: Context) -> Iterator[Finding]:
    """A medium that holds no two frames would be changed for each."""
    size = slot_bytes(context.spec.frame_size)
    for name, device in context.spec.devices.items():
        least = least_media_bytes(2, size, device.block_size)
        if 0 < device.media_size < least:
            yield context.error(
                ("devices", name, "media_size"), "media-too-small",
                f'media of device "{name}" have {format_size(device.media_size)}, but two frames '
                f"and their records need {format_size(least)}",
                f"Write media_size: {format_size(least)} or more, or a smaller frame_size.",
            )  # fmt: skip
