"""The devices that hold one medium of files, by the kind of place: the table for those who want its
label and its segments, and not only the port."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.devices.bucket import BucketDevice
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.devices.tape import TapeDevice
from flowbackup.media.segments.segment import SEGMENT_BYTES
from flowbackup.model.device import DeviceTarget
from flowbackup.model.location import DIRECTORY, S3, TAPE, kind_at

MediumDevice = DirectoryDevice | BucketDevice | TapeDevice


def _directory(target: DeviceTarget, segment_bytes: int, calls: SystemCalls) -> MediumDevice:
    return DirectoryDevice(target, segment_bytes=segment_bytes, calls=calls)


def _bucket(target: DeviceTarget, segment_bytes: int, calls: SystemCalls) -> MediumDevice:
    return BucketDevice(target, segment_bytes=segment_bytes)


def _tape(target: DeviceTarget, segment_bytes: int, calls: SystemCalls) -> MediumDevice:
    # Longer segments than on disks: see there.
    return TapeDevice(target)


MEDIUM_DEVICES: Mapping[str, Callable[[DeviceTarget, int, SystemCalls], MediumDevice]] = (
    MappingProxyType({DIRECTORY: _directory, S3: _bucket, TAPE: _tape})
)


def medium_device(
    target: DeviceTarget, *, segment_bytes: int = SEGMENT_BYTES, calls: SystemCalls = SYSTEM
) -> MediumDevice:
    """The device of the one medium at the place of `target`; nothing was looked at."""
    return MEDIUM_DEVICES[kind_at(target.location)](target, segment_bytes, calls)
