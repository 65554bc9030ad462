"""The files of media on tapes, as places show them: label, texts, segments in their folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from flowbackup.media.places.tape.drive import NotOnTapeError, TapeError, named
from flowbackup.media.places.tape.loaded import LoadedTape
from flowbackup.media.places.tape.shared_drive import SharedDrive, shared_drive
from flowbackup.media.places.tape.shelf import bring, shelf_of
from flowbackup.model.tape_place import TapePlace, tape_place

LABEL_NAME, SEGMENTS_NAME, SET_NAME = "flowbackup.label", "segments", "flowbackup.set"


def drive_at(location: str) -> tuple[TapePlace, SharedDrive]:
    """Raises OSError where that is no place of a tape."""
    try:
        place = tape_place(location)
    except ValueError as error:
        text, _, remedy = str(error).partition("|")
        raise TapeError(errno.EINVAL, f"{location} {text}", remedy=remedy) from error
    return place, shared_drive(place.drive)


@contextmanager
def tape_at(location: str) -> Iterator[LoadedTape]:
    """The tape that is meant, in its drive, for one thing to be done with it.  Raises OSError."""
    place, drive = drive_at(location)
    with drive.turn, named(drive.path):
        bring(place, drive)
        with drive.using() as loaded:
            yield loaded


class TapeFiles:
    """Files of a tape."""

    def read(self, path: str, bytes_max: int) -> bytes:
        """See Files."""
        location, name = os.path.split(path)
        if name == LABEL_NAME and (known := _seen_label(location)):
            return known[:bytes_max]
        with tape_at(location) as loaded:
            found = loaded.label if name == LABEL_NAME else loaded.texts().get(name)
        if found is None:
            raise NotOnTapeError(f"{name} is not on the tape")
        return found[:bytes_max]

    def names(self, folder: str) -> list[str]:
        """See Files."""
        if os.path.basename(folder) == SEGMENTS_NAME:
            return list(self.sizes(folder))
        place, drive = drive_at(folder)
        if place.changer:
            numbers = [tape.number for tape in shelf_of(place, drive).tapes() if tape.number]
            if place.number:
                return [LABEL_NAME, SEGMENTS_NAME] if place.number in numbers else []
            return [SET_NAME, *(place.member(n).name for n in numbers)] if numbers else []
        try:
            with tape_at(folder):
                return [LABEL_NAME, SEGMENTS_NAME]
        except FileNotFoundError:
            return []

    def sizes(self, folder: str) -> dict[str, int]:
        """See Files."""
        location, name = os.path.split(folder)
        if name != SEGMENTS_NAME:
            return {}
        with tape_at(location) as loaded:
            block = loaded.tape.block_bytes
            return {
                segment.name: (segment.extent.end - segment.extent.begin) * block
                for segment in loaded.segments()
            }

    def has(self, path: str) -> bool:
        """See Files."""
        location, name = os.path.split(path)
        place, _ = drive_at(location)
        if name == SET_NAME:
            return bool(place.changer) and not place.number
        return name in self.names(location)

    def identity(self, place: str) -> tuple[int, int]:
        """Labels tell tapes apart."""
        return 0, 0

    def free_bytes(self, location: str) -> int:
        """No drive says it."""
        return -1

    def absence(self, location: str) -> tuple[str, str]:
        """See Files."""
        return (
            f"the tape in {location} is blank",
            f"make a medium of it with `flowbackup device init {location}`, or put in another one",
        )


def _seen_label(location: str) -> bytes:
    """Of a tape of a changer that was looked at before: it need not be put into the drive again.
    Whoever reads or writes the tape itself has it there, and is told if it is another one."""
    place, drive = drive_at(location)
    if not place.changer or not place.number:
        return b""
    return shelf_of(place, drive).label_of(place.number)
