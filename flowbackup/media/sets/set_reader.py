"""Reading a set of media: whichever of them a frame lies on."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator

from flowbackup.errors import DeviceError
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments.reader import MediumReader
from flowbackup.media.sets.media_set import MediaSet, Member
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import id_text


class SetReader:
    """A FrameReader of all media of a set that are there, also of those that are begun later."""

    def __init__(self, find: Callable[[], MediaSet], device: str, *, cached: bool = True) -> None:
        """find: looks at the set.  cached: see MediumReader."""
        self._find = find
        self._device = device
        self._cached = cached
        self._readers: dict[bytes, MediumReader] = {}
        self._looking = threading.Lock()

    def info(self) -> MediumInfo:
        return self._of(self._find().members[-1]).info()

    def frames(self) -> Iterator[StoredFrame]:
        for member in self._find().members:
            yield from self._of(member).frames()

    def written_by(self, session: bytes) -> Iterator[StoredFrame]:
        for member in self._find().members:
            yield from self._of(member).written_by(session)

    def read(self, header: FrameHeader | None, place: FramePlace) -> tuple[FrameHeader, memoryview]:
        reader = self._readers.get(place.medium)
        if reader is None:
            reader = self._look_for(place.medium)
        return reader.read(header, place)

    def _look_for(self, medium: bytes) -> MediumReader:
        found = self._find()
        for member in found.members:
            if member.label.medium == medium:
                return self._of(member)
        raise DeviceError(
            f'device "{self._device}": medium {id_text(medium)} is not among those of the set in '
            f"{found.location} that are there",
            remedy="; ".join(found.faults) or "name the device that has the medium",
            device=self._device,
            errno=errno.ENODEV,
        )

    def _of(self, member: Member) -> MediumReader:
        with self._looking:
            reader = self._readers.get(member.label.medium)
            if reader is None:
                reader = self._readers[member.label.medium] = MediumReader(
                    member.location, member.label, device=self._device, cached=self._cached
                )
            return reader
