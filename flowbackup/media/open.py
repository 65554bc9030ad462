"""From the decided form of a device to a live one: the one table of kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from flowbackup.errors import GraphError
from flowbackup.media.directory import DirectoryDevice
from flowbackup.media.null import NullDevice
from flowbackup.media.port import Device
from flowbackup.media.rate import RateLimitedDevice
from flowbackup.model.device import DeviceTarget

DEVICE_KINDS: Mapping[str, Callable[[DeviceTarget], Device]] = MappingProxyType(
    {"directory": DirectoryDevice, "null": NullDevice}
)


def open_device(target: DeviceTarget) -> Device:
    """The device that `target` describes; nothing is touched yet.  Raises GraphError."""
    kind = DEVICE_KINDS.get(target.kind)
    if kind is None:
        raise GraphError(
            f'device "{target.name}" is of the unknown kind "{target.kind}"',
            remedy="use one of: " + ", ".join(sorted(DEVICE_KINDS)),
        )
    device = kind(target)
    return RateLimitedDevice(device, target.rate_limit) if target.rate_limit else device
