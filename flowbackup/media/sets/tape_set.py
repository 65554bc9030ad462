"""TapeSetDevice: a drive and a changer, whose tapes are written one after the other."""

from __future__ import annotations

import errno
from dataclasses import dataclass

from flowbackup.errors import DeviceError
from flowbackup.media.devices.kinds import MediumDevice
from flowbackup.media.devices.tape import TapeDevice
from flowbackup.media.failure import device_error
from flowbackup.media.labels.label import Label
from flowbackup.media.labels.set_label import SetLabel
from flowbackup.media.labels.tape_label import init_tape
from flowbackup.media.places.tape.drive import TAPE_BLOCK_BYTES, named
from flowbackup.media.places.tape.shared_drive import SharedDrive
from flowbackup.media.places.tape.shelf import shelf_of
from flowbackup.media.places.tape.tape_files import drive_at
from flowbackup.media.segments.tape_segment import TAPE_SEGMENT_BYTES
from flowbackup.media.sets.set_device import SetDevice
from flowbackup.media.sets.set_writer import OpenMedium
from flowbackup.model.device import DEFAULT_BLOCK_BYTES, DeviceTarget, MediumInfo, Membership
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import new_id
from flowbackup.model.tape_place import TapePlace, tape_place


@dataclass(frozen=True, slots=True)
class OpenTape(OpenMedium):
    """A tape that is written on: it is full when its drive has given the early warning."""

    device: TapeDevice

    def holds(self, header: FrameHeader) -> bool:
        """Was there no warning yet?  A tape that was full before says so with the first write."""
        return not self.device.is_full

    @property
    def knows_room(self) -> bool:
        return False


class TapeSetDevice(SetDevice):
    """A Device.  The next tape is the first blank one that the changer has."""

    def __init__(
        self, target: DeviceTarget, *, segment_bytes: int = TAPE_SEGMENT_BYTES
    ) -> None:  # fmt: skip
        super().__init__(target, segment_bytes=segment_bytes)

    def check_writable(self, need_bytes: int, *, frame_bytes: int = 0) -> None:
        """What the tapes take nobody knows before."""
        newest = self.found().newest
        if newest is not None:
            self._device_of(newest.location).check_writable(need_bytes, frame_bytes=frame_bytes)

    def _begin(self, session: bytes, epoch: int) -> OpenMedium:
        found = self.found()
        before, self._newest = self._newest, None
        if before is not None:
            before.close()
        label = label_next(
            self.location, self.name, found.label.set_id, found.media_made + 1,
            pool=found.label.pool, block_bytes=found.label.block_bytes,
        )  # fmt: skip
        assert label.membership is not None
        place = tape_place(self.location).member(label.membership.number)
        newest = self._newest = self._locked(place.location())
        return self._open(newest, session, epoch)

    def _open(self, medium: MediumDevice, session: bytes, epoch: int) -> OpenMedium:
        assert isinstance(medium, TapeDevice), "made by _device_of"
        return OpenTape(medium.writer(session, epoch), 0, 0, False, medium)

    def _count(self, label: SetLabel, media: int) -> None:
        """The tapes are the set; nothing beside them counts them."""

    def _device_of(self, location: str) -> TapeDevice:
        target = DeviceTarget(self.name, "tape", location)
        return TapeDevice(target, segment_bytes=self._segment_bytes)


def init_tapes(location: str, *, name: str, pool: str, block_bytes: int) -> MediumInfo:
    """Makes a medium of the blank tape in a drive, or of the first blank one of a changer the first
    of a new set.  Raises DeviceError."""
    block_bytes = TAPE_BLOCK_BYTES if block_bytes == DEFAULT_BLOCK_BYTES else block_bytes
    place, drive = _drive_at(location, name)
    if not place.changer:
        label = init_tape(drive, name=name, pool=pool, block_bytes=block_bytes)
        return label.info(location)
    try:
        others = [tape for tape in shelf_of(place, drive).tapes() if tape.number]
    except OSError as error:
        raise device_error(name, f"looking at {location}", error) from error
    if others:
        raise DeviceError(
            f'device "{name}": {location} holds a set of {len(others)} tapes already',
            remedy="use it as it is, or take these tapes out",
            device=name,
        )
    label = label_next(location, name, new_id(), 1, pool=pool, block_bytes=block_bytes)
    return label.info(place.member(1).location())


def label_next(
    location: str, name: str, set_id: bytes, number: int, *, pool: str, block_bytes: int
) -> Label:
    """Puts a blank tape into the drive and makes it this one of the set.  Raises DeviceError, with
    ENOSPC where there is none."""
    place, drive = _drive_at(location, name)
    try:
        shelf = shelf_of(place, drive)
        with drive.turn, named(drive.path):
            blank = next((tape for tape in shelf.tapes() if not tape.label), None)
            if blank is None:
                raise _no_blank(location, name)
            shelf.load(blank.slot)
            label = init_tape(
                drive, name=name, pool=pool, block_bytes=block_bytes,
                membership=Membership(set_id, number, 0),
            )  # fmt: skip
            shelf.forget()
    except OSError as error:
        raise device_error(name, f"putting a blank tape into {drive.path}", error) from error
    return label


def _drive_at(location: str, name: str) -> tuple[TapePlace, SharedDrive]:
    try:
        return drive_at(location)
    except OSError as error:
        raise device_error(name, "looking for a drive", error) from error


def _no_blank(location: str, name: str) -> DeviceError:
    return DeviceError(
        f'device "{name}": no blank tape is left in {location}',
        remedy="put blank tapes into the changer, and run the command again",
        device=name,
        errno=errno.ENOSPC,
    )
