"""What a medium tells of its frames: by its indexes, by all its headers, or by all its digests.

For a sound medium the three say the same; they differ in what they read and in what they notice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from flowbackup.errors import DamageError, DeviceError, FormatError, WrongKeyError
from flowbackup.frame.key_ring import NO_KEYS, KeyRing
from flowbackup.frame.seal import open_frame
from flowbackup.media.layout import is_zero
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments.freed import FreedNote, read_freed
from flowbackup.media.segments.reader import MediumReader, SegmentFile, read_index
from flowbackup.media.segments.scan import Damage, committed, read_header
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.device import FramePlace
from flowbackup.model.found import FoundFrame


class Mode(StrEnum):
    """How a medium is read."""

    FAST = "fast"
    """Footers and indexes; a segment that has none, or none that can be read, is scanned."""
    SLOW = "slow"
    """Every header, whatever the indexes say; finds the way again after damage."""
    PARANOID = "paranoid"
    """As slow, and every byte against its digests: of the frame, of its padding, of its chunks."""


@dataclass(frozen=True, slots=True)
class FactsStatistics:
    """segments_scanned: those that were walked record by record.  damages: what was told."""

    segments: int = 0
    segments_scanned: int = 0
    frames: int = 0
    damages: int = 0
    bytes_read: int = 0
    bytes_total: int = 0


class MediumFacts:
    """One reading of a medium."""

    def __init__(
        self,
        reader: MediumReader,
        mode: Mode,
        tell: Callable[[Damage], None],
        progress: Callable[[FactsStatistics], None] = lambda statistics: None,
        freed: Callable[[FreedNote], None] = lambda note: None,
        keys: KeyRing = NO_KEYS,
    ) -> None:
        """tell: hears of everything that is not what was written, but for the torn ends that killed
        sessions leave.  progress: called after each segment, and in it after each checked frame.
        freed: hears of segments that were freed.  keys: open what is sealed; without them its
        frames are held against their digests, and their chunks against nothing."""
        self._reader = reader
        self._mode = mode
        self._tell = tell
        self._progress = progress
        self._freed = freed
        self._keys = keys
        self._statistics = FactsStatistics()

    def statistics(self) -> FactsStatistics:
        """What was read until now."""
        return self._statistics

    def segments(self) -> Iterator[list[FoundFrame]]:
        """The frames of each segment that may be believed, in the order of their places; those of
        one whose payload is damaged, too.  What cannot be opened, and what only a newer program can
        read, is told and left out.  Raises DeviceError if the medium cannot be listed.
        """
        medium = self._reader.info().medium
        for file in self._reader.segment_files():
            try:
                source = self._reader.segment(file.segment, file.epoch, sealed=file.sealed)
            except DeviceError as error:
                self._hear(_unopened(medium, file, error))
                continue
            with source:
                found = self._frames(source)
            yield found

    def _frames(self, source: SegmentSource) -> list[FoundFrame]:
        before = self._statistics
        found: list[FoundFrame] = []
        try:
            for frame in self._stored(source):
                found.append(self._looked_at(source, frame))
                self._note(source, before, len(found))
            note = None if found else read_freed(source)
            if note is not None:
                self._freed(note)
        except DeviceError as error:
            # The device gave up, or a newer program wrote what comes here.
            self._hear(_damage(source, 0, source.size, f"not read to its end: {error.message}"))
        self._note(source, before, len(found), done=1)
        return found

    def _note(
        self, source: SegmentSource, before: FactsStatistics, frames: int, *, done: int = 0
    ) -> None:
        self._statistics = replace(
            self._statistics,
            segments=before.segments + done,
            frames=before.frames + frames,
            bytes_read=before.bytes_read + source.bytes_read,
            bytes_total=before.bytes_total + source.size,
        )
        self._progress(self._statistics)

    def _stored(self, source: SegmentSource) -> Iterator[StoredFrame]:
        index_fault = None
        if source.sealed and self._mode is Mode.FAST:
            try:
                return iter(_indexed(source))
            except DamageError as error:
                index_fault = _damage(source, 0, source.size, f"index: {error.message}")
        return self._scanned(source, index_fault)

    def _scanned(self, source: SegmentSource, index_fault: Damage | None) -> Iterator[StoredFrame]:
        """index_fault: why the index was of no use, for a scan that sees nothing wrong."""
        self._statistics = replace(
            self._statistics, segments_scanned=self._statistics.segments_scanned + 1
        )
        seen = False
        for item in committed(source):
            if isinstance(item, StoredFrame):
                yield item
            elif not item.torn:
                seen = True
                self._hear(item)
        if index_fault is not None and not seen:
            self._hear(index_fault)

    def _looked_at(self, source: SegmentSource, frame: StoredFrame) -> FoundFrame:
        if self._mode is not Mode.PARANOID:
            return FoundFrame(frame.header, frame.place)
        fault = _fault(source, frame, self._keys)
        if fault:
            damage = _damaged(source, frame.place, fault)
            header = frame.header
            self._hear(replace(damage, frame=header.frame_id, object_id=header.object_id))
        return FoundFrame(frame.header, frame.place, bool(fault))

    def _hear(self, damage: Damage) -> None:
        self._statistics = replace(self._statistics, damages=self._statistics.damages + 1)
        self._tell(damage)


def _indexed(source: SegmentSource) -> list[StoredFrame]:
    """What the index lists.  Raises DamageError unless all of it can be."""
    rows, _, _ = read_index(source)
    name = source.name
    return [
        StoredFrame(row.frame, FramePlace(name.medium, name.segment, name.epoch, row.offset))
        for row in rows
    ]


def _fault(source: SegmentSource, frame: StoredFrame, keys: KeyRing) -> str:
    """What is wrong with a frame inside of its record, "" if nothing is."""
    offset, header = frame.place.offset, frame.header
    try:
        record = read_header(source, offset)
        data = source.read(offset + record.block_bytes, record.padded_bytes)
        if not is_zero(data[record.payload_bytes :]):
            return "the padding behind the payload is not zero"
        payload = data[: record.payload_bytes]
        opened = open_frame(header, payload, keys)
        for span in opened.spans():
            ref = ChunkRef(span.digest, span.size, header.frame_id, span.offset)
            opened.held().chunk(ref)
    except (DamageError, FormatError) as error:
        return error.message
    except WrongKeyError:
        return ""  # Its digest was right, and more is for who has the key.
    return ""


def _unopened(medium: bytes, file: SegmentFile, error: DeviceError) -> Damage:
    return Damage(medium, file.segment, file.epoch, f"segment {file.segment}", 0, 0, error.message)


def _damaged(source: SegmentSource, place: FramePlace, reason: str) -> Damage:
    return _damage(source, place.offset, place.offset, reason)


def _damage(source: SegmentSource, offset: int, end: int, reason: str) -> Damage:
    name = source.name
    return Damage(name.medium, name.segment, name.epoch, source.path, offset, end, reason)
