"""Reading a medium back: what frames it has, and each of them, checked before it is believed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from flowbackup.errors import DamageError, DeviceError, FormatError
from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.failure import device_error
from flowbackup.media.labels.label import SEGMENTS_NAME, Label
from flowbackup.media.layout import (
    FRAME_KINDS,
    SEQUENCE_MAX,
    IndexRow,
    RecordHeader,
    RecordKind,
    SegmentName,
    parse_index,
)
from flowbackup.media.places.kinds import files_at
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments.memory import FrameMemory
from flowbackup.media.segments.object_source import ObjectSource
from flowbackup.media.segments.room import room_on
from flowbackup.media.segments.scan import (
    Damage,
    FoundRecord,
    committed,
    payload_fault,
    read_header,
)
from flowbackup.media.segments.segment import parse_file_name, segment_file_name
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.media.segments.tape_source import TapeSource
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import FrameHeader
from flowbackup.model.location import DIRECTORY, S3, TAPE, is_directory, kind_at
from flowbackup.units import round_up

SOURCES: Mapping[str, type[SegmentSource]] = MappingProxyType(
    {DIRECTORY: SegmentSource, S3: ObjectSource, TAPE: TapeSource}
)
"""By kind of place."""


class SegmentFile(NamedTuple):
    """What the name of a segment's file says."""

    segment: int
    epoch: int
    sealed: bool


class MediumReader:
    """A FrameReader of the medium at `location`.  Holds no file open between calls, so threads may
    share it and a medium may be unmounted behind it."""

    def __init__(
        self, location: str, label: Label, *, device: str = "", cached: bool = True,
        calls: SystemCalls = SYSTEM,
    ) -> None:  # fmt: skip
        """cached=False: bytes come from the device and not from the page cache.  `read` never uses
        that: frames are large, are read once, and what they push out of it may be in use."""
        self._location = location
        self._folder = os.path.join(location, SEGMENTS_NAME)
        self._files = files_at(location)
        self._label = label
        self._device = device or label.device
        self._cached = cached
        self._calls = calls
        self._memory = FrameMemory()

    def info(self) -> MediumInfo:
        return self._label.info(self._location, room_on(self._label, self._location))

    def frames(self) -> Iterator[StoredFrame]:
        for source in self.segments():
            if isinstance(source, Damage):
                raise self._refused(source)
            with source:
                for item in listed(source):
                    if isinstance(item, StoredFrame):
                        yield item
                    elif not item.torn:
                        raise self._refused(item)

    def scan(self) -> Iterator[StoredFrame | Damage]:
        """As `frames`, by reading every header, and going on behind damage."""
        for source in self.segments():
            if isinstance(source, Damage):
                yield source
                continue
            with source:
                yield from committed(source)

    def written_by(self, session: bytes) -> Iterator[StoredFrame]:
        for file in self.files_of(session):
            with self._settled(file) as source:
                items = [*listed(source)]
                if source.sealed and not all(isinstance(item, StoredFrame) for item in items):
                    items = [*committed(source)]
            yield from (item for item in items if isinstance(item, StoredFrame))

    def files_of(self, session: bytes) -> list[SegmentFile]:
        """The segments that a session wrote, by number and epoch.  They lie together, as nobody
        else writes meanwhile, and mostly at the end: of a large medium few are looked at."""
        found: list[SegmentFile] = []
        for file in reversed(self.segment_files()):
            try:
                with self.segment(file.segment, file.epoch, sealed=file.sealed) as source:
                    is_its = _is_of(source, session)
            except DamageError:
                continue
            if is_its:
                found.append(file)
            elif found and is_its is not None:
                break
        return found[::-1]

    def read(self, header: FrameHeader | None, place: FramePlace) -> tuple[FrameHeader, memoryview]:
        try:
            with self._source_of(place) as source:
                return _read_frame(source, header, place.offset, self._memory)
        except DamageError as error:
            raise DamageError(
                f'device "{self._device}", segment {place.segment}, offset {place.offset}: '
                f"{error.message}",
                remedy="use another copy; `flowbackup repair` replaces this one",
                device=self._device,
                errno=error.errno,
            ) from error

    def segments(self) -> Iterator[SegmentSource | Damage]:
        """The files of the medium by number and epoch; the caller closes each.  Damage: something
        else has the name of a segment.  Other names are left out (see `verify`).  Raises
        DeviceError."""
        for file in self.segment_files():
            try:
                yield self.segment(file.segment, file.epoch, sealed=file.sealed)
            except DamageError as error:
                yield self._no_file(*file, error.message)

    def segment(
        self, segment: int, epoch: int, *, sealed: bool = True, direct: bool = False
    ) -> SegmentSource:
        """The file of one segment; the caller closes it.  sealed: the name that is tried first; it
        may have been sealed since a listing.  direct: past the page cache in any case.  Raises
        DeviceError, with FileNotFoundError as its cause where there is none."""
        # Between a look for the sealed file and one for the other it may have been sealed.
        for tried in (True, False) if sealed else (False,):
            try:
                return self._open(segment, epoch, tried, direct=direct)
            except DeviceError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
        return self._open(segment, epoch, True, direct=direct)

    def segment_files(self) -> list[SegmentFile]:
        """By number and epoch.  Raises DeviceError."""
        try:
            names = self._files.names(self._folder)
        except OSError as error:
            raise device_error(self._device, f"listing {self._folder}", error) from error
        return sorted(
            SegmentFile(*parsed) for name in names if (parsed := parse_file_name(name)) is not None
        )

    def sealed_sizes(self) -> dict[tuple[int, int], int]:
        """(number, epoch) -> bytes of the file of each sealed segment.  Raises DeviceError."""
        try:
            sizes = self._files.sizes(self._folder)
        except OSError as error:
            raise device_error(self._device, f"listing {self._folder}", error) from error
        named = ((parse_file_name(name), size) for name, size in sizes.items())
        return {parsed[:2]: size for parsed, size in named if parsed is not None and parsed[2]}

    def _open(
        self, segment: int, epoch: int, sealed: bool, *, direct: bool = False
    ) -> SegmentSource:
        name = SegmentName(self._label.medium, segment, epoch, self._label.block_bytes)
        path = os.path.join(self._folder, segment_file_name(segment, epoch, sealed=sealed))
        cached = self._cached and not direct
        source = SOURCES[kind_at(path)]
        return source(path, name, sealed=sealed, device=self._device, cached=cached)

    def _settled(self, file: SegmentFile) -> SegmentSource:
        """A writer that was killed behind a commit record has not synced it, and of one whose sync
        failed the page cache shows what the device does not have: what is believed is synced, as
        sealed segments are, and then read from the device."""
        segment, epoch, sealed = file
        found = self.segment(segment, epoch, sealed=sealed)
        if found.sealed or not is_directory(found.path):
            return found
        path = found.path
        found.close()
        try:
            fd = self._calls.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                self._calls.fsync(fd)
            finally:
                self._calls.close(fd)
        except OSError as error:
            raise device_error(self._device, f"syncing {path}", error) from error
        return self.segment(segment, epoch, sealed=sealed, direct=True)

    def _no_file(self, segment: int, epoch: int, sealed: bool, reason: str) -> Damage:
        path = os.path.join(self._folder, segment_file_name(segment, epoch, sealed=sealed))
        return Damage(self._label.medium, segment, epoch, path, 0, 0, reason)

    def _refused(self, damage: Damage) -> DamageError:
        return DamageError(
            f'device "{self._device}": {damage.file} is damaged at {damage.offset}: '
            f"{damage.reason}",
            remedy="run `flowbackup verify`, then `flowbackup repair`",
            device=self._device,
        )

    def _source_of(self, place: FramePlace) -> SegmentSource:
        if place.medium != self._label.medium:
            raise DamageError("the frame lies on another medium than the one that is there")
        return self.segment(place.segment, place.epoch, direct=True)


