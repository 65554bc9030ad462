"""From the decided form of a device to a live one: the one table of kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from flowbackup.errors import GraphError
from flowbackup.media.directory import DirectoryDevice
from flowbackup.media.null import NullDevice
from flowbackup.media.port import Device
from flowbackup.media.rate import RateLimitedDevice
from flowbackup.media.set_device import SetDevice
from flowbackup.media.set_label import is_set
from flowbackup.model.device import DeviceTarget


def _directory(target: DeviceTarget) -> Device:
    """A set of media says itself that it is one, whether a graph says so or not."""
    if target.media_bytes or is_set(target.location):
        return SetDevice(target)
    return DirectoryDevice(target)


DEVICE_KINDS: Mapping[str, Callable[[DeviceTarget], Device]] = MappingProxyType(
    {"directory": _directory, "null": NullDevice}
)


def open_device(target: DeviceTarget) -> Device:
    """The device that `target` describes; at most the name of its label was looked at.  Raises
    GraphError."""
    kind = DEVICE_KINDS.get(target.kind)
    if kind is None:
        raise GraphError(
            f'device "{target.name}" is of the unknown kind "{target.kind}"',
            remedy="use one of: " + ", ".join(sorted(DEVICE_KINDS)),
        )
    device = kind(target)
    return RateLimitedDevice(device, target.rate_limit) if target.rate_limit else device
