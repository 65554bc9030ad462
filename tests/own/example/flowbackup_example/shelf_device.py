"""The device `shelf`: a directory whose segments nobody but a session can change, because it is
closed to everybody else in between.

devices:
  vault: {url: "shelf:///mnt/vault"}

A device whose media are made as flowbackup makes them stands in front of one of flowbackup's, and
changes what is its own: here, that the directory of segments is open while the lock is held.
"""

from __future__ import annotations

import os
from dataclasses import replace

from flowbackup.errors import GraphError
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import init_medium
from flowbackup.media.port import DeviceQueue, FrameReader, FrameWriter
from flowbackup.model.device import DeviceTarget, MediumInfo

OPEN, CLOSED = 0o700, 0o500


class ShelfDevice:
    """A Device, and as a class a DeviceKind; see flowbackup.media.port."""

    def __init__(self, target: DeviceTarget) -> None:
        self.name = target.name
        self._location = target.location
        self._place = place_of(target)
        self._device = DirectoryDevice(replace(target, kind="directory", location=self._place))
        self._is_locked = False

    @staticmethod
    def is_blank(target: DeviceTarget) -> bool:
        place = place_of(target)
        return not os.path.lexists(place) or (os.path.isdir(place) and not os.listdir(place))

    @staticmethod
    def make_first(target: DeviceTarget, pool: str) -> MediumInfo:
        place = place_of(target)
        made = init_medium(place, name=target.name, pool=pool, block_bytes=target.block_bytes)
        os.chmod(os.path.join(place, "segments"), CLOSED)
        return replace(made, location=target.location)

    def info(self) -> MediumInfo:
        # The catalog finds the device again by the place of its media, which is that of the shelf.
        return replace(self._device.info(), location=self._location)

    def media(self) -> tuple[MediumInfo, ...]:
        return (self.info(),)

    def lock(self, holder: str) -> None:
        self._device.lock(holder)
        self._is_locked = True
        self._set_mode(OPEN)

    def holder(self) -> str:
        return self._device.holder()

    def queue(self) -> DeviceQueue:
        return self._device.queue()

    def check_writable(self, need_bytes: int, *, frame_bytes: int = 0) -> None:
        self._device.check_writable(need_bytes, frame_bytes=frame_bytes)

    def writer(self, session: bytes, epoch: int) -> FrameWriter:
        return self._device.writer(session, epoch)

    def reader(self, *, cached: bool = True) -> FrameReader:
        return self._device.reader(cached=cached)

    def close(self) -> None:
        if self._is_locked:
            self._is_locked = False
            self._set_mode(CLOSED)
        self._device.close()

    def _set_mode(self, mode: int) -> None:
        os.chmod(os.path.join(self._place, "segments"), mode)


def place_of(target: DeviceTarget) -> str:
    """Raises GraphError."""
    place = target.location.removeprefix("shelf://")
    if not os.path.isabs(place):
        raise GraphError(
            f'device "{target.name}": {target.location} is no shelf',
            remedy="write an absolute path, as in shelf:///mnt/vault",
        )
    return place
