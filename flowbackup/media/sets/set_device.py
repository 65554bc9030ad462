"""SetDevice: a directory in which media of limited size lie side by side, written one by one."""

from __future__ import annotations

import errno
import os
from dataclasses import replace

from flowbackup.errors import DeviceError
from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.devices.kinds import MediumDevice, medium_device
from flowbackup.media.failure import device_error
from flowbackup.media.labels.label import LOCK_NAME, QUEUE_NAME, SEGMENTS_NAME, free_bytes
from flowbackup.media.labels.set_label import SetLabel, make_medium, medium_name, write_set
from flowbackup.media.locks.kinds import locking_at
from flowbackup.media.locks.lease import LeaseLock
from flowbackup.media.locks.lock import MediumLock
from flowbackup.media.places.kinds import files_at
from flowbackup.media.port import DeviceQueue
from flowbackup.media.segments.room import medium_bytes
from flowbackup.media.segments.segment import SEGMENT_BYTES
from flowbackup.media.sets.media_set import MediaSet, find_set
from flowbackup.media.sets.set_reader import SetReader
from flowbackup.media.sets.set_writer import OpenMedium, SetWriter
from flowbackup.model.device import MEDIUM_BYTES, DeviceTarget, MediumInfo, least_media_bytes
from flowbackup.model.ids import id_text
from flowbackup.units import format_size


