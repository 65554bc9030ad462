"""Groups of a spec: their roles, and which of their devices are at work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flowbackup.spec.models import GraphSpec, GroupSpec, RestoreGroupSpec
from flowbackup.spec.tree import Keys

Group = GroupSpec | RestoreGroupSpec
BACKUP, MIRROR, RESTORE, COPY = "backup", "mirror", "restore", "copy"
HEADS = (BACKUP, RESTORE)
"""Roles whose agents nobody of the graph feeds: clients and media do."""
FED_BY: Mapping[str, tuple[str, ...]] = {
    MIRROR: (BACKUP, MIRROR, COPY), COPY: (RESTORE,), BACKUP: (), RESTORE: (),
}  # fmt: skip
"""Role of a target -> roles that may feed it."""


def groups_of(spec: GraphSpec) -> Iterator[tuple[Keys, str, Group]]:
    """All groups with their keys and names: those that write, then those that read."""
    yield from writing_groups(spec)
    for name, restore in spec.restore_groups.items():
        yield ("restore_groups", name), name, restore


def writing_groups(spec: GraphSpec) -> Iterator[tuple[Keys, str, GroupSpec]]:
    """Backup groups first, then mirror and copy groups."""
    for name, backup in spec.backup_groups.items():
        yield ("backup_groups", name), name, backup
    for name, mirror in spec.mirror_groups.items():
        yield ("mirror_groups", name), name, mirror
    for name, copy in spec.copy_groups.items():
        yield ("copy_groups", name), name, copy


def devices_at_work(group: Group) -> tuple[str, ...]:
    """The devices that get an agent each: as many as the group uses at once."""
    devices = tuple(dict.fromkeys(group.devices))
    return devices[: group.max] if isinstance(group, GroupSpec) else devices


def spare_devices(group: Group) -> tuple[str, ...]:
    """What takes the place of failed devices: those beyond `max`, then the reserve."""
    if not isinstance(group, GroupSpec):
        return ()
    beyond = tuple(dict.fromkeys(group.devices))[len(devices_at_work(group)) :]
    return tuple(dict.fromkeys((*beyond, *group.reserve)))


def named_devices(group: Group) -> Iterator[tuple[str, int, str]]:
    """Every device as written: the key of its list, its place in it, its name."""
    reserve = group.reserve if isinstance(group, GroupSpec) else ()
    for field, devices in (("devices", group.devices), ("reserve", reserve)):
        for index, device in enumerate(devices):
            yield field, index, device
