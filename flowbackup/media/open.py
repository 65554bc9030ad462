"""From the decided form of a device to a live one: the one table of kinds, and behind it those that
packages bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from flowbackup.errors import DeviceError
from flowbackup.media.devices.kinds import medium_device
from flowbackup.media.devices.null import NullDevice
from flowbackup.media.devices.rate import RateLimitedDevice
from flowbackup.media.labels.label import init_medium
from flowbackup.media.labels.set_label import init_set, is_set
from flowbackup.media.own import own_kind
from flowbackup.media.places.kinds import is_blank as is_blank_place
from flowbackup.media.port import Device
from flowbackup.media.sets.set_device import SetDevice
from flowbackup.media.sets.tape_set import TapeSetDevice, init_tapes
from flowbackup.model.device import DEFAULT_BLOCK_BYTES, DeviceTarget, MediumInfo
from flowbackup.model.location import TAPE, kind_at


def _of_files(target: DeviceTarget) -> Device:
    """A set of media says itself that it is one, whether a graph says so or not."""
    try:
        holds_set = target.media_bytes > 0 or is_set(target.location)
    except DeviceError:
        # Nobody can look there now: the device says so to whoever asks it for something.
        holds_set = False
    return SetDevice(target) if holds_set else medium_device(target)


def _tape(target: DeviceTarget) -> Device:
    """A changer holds a set of tapes."""
    return TapeSetDevice(target) if is_set(target.location) else medium_device(target)


DEVICE_KINDS: Mapping[str, Callable[[DeviceTarget], Device]] = MappingProxyType(
    {"directory": _of_files, "null": NullDevice, "s3": _of_files, TAPE: _tape}
)


def open_device(target: DeviceTarget) -> Device:
    """The device that `target` describes; at most the name of its label was looked at.  Raises
    GraphError."""
    kind = DEVICE_KINDS.get(target.kind) or own_kind(target.kind, target.name)
    device = kind(target)
    return RateLimitedDevice(device, target.rate_limit) if target.rate_limit else device


def make_first_medium(
    location: str, *, name: str, pool: str = "default",
    block_bytes: int = DEFAULT_BLOCK_BYTES, media_bytes: int = 0,
) -> MediumInfo:  # fmt: skip
    """Gives a place that is blank its label; media_bytes: that of a set of media of this size, of
    which the first is made; of tapes a changer makes a set.  Raises DeviceError, GraphError for a
    kind that nobody knows."""
    if (kind := kind_at(location)) not in DEVICE_KINDS:
        target = DeviceTarget(name, kind, location, block_bytes, media_bytes=media_bytes)
        return own_kind(kind, name).make_first(target, pool)
    if kind == TAPE:
        if media_bytes:
            raise DeviceError(
                f'device "{name}": nobody can say how much goes on a tape',
                remedy="leave the size of media out",
                device=name,
            )
        return init_tapes(location, name=name, pool=pool, block_bytes=block_bytes)
    if media_bytes:
        return init_set(
            location, name=name, pool=pool, block_bytes=block_bytes, media_bytes=media_bytes
        )
    return init_medium(location, name=name, pool=pool, block_bytes=block_bytes)


def is_blank(target: DeviceTarget) -> bool:
    """Nothing is there but what a new file system brings: a medium may be made.  False where that
    cannot be seen, and for what keeps nothing.  Raises GraphError."""
    if target.kind not in DEVICE_KINDS:
        return own_kind(target.kind, target.name).is_blank(target)
    return bool(target.location) and is_blank_place(target.location)
