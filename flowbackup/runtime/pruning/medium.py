"""One medium of a prune: what lies on it, what it has room for, and what is written to it, by its
own turn and by those of other media of its set."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DamageError, DeviceError, FlowbackupError
from flowbackup.media.failure import FULL
from flowbackup.media.freeing import SealedSegment
from flowbackup.media.moving import frames_bytes
from flowbackup.media.port import StoredFrame
from flowbackup.model.device import MediumInfo
from flowbackup.model.forgotten import VERSIONS_IN_RECORD_MAX, ForgottenRecord
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import FrameId, id_text
from flowbackup.monitor import Problem
from flowbackup.runtime.freeing.kept import Kept, damaged, unlisted_frames
from flowbackup.runtime.pruning.pruner import (
    RECORD_STREAM,
    NoRoom,
    Pruner,
    PruneSetting,
    sealed_record,
)
from flowbackup.runtime.pruning.room import MediumRoom
from flowbackup.runtime.reading.freed_media import take_over_freed
from flowbackup.runtime.reading.known_media import target_of
from flowbackup.runtime.reading.looking import take_over_found
from flowbackup.units import counted, format_size


class PruneMedium:
    """`look` first, `end` last."""

    def __init__(
        self, catalog: Catalog, info: MediumInfo, pruner: Pruner, setting: PruneSetting
    ) -> None:
        self.info = info
        self.room = MediumRoom(info)
        self.has_written = False
        self.bytes_written = 0
        """Of frames."""
        self.has_failed = False
        """It is asked for nothing more."""
        self.is_mixed = False
        """Frames have gone from it to another medium of its set, or have come from there."""
        self._catalog = catalog
        self._pruner = pruner
        self._setting = setting
        self._gone: set[tuple[int, int]] = set()

    @property
    def has_sealed(self) -> bool:
        """Whether what is written to the medium must tell no names."""
        return self._catalog.forgetting.pruning.has_sealed(self.info.medium)

    def look(self) -> None:
        """Takes over what the medium knows and the catalog does not, because who wrote or freed
        there was killed.  The pruner must hold the lock, but in a dry run.  Raises DeviceError."""
        medium = self._pruner.info().medium
        if medium != self.info.medium:
            raise DeviceError(
                f"{self.info.location} holds medium {id_text(medium)}, expected "
                f"{id_text(self.info.medium)}",
                remedy="connect the right medium there",
                device=self.info.device,
            )
        if not self._setting.dry_run:
            for freed in self._pruner.settle(self._setting.session, self._setting.now_ns):
                self._catalog.add_freed(medium, freed)
        self.room = MediumRoom(self._pruner.info())
        sizes = self._pruner.sizes()
        take_over_freed(self._catalog, medium, sizes, self._pruner.freed)
        known = set(self._catalog.segments(medium))
        for freed in self._pruner.freed([name for name in sizes if name not in known]):
            # It held nothing that anybody knew of, and whoever freed it did not live to tell.
            self._catalog.add_freed(medium, freed)
        lost = take_over_found(self._catalog, medium, known, self._pruner.inventory(known))
        if lost:
            text = f"segments are gone from {self.info.location}, with {counted(lost, 'frame')}"
            self._tell_damaged(text)

    def end(self, header: FrameHeader, payload: bytes) -> None:
        """Puts the session's record on the medium, if it was written to, and seals that.  On one
        that is full it has no record."""
        if not self.has_written:
            return
        try:
            self._hear(self._pruner.write_record(self._setting.session, header, payload))
        except DeviceError as error:
            if error.errno not in FULL:
                raise
        self._pruner.finish()

    @contextmanager
    def noting_failure(self) -> Iterator[None]:
        """What is asked of it within."""
        try:
            yield
        except FlowbackupError:
            self.has_failed = True
            raise

    # What is forgotten

    def tell_forgotten(self) -> str:
        """Before anything of it goes, so that no rebuild finds a part of a version.  Returns why
        there is no room for that, "" when all is told.  Raises DeviceError."""
        try:
            self._tell_forgotten()
        except DeviceError as error:
            if error.errno not in FULL:
                raise
            return f"{error.message}, to tell the medium what is forgotten before it goes"
        return ""

    def _tell_forgotten(self) -> None:
        untold = iter(self._catalog.forgetting.untold(self.info.medium))
        while versions := tuple(islice(untold, VERSIONS_IN_RECORD_MAX)):
            record = ForgottenRecord(self._setting.session, versions)
            data = (record.without_names() if self.has_sealed else record).to_json()
            frame = FrameId(self._setting.session, RECORD_STREAM, self._setting.sequences())
            header, payload = sealed_record(frame, data)
            self._count_record(header)
            if not self._setting.dry_run:
                self._hear(self._pruner.write_record(self._setting.session, header, payload))
                self._catalog.forgetting.add_told(frame, versions)

    def _count_record(self, header: FrameHeader) -> None:
        """Raises DeviceError where there is no room for it."""
        if not self.room.holds_record(header):
            raise DeviceError(
                f"{self.info.location} has {format_size(self.room.free_bytes)} left",
                device=self.info.device,
                errno=errno.ENOSPC,
            )
        self.room.take_record(header)

    # Its segments

    def found(self, segment: int, epoch: int) -> SealedSegment:
        """The segment as it lies there, which is as it is known.  Raises Kept, DeviceError."""
        try:
            found = self._pruner.found(segment, epoch)
        except DamageError as error:
            raise damaged(error) from error
        unlisted_frames(self._catalog, self.info.medium, found)
        return found

    def free(self, found: SealedSegment) -> None:
        """Nothing that is needed is in it any more: the note in its place has no rows."""
        if not self._setting.dry_run:
            empty = found._replace(rows=[])
            freed = self._pruner.free(empty, self._setting.session, self._setting.now_ns, ())
            self._catalog.add_freed(self.info.medium, freed)
        self._gone.add((found.segment, found.epoch))
        self.room.give(found.size_bytes)

    # Frames

    def take_from(self, source: MediumInfo, frames: Sequence[StoredFrame]) -> int:
        """Writes frames of a medium, this one or another one, to this one: they are durable, read
        back and known when this returns; their bytes.  Raises NoRoom, Kept, DeviceError."""
        headers = [frame.header for frame in frames]
        self.room.take(headers)
        if not self._setting.dry_run:
            with self.noting_failure():
                self._move(source, frames)
        size_bytes = frames_bytes(headers, source.block_bytes)
        self.bytes_written += size_bytes
        return size_bytes

    def shown(self, known: Sequence[StoredFrame]) -> set[FrameId]:
        """Of frames that are known to lie on this medium those that can be read there.  Raises
        DeviceError."""
        known = [f for f in known if (f.place.segment, f.place.epoch) not in self._gone]
        if self._setting.dry_run or not known:
            return {frame.header.frame_id for frame in known}
        with self.noting_failure():
            sound = self._pruner.sound(known)
        self._mark_damaged([frame for frame in known if frame not in sound])
        return {frame.header.frame_id for frame in sound}

    def _move(self, source: MediumInfo, frames: Sequence[StoredFrame]) -> None:
        is_own = source.medium == self.info.medium
        try:
            moved = self._pruner.move(
                self._setting.session, frames, None if is_own else target_of(source)
            )
        except DamageError as error:
            raise damaged(error) from error
        except DeviceError as error:
            if error.errno not in FULL:
                raise
            self.room.fill()
            raise NoRoom("room", f"{error.message}, to move there what is needed") from error
        self._hear(moved)
        lacking = {f.header.frame_id for f in frames} - {f.header.frame_id for f in moved}
        if lacking:
            raise Kept("damaged", f"{len(lacking)} frames were not moved")

    def _hear(self, stored: Sequence[StoredFrame]) -> None:
        """Durable, and from now on it counts as a copy."""
        self.has_written = True
        self._catalog.add_durable([(frame.header, frame.place) for frame in stored])

    def _mark_damaged(self, frames: Sequence[StoredFrame]) -> None:
        for frame in frames:
            self._catalog.mark_damaged(frame.place)
        if frames:
            many = counted(len(frames), "frame")
            self._tell_damaged(f"{many} on {self.info.location} cannot be read any more")

    def _tell_damaged(self, text: str) -> None:
        self._setting.tell(Problem("damaged", text, device=self.info.device))
