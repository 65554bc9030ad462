"""The media of a set that are there, and what is wrong with the others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from flowbackup.errors import DeviceError
from flowbackup.media.failure import device_error
from flowbackup.media.labels.label import LABEL_NAME, Label, read_label
from flowbackup.media.labels.set_label import SetLabel, medium_name, number_of, read_set
from flowbackup.media.places.kinds import files_at
from flowbackup.media.segments.room import room_on
from flowbackup.model.device import MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.model.location import is_directory

MISSING_NAMED_MAX = 20
"""So many media that are not there are named; the rest is a number."""


@dataclass(frozen=True, slots=True)
class Member:
    """A medium of a set."""

    number: int
    location: str
    label: Label

    def info(self) -> MediumInfo:
        """Raises OSError."""
        return self.label.info(self.location, room_on(self.label, self.location))


@dataclass(frozen=True, slots=True)
class MediaSet:
    """A set as it was found.  members: the media that are there, by number.  missing: numbers of
    those that have been there.  faults: one line for each of them, for media that do not belong
    there, and for what is wrong with the label of the set."""

    location: str
    label: SetLabel
    members: tuple[Member, ...]
    missing: tuple[int, ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def newest(self) -> Member | None:
        """The one that is written on, if it is there."""
        last = self.members[-1] if self.members else None
        return last if last and last.number >= self.label.media else None

    @property
    def media_made(self) -> int:
        """One that was made and not yet counted is one of the set."""
        return max([self.label.media, *(member.number for member in self.members)])


def find_set(location: str, device: str) -> MediaSet:
    """Looks at every medium of the set at `location`.  Raises DeviceError, DamageError or
    FormatError where there is none that can be read; a medium that cannot is a fault."""
    label, faults = read_set(location, device)
    members: list[Member] = []
    others: dict[int, str] = {}
    for number, place in sorted(_places(location, device)):
        try:
            member = Member(number, place, read_label(place, device).label)
        except DeviceError as error:
            others[number] = str(error)
            continue
        fault = _fault(member, label)
        if fault:
            others[number] = f'device "{device}": {fault}'
        else:
            members.append(member)
    present = {member.number for member in members}
    missing = tuple(n for n in range(1, label.media + 1) if n not in present)
    return MediaSet(
        location, label, tuple(members), missing,
        (*faults, *_faults(location, device, missing, others)),
    )  # fmt: skip


def _places(location: str, device: str) -> list[tuple[int, str]]:
    """Number and directory of everything that has the name of a medium."""
    try:
        names = files_at(location).names(location)
    except OSError as error:
        raise device_error(device, f"listing {location}", error) from error
    return [(number, os.path.join(location, n)) for n in names if (number := number_of(n))]


def _fault(member: Member, label: SetLabel) -> str:
    """Why a medium does not belong where it lies, "" if it does."""
    found, medium = member.label.membership, id_text(member.label.medium)
    if found is None:
        return f"{member.location} holds medium {medium}, which belongs to no set"
    if found.set_id != label.set_id:
        return (
            f"{member.location} holds medium {medium} of set {id_text(found.set_id)}, "
            f"expected one of set {id_text(label.set_id)}"
        )
    if found.number != member.number:
        return f"{member.location} holds medium {found.number} of the set"
    return ""


def _faults(
    location: str, device: str, missing: tuple[int, ...], others: dict[int, str]
) -> Iterator[str]:
    for number in missing[:MISSING_NAMED_MAX]:
        place = os.path.join(location, medium_name(number))
        text = f'device "{device}": medium {number} of the set is not there ({place})'
        yield others.get(number, text) if _is_there(place) else text
    if len(missing) > MISSING_NAMED_MAX:
        more = len(missing) - MISSING_NAMED_MAX
        yield f'device "{device}": {more} more media of the set are not there'
    for number, text in others.items():
        # One that was never finished has no label, is empty, and is made again.
        place = os.path.join(location, medium_name(number))
        if number not in missing and _is_there(os.path.join(place, LABEL_NAME)):
            yield text


def _is_there(path: str) -> bool:
    """Of a folder in a bucket nothing is there but what lies in it."""
    at = files_at(path)
    return at.has(path) or (not is_directory(path) and bool(at.names(path)))
