"""Which tape is in which slot of a changer, and bringing the one that is wanted."""

from __future__ import annotations

import errno
import threading
import time
from dataclasses import dataclass

from flowbackup.media.places.tape.changer import ChangerSlot, changer_at
from flowbackup.media.places.tape.drive import BlankTapeError, TapeError
from flowbackup.media.places.tape.loaded import number_in
from flowbackup.media.places.tape.shared_drive import SharedDrive
from flowbackup.media.places.tape.state import read_notes, write_notes
from flowbackup.model.tape_place import TapePlace

READY_SECONDS_MAX = 300.0
READY_LOOK_SECONDS = 1.0
"""A drive that was given a tape winds it to its beginning first."""


@dataclass(frozen=True, slots=True)
class ShelvedTape:
    """slot: where it is, 0 is the drive.  label: as it stands on the tape, b"" for a blank one."""

    slot: int
    number: int
    label: bytes


class Shelf:
    """The tapes of a changer.  Each is put into the drive once to see what it is; its bar code, or
    its slot where there is none, stands for it from then on.  Every method raises OSError."""

    def __init__(self, place: TapePlace, drive: SharedDrive) -> None:
        self._changer = changer_at(place.changer)
        self._drive = drive
        self._place = place
        self._path = place.changer
        # Also what other processes have seen: a large changer takes an hour for all its tapes.
        self._seen = {tag: _shelved(label) for tag, label in read_notes(place).items()}

    def tapes(self) -> list[ShelvedTape]:
        """All that are there, blank ones too."""
        slots = [slot for slot in self._changer.slots() if slot.is_full]
        # Who is in the drive already is looked at first, and put away for the next one.
        return [self._seen_in(slot) for slot in slots]

    def fetch(self, number: int) -> None:
        """Puts the tape with this number of the set into the drive."""
        known = [tape.number for tape in self._seen.values()]
        slots = [slot for slot in self._changer.slots() if slot.is_full]
        if number in known:
            slots.sort(key=lambda slot: self._number_at(slot) != number)
        for slot in slots:
            if self._seen_in(slot).number != number:
                continue
            self.load(self._place_now(slot))
            if _present(self._drive) == number:
                return
            # Another tape has its bar code, or it was written anew elsewhere.
            self._seen.pop(_key(slot))
        raise TapeError(
            errno.ENOMEDIUM, f"changer {self._path}: tape {number} of the set is in no slot",
            remedy="bring the tape, and put it into a slot",
        )  # fmt: skip

    def label_of(self, number: int) -> bytes:
        """Of a tape that was seen and is there; b"" for any other."""
        present = {_key(slot) for slot in self._changer.slots() if slot.is_full}
        found = (t.label for key, t in self._seen.items() if t.number == number and key in present)
        return next(found, b"")

    def load(self, slot: int) -> None:
        """Puts the tape of a slot into the drive, and the one that is there back."""
        if slot == 0:
            return
        with self._drive.turn:
            self._drive.wait_unused(self._changer.idle_seconds)
            self._put_back()
            self._changer.load(slot)
            self._drive.forget()
            self._wait_ready()

    def forget(self) -> None:
        """What was seen of the tape in the drive: it was written from its beginning."""
        for slot in self._changer.slots():
            if slot.number == 0:
                self._seen.pop(_key(slot), None)
        self._drive.forget()

    def _note(self, slot: ChangerSlot, tape: ShelvedTape) -> None:
        """A blank tape may be written by anybody, and is looked at again."""
        self._seen[_key(slot)] = tape
        if slot.tag and tape.label:
            tags = {now.tag for now in self._changer.slots() if now.tag}
            write_notes(
                self._place,
                {tag: t.label for tag, t in self._seen.items() if tag in tags and t.label},
            )

    def _put_back(self) -> None:
        slots = self._changer.slots()
        here = next((slot for slot in slots if slot.number == 0 and slot.is_full), None)
        if here is None:
            return
        free = {slot.number for slot in slots if slot.number and not slot.is_full}
        if not free:
            raise TapeError(
                errno.EBUSY, f"changer {self._path}: no slot is free for the tape in the drive",
                remedy="take a tape out",
            )  # fmt: skip
        self._drive.hold()
        try:
            self._drive.eject()
        finally:
            self._drive.release()
        self._changer.unload(here.home if here.home in free else min(free))
        self._drive.forget()

    def _wait_ready(self) -> None:
        latest = time.monotonic() + READY_SECONDS_MAX
        while True:
            try:
                self._drive.hold()
                return self._drive.release()
            except TapeError as error:
                if error.errno not in (errno.ENOMEDIUM, errno.EIO) or time.monotonic() > latest:
                    raise
            time.sleep(READY_LOOK_SECONDS)

    def _seen_in(self, slot: ChangerSlot) -> ShelvedTape:
        known = self._seen.get(_key(slot))
        if known is None:
            place = self._place_now(slot)
            self.load(place)
            known = _look(self._drive)
            self._note(slot, known)
        return ShelvedTape(self._place_now(slot), known.number, known.label)

    def _number_at(self, slot: ChangerSlot) -> int:
        known = self._seen.get(_key(slot))
        return known.number if known else 0

    def _place_now(self, slot: ChangerSlot) -> int:
        """Where the tape is by now: those that were looked at since may have changed places."""
        for now in self._changer.slots():
            if now.is_full and _key(now) == _key(slot):
                return now.number
        return slot.number


def _key(slot: ChangerSlot) -> str:
    return slot.tag or f"slot {slot.home or slot.number}"


def _look(drive: SharedDrive) -> ShelvedTape:
    try:
        with drive.using() as loaded:
            return _shelved(loaded.label)
    except BlankTapeError:
        return _shelved(b"")


def _shelved(label: bytes) -> ShelvedTape:
    return ShelvedTape(0, number_in(label), label)


_SHELVES: dict[tuple[str, str], Shelf] = {}
_LOOKING = threading.Lock()


def shelf_of(place: TapePlace, drive: SharedDrive) -> Shelf:
    """Of the changer of a place, one for all of this process."""
    with _LOOKING:
        key = place.changer, place.drive
        if key not in _SHELVES:
            _SHELVES[key] = Shelf(place.member(0), drive)
        return _SHELVES[key]


def bring(place: TapePlace, drive: SharedDrive) -> None:
    """Sees to it that the tape which a place means is in the drive.  Raises OSError."""
    if not place.number or _present(drive) == place.number:
        return
    if not place.changer:
        raise TapeError(
            errno.ENOMEDIUM,
            f"tape drive {drive.path}: tape {place.number} of the set is not in it",
            remedy="put it in",
        )  # fmt: skip
    shelf_of(place, drive).fetch(place.number)


def _present(drive: SharedDrive) -> int:
    """Number of the tape in the drive; 0 for a blank one, a foreign one, and for none."""
    try:
        with drive.using() as loaded:
            return number_in(loaded.label)
    except BlankTapeError:
        return 0
    except TapeError as error:
        if error.errno != errno.ENOMEDIUM:
            raise
        return 0
