"""Kinds of devices that installed packages bring; see `port`."""

from __future__ import annotations

from flowbackup.errors import GraphError
from flowbackup.media.port import DeviceKind
from flowbackup.packages import all_brought, brought

GROUP = "flowbackup.devices"


def own_kind(kind: str, device: str) -> DeviceKind:
    """The kind of that name, for a device.  Raises GraphError."""
    found = brought(GROUP, kind)
    if found is None:
        known = all_brought(GROUP)
        raise GraphError(
            f'device "{device}" is of the unknown kind "{kind}"',
            remedy="install a package that brings it"
            + (f"; others bring {known}" if known else ""),
        )
    try:
        made: DeviceKind = found.load()
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise GraphError(
            f'device "{device}": the kind "{kind}" cannot be loaded: {told}',
            remedy=f"look after {found.value}",
        ) from error
    return made