def read_index(source: SegmentSource) -> tuple[list[IndexRow], RecordHeader, RecordHeader]:
    """The index of a sealed file by its footer: rows, header of the index, of the footer.

    Raises DamageError, FormatError, DeviceError.
    """
    block = source.name.block_bytes
    if source.size < block or source.size % block:
        raise DamageError("the file does not end at a block border")
    footer = read_header(source, source.size - block)
    if footer.kind != RecordKind.FOOTER or footer.sequence % block:
        raise DamageError("the file does not end with its footer")
    index = read_header(source, footer.sequence)
    follows = index.chain == footer.previous and index.ordinal + 1 == footer.ordinal
    if index.kind != RecordKind.INDEX or not follows:
        raise DamageError("the footer does not point to the index")
    fault = payload_fault(source, FoundRecord(index, footer.sequence))
    if fault:
        raise DamageError(f"index: {fault}")
    payload = source.read(footer.sequence + block, index.payload_bytes)
    rows = parse_index(payload, index.chunk_count)
    check_rows(rows, block, footer.sequence)
    return rows, index, footer


def check_rows(rows: list[IndexRow], block: int, end: int) -> None:
    """Rows name frames that lie one behind the other before `end`.  Raises DamageError."""
    place, ordinal = 0, 0
    for row in rows:
        if row.frame.kind not in FRAME_KINDS or row.frame.sequence > SEQUENCE_MAX:
            raise DamageError("the index lists a frame that cannot be")
        if row.offset % block or row.offset < place or row.ordinal <= ordinal:
            raise DamageError("the index lists frames out of order or over each other")
        place = row.offset + block + round_up(row.frame.payload_bytes, block)
        ordinal = row.ordinal
    if place > end:
        raise DamageError("the index lists a frame that ends behind it")


def listed(source: SegmentSource) -> Iterator[StoredFrame | Damage]:
    if not source.sealed:
        yield from committed(source)
        return
    name = source.name
    try:
        rows, _, _ = read_index(source)
    except DamageError as error:
        yield Damage(
            name.medium,
            name.segment,
            name.epoch,
            source.path,
            max(0, source.size - name.block_bytes),
            source.size,
            error.message,
        )
        return
    for row in rows:
        place = FramePlace(name.medium, name.segment, name.epoch, row.offset)
        yield StoredFrame(row.frame, place)


def _read_frame(
    source: SegmentSource, wanted: FrameHeader | None, offset: int, memory: FrameMemory
) -> tuple[FrameHeader, memoryview]:
    if not 0 <= offset < source.size or offset % source.name.block_bytes:
        raise DamageError("the place is outside of the segment or not at a block border")
    record = read_header(source, offset)
    header = record.frame()
    if not record.is_frame or (wanted is not None and header != wanted):
        raise DamageError("another record stands here than was looked for")
    payload = source.read_kept(offset + record.block_bytes, record.payload_bytes, memory)
    if len(payload) != record.payload_bytes or frame_digest(payload) != record.digest:
        raise DamageError(f"the payload of frame {header.frame_id} does not match its digest")
    return header, payload


def _is_of(source: SegmentSource, session: bytes) -> bool | None:
    """Does the first record say that this session wrote the segment?  None: it cannot be read."""
    try:
        return read_header(source, 0).session == session
    except (DamageError, FormatError):
        return None
