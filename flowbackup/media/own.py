"""Kinds of devices that installed packages bring; see `port`."""

from __future__ import annotations

from importlib.metadata import entry_points

from flowbackup.errors import GraphError
from flowbackup.media.port import DeviceKind

GROUP = "flowbackup.devices"


def own_kind(kind: str, device: str) -> DeviceKind:
    """The kind of that name, for a device.  Raises GraphError."""
    found = tuple(entry_points(group=GROUP, name=kind))
    if not found:
        known = ", ".join(sorted(entry.name for entry in entry_points(group=GROUP)))
        raise GraphError(
            f'device "{device}" is of the unknown kind "{kind}"',
            remedy="install a package that brings it"
            + (f"; others bring {known}" if known else ""),
        )
    try:
        made: DeviceKind = found[0].load()
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise GraphError(
            f'device "{device}": the kind "{kind}" cannot be loaded: {told}',
            remedy=f"look after {found[0].value}",
        ) from error
    return made