class SetDevice:
    """A Device on a file system, or in a bucket, whose media have a limited size.

    The set and the file system that were found first are remembered, and looked at again before
    each new medium; each medium looks after itself as one that lies alone does.
    """

    def __init__(
        self,
        target: DeviceTarget,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        calls: SystemCalls = SYSTEM,
    ) -> None:
        self.name = target.name
        self.location = target.location
        self._target = target
        self._segment_bytes = segment_bytes
        self._calls = calls
        self._set_id = b""
        self._identity = (0, 0)
        self._lock: MediumLock | LeaseLock | None = None
        self._holder = ""
        self._newest: MediumDevice | None = None
        """The medium that is written on, locked; None where the next one is to be begun."""

    def found(self) -> MediaSet:
        """The set as it is now.  Raises as `info`."""
        found = find_set(self.location, self.name)
        self._check_identity(found.label)
        return found

    def info(self) -> MediumInfo:
        return self.media()[-1]

    def media(self) -> tuple[MediumInfo, ...]:
        found = self.found()
        if not found.members:
            raise DeviceError(
                f'device "{self.name}": none of the {found.label.media} media of the set in '
                f"{self.location} is there",
                remedy="mount the disk with the media, or bring one of them back",
                device=self.name,
                errno=errno.ENODEV,
            )
        try:
            return tuple(member.info() for member in found.members)
        except OSError as error:
            raise device_error(self.name, f"looking at {self.location}", error) from error

    def lock(self, holder: str) -> None:
        """Of the set, and of the medium that is written on."""
        if self._lock is not None:
            return
        self.found()
        path = os.path.join(self.location, LOCK_NAME)
        self._lock = locking_at(self.location).lock(path, self.name, holder)
        self._holder = holder
        try:
            # Once more: who held the lock before may have begun a medium meanwhile.
            found = self.found()
            if found.media_made > found.label.media:
                self._count(found.label, found.media_made)
            if found.newest is not None:
                self._newest = self._locked(found.newest.location)
        except BaseException:
            self.close()
            raise

    def holder(self) -> str:
        path = os.path.join(self.location, LOCK_NAME)
        return locking_at(self.location).holder(path) if self._lock is None else ""

    def queue(self) -> DeviceQueue:
        path = os.path.join(self.location, QUEUE_NAME)
        return locking_at(self.location).queue(path, self.name)

    def check_writable(self, need_bytes: int, *, frame_bytes: int = 0) -> None:
        found = self.found()
        size = self._target.media_bytes or found.label.media_bytes
        least = least_media_bytes(1, frame_bytes, found.label.block_bytes)
        if frame_bytes and size < least:
            raise DeviceError(
                f'device "{self.name}": its media have {format_size(size)}, but a frame of '
                f"{format_size(frame_bytes)} and its records need {format_size(least)}",
                remedy="raise its media_size, or lower the frame_size of the graph",
                device=self.name,
            )
        if found.newest is not None:
            # What does not fit there goes to the next one, so only the file system counts.
            self._device_of(found.newest.location).probe()
        try:
            free = free_bytes(self.location)
        except OSError as error:
            raise device_error(self.name, f"looking at {self.location}", error) from error
        if 0 <= free < need_bytes + MEDIUM_BYTES:
            raise DeviceError(
                f'device "{self.name}": {self.location} has {format_size(free)} free, '
                f"{format_size(need_bytes + MEDIUM_BYTES)} are needed",
                remedy="free space on the device, or use another one",
                device=self.name,
                errno=errno.ENOSPC,
            )

    def writer(self, session: bytes, epoch: int) -> SetWriter:
        if self._lock is None:
            raise DeviceError(
                f'device "{self.name}" was not locked before writing', device=self.name
            )
        first = self._open(self._newest, session, epoch) if self._newest is not None else None
        return SetWriter(self.name, first, lambda: self._begin(session, epoch))

    def reader(self, *, cached: bool = True) -> SetReader:
        return SetReader(self.found, self.name, cached=cached)

    def close(self) -> None:
        newest, self._newest = self._newest, None
        if newest is not None:
            newest.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.close()

    def _begin(self, session: bytes, epoch: int) -> OpenMedium:
        """The next medium, open to be written.  The one before stays as it is, and is let go of."""
        found = self.found()
        number = found.media_made
        if number == found.label.media:
            number += 1
            media_bytes = self._target.media_bytes or found.label.media_bytes
            make_medium(
                self.location, replace(found.label, media_bytes=media_bytes), number, self._calls
            )
        self._count(found.label, number)
        before, self._newest = self._newest, None
        if before is not None:
            before.close()
        newest = self._newest = self._locked(os.path.join(self.location, medium_name(number)))
        return self._open(newest, session, epoch)

    def _open(self, medium: MediumDevice, session: bytes, epoch: int) -> OpenMedium:
        label = medium.label().label
        try:
            used = medium_bytes(medium.location)
            segments = os.path.join(medium.location, SEGMENTS_NAME)
            is_new = not files_at(segments).names(segments)
        except OSError as error:
            raise device_error(self.name, f"looking at {medium.location}", error) from error
        size = label.membership.media_bytes if label.membership else 0
        return OpenMedium(medium.writer(session, epoch), used, size, is_new)

    def _count(self, label: SetLabel, media: int) -> None:
        media_bytes = self._target.media_bytes or label.media_bytes
        try:
            write_set(
                self.location, replace(label, media=media, media_bytes=media_bytes), self._calls
            )
        except OSError as error:
            what = f"counting medium {media} of the set in {self.location}"
            raise device_error(self.name, what, error) from error

    def _locked(self, location: str) -> MediumDevice:
        device = self._device_of(location)
        device.lock(self._holder)
        return device

    def _device_of(self, location: str) -> MediumDevice:
        target = replace(self._target, location=location, media_bytes=0)
        return medium_device(target, segment_bytes=self._segment_bytes, calls=self._calls)

    def _check_identity(self, label: SetLabel) -> None:
        """Raises DeviceError if another file system or set is there than at first."""
        try:
            identity = files_at(self.location).identity(self.location)
        except OSError as error:
            raise device_error(self.name, f"looking at {self.location}", error) from error
        if not self._set_id:
            self._set_id, self._identity = label.set_id, identity
        if (label.set_id, identity) == (self._set_id, self._identity):
            return
        other = f"set {id_text(label.set_id)} is there"
        same = "the directory or its file system is another one"
        raise DeviceError(
            f'device "{self.name}": expected set {id_text(self._set_id)} of media in '
            f"{self.location}, but {same if label.set_id == self._set_id else other}",
            remedy="mount the right disk there and run the command again",
            device=self.name,
            errno=errno.ENODEV,
        )
