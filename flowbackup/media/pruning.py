"""Writing sparse segments anew: what is needed of one goes to a new segment, of the same medium or
of another one of its set, and then the old one is freed.

A part of the right to free, and no part of the device port.  Frames keep their names, and what is
read and written goes through the reader and the writer that every session uses.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Collection, Sequence

from flowbackup.errors import DamageError, DeviceError
from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.checks.inventory import FoundSegment, inventory
from flowbackup.media.devices.kinds import medium_device
from flowbackup.media.failure import device_error
from flowbackup.media.freeing import SealedSegment, SegmentFreer
from flowbackup.media.layout import IndexRow
from flowbackup.media.moving import groups, records_bytes
from flowbackup.media.port import StoredFrame, WriterStatistics
from flowbackup.media.segments.freed import FreedNote, read_freed
from flowbackup.media.segments.leftover import cut_tail
from flowbackup.media.segments.object_writer import ObjectWriter
from flowbackup.media.segments.reader import MediumReader, listed
from flowbackup.media.segments.room import medium_bytes
from flowbackup.media.segments.scan import Damage, committed_end
from flowbackup.media.segments.segment import SEGMENT_BYTES, SegmentWriter
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameHeader
from flowbackup.model.freed import FreedSegment
from flowbackup.model.ids import id_text
from flowbackup.units import format_size


class SegmentPruner(SegmentFreer):
    """A SegmentFreer that can also write on its medium; everything but looking needs the lock."""

    def __init__(
        self, target: DeviceTarget, calls: SystemCalls = SYSTEM, *,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:  # fmt: skip
        super().__init__(target, calls, segment_bytes=segment_bytes)
        self._writer: SegmentWriter | ObjectWriter | None = None
        self._bytes_before = 0
        """What files of the medium take, without those of the writer."""
        self._held: list[memoryview] = []
        self._unread: deque[StoredFrame] = deque()
        """Committed, and not read back yet."""
        self._untold: list[StoredFrame] = []
        """Read back, and returned to nobody yet: what came behind them failed."""

    # Looking

    def inventory(self, known: Collection[tuple[int, int]]) -> tuple[FoundSegment, ...]:
        """See inventory."""
        return tuple(inventory(self._device.location, self._device.name, known))

    def found(self, segment: int, epoch: int) -> SealedSegment:
        """What a segment lists, by its index or, of one that was never sealed, by what was
        committed.  Raises DamageError, also for one that is not there, and DeviceError."""
        sealed = self.sealed(segment, epoch)
        if sealed is not None:
            return sealed
        with self._reader().segment(segment, epoch, sealed=False) as source:
            frames = [item for item in listed(source) if isinstance(item, StoredFrame)]
            rows = [IndexRow(item.place.offset, 0, item.header) for item in frames]
            # What was never committed goes in any case, and is no part of it.
            return SealedSegment(segment, epoch, committed_end(source), rows, is_sealed=False)

    # Changing

    def settle(self, session: bytes, freed_ns: int) -> tuple[FreedSegment, ...]:
        """Ends what killed sessions have begun: segments without a seal in which nothing was ever
        committed are freed, and notes that stand in the place of one get their names; both are
        returned.  Others are cut back to their last commit.  Raises DeviceError."""
        self._check_locked()
        found: list[FreedSegment] = []
        for segment, epoch, is_sealed in self._reader().segment_files():
            if is_sealed:
                continue
            try:
                note, is_empty = self._left(segment, epoch)
            except DamageError:
                continue
            if note is not None:
                try:
                    self._seal(segment, epoch)
                except OSError as error:
                    raise device_error(
                        self._device.name, f"freeing segment {segment}", error
                    ) from error
                found.append(note)
            elif is_empty:
                left = self.found(segment, epoch)
                found.append(self.free(left, session, freed_ns, ()))
            else:
                cut_tail(self._reader(), segment, epoch, self._device.name, self._calls)
        return tuple(found)

    def _left(self, segment: int, epoch: int) -> tuple[FreedSegment | None, bool]:
        """Of a segment without a seal: the note that stands there, and whether nothing else does.
        Raises DamageError, DeviceError."""
        with self._reader().segment(segment, epoch, sealed=False) as source:
            if source.sealed:
                return None, False
            items = [*listed(source)]
            is_empty = all(isinstance(item, Damage) and item.torn for item in items)
            note = _note_in(source) if is_empty else None
            return None if note is None else note.freed, is_empty

    def move(
        self, session: bytes, frames: Sequence[StoredFrame], source: DeviceTarget | None = None
    ) -> tuple[StoredFrame, ...]:  # fmt: skip
        """Writes frames once more, into a segment of this session on this medium, and reads them
        back from the device: they are durable there when this returns.  source: where all of them
        lie, if that is another medium, which is only read; else they lie on this one.  Returns
        where they lie now, also of those that an earlier call wrote before it raised.  Raises
        DamageError for one that cannot be read, DeviceError (ENOSPC where there is no room)."""
        if self._writer is None:
            # Later ones stand in what the writer has reserved, and the room is counted.
            block_bytes = self._device.label().label.block_bytes
            headers = [frame.header for frame in frames]
            self._device.check_writable(records_bytes(headers, block_bytes))
        reader = self._reader() if source is None else self._reader_at(source, frames)
        for group in groups(frames):
            for frame in group:
                _, payload = reader.read(frame.header, frame.place)
                self._append(session, frame.header, payload)
            self._commit()
        fresh = self._device.reader(cached=False)
        while self._unread:
            frame = self._unread.popleft()
            fresh.read(frame.header, frame.place)
            self._untold.append(frame)
        return self._told()

    def sound(self, frames: Sequence[StoredFrame]) -> tuple[StoredFrame, ...]:
        """Those that the medium has: each is read, past the memory of the system.  Raises
        DeviceError."""
        reader = self._device.reader(cached=False)
        found: list[StoredFrame] = []
        for frame in frames:
            try:
                reader.read(frame.header, frame.place)
            except DamageError:
                continue
            found.append(frame)
        return tuple(found)

    def write_record(
        self, session: bytes, header: FrameHeader, payload: bytes
    ) -> tuple[StoredFrame, ...]:  # fmt: skip
        """Puts a sealed catalog frame on the medium; durable when this returns.  Returns where it
        lies, and what `move` wrote before it raised.  Raises DeviceError."""
        self._append(session, header, memoryview(payload))
        self._commit()
        return self._told()

    def free(
        self, sealed: SealedSegment, session: bytes, freed_ns: int, media: Sequence[bytes]
    ) -> FreedSegment:
        before = self._medium_bytes()
        freed = super().free(sealed, session, freed_ns, media)
        self._bytes_before += self._medium_bytes() - before
        return freed

    def finish(self) -> WriterStatistics:
        """Seals what was written.  Raises DeviceError."""
        return WriterStatistics() if self._writer is None else self._writer.finish()

    def close(self) -> None:
        """As SegmentFreer; what was not sealed stays as it is."""
        writer, self._writer = self._writer, None
        self._held.clear()
        if writer is not None:
            writer.close()
        super().close()

    def _reader_at(self, source: DeviceTarget, frames: Sequence[StoredFrame]) -> MediumReader:
        """Of another medium.  Raises DeviceError where it is not the one that has the frames."""
        device = medium_device(source, calls=self._calls)
        found = device.label().label.medium
        strange = {frame.place.medium for frame in frames} - {found}
        if strange:
            raise DeviceError(
                f"{source.location} holds medium {id_text(found)}, expected "
                f"{', '.join(map(id_text, strange))}",
                remedy="connect the right medium there",
                device=source.name,
                errno=errno.ENODEV,
            )
        return device.reader()

    def _append(self, session: bytes, header: FrameHeader, payload: memoryview) -> None:
        self._check_locked()
        if self._writer is None:
            self._bytes_before = self._medium_bytes()
            self._writer = self._device.writer(session, 0)
        self._check_room(self._writer, header)
        self._writer.append(header, payload)
        # It is written in the background, until the next commit.
        self._held.append(payload)

    def _check_room(self, writer: SegmentWriter | ObjectWriter, header: FrameHeader) -> None:
        """A medium of a set stays as small as it is to be, also where its file system has more."""
        member = self._device.label().label.membership
        if member is None:
            return
        size_bytes = self._bytes_before + writer.bytes_with(header)
        if size_bytes > member.media_bytes:
            raise DeviceError(
                f'device "{self._device.name}": medium {member.number} of the set may have '
                f"{format_size(member.media_bytes)}, {format_size(size_bytes)} are needed",
                remedy="give the set another medium by a backup, and forget what is on this one",
                device=self._device.name,
                errno=errno.ENOSPC,
            )

    def _medium_bytes(self) -> int:
        """What the files of a medium of a set take; of others nobody asks."""
        place = self._device.location
        try:
            return medium_bytes(place) if self._device.label().label.membership else 0
        except OSError as error:
            raise device_error(self._device.name, f"looking at {place}", error) from error

    def _commit(self) -> None:
        if self._writer is not None:
            self._unread += self._writer.commit()
            self._held.clear()

    def _told(self) -> tuple[StoredFrame, ...]:
        """All that was committed and returned to nobody."""
        told = *self._untold, *self._unread
        self._untold.clear()
        self._unread.clear()
        return told


def _note_in(source: SegmentSource) -> FreedNote | None:
    try:
        return read_freed(source)
    except DamageError:
        # Not even its first record was finished.
        return None
