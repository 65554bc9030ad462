"""Walking a segment record by record, and finding the way again after damage.

`walk` says what stands in a file, `groups` what was committed together, `committed` which frames
may be believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from flowbackup.errors import DamageError, FormatError
from flowbackup.media.layout import (
    HEADER_BYTES,
    NO_CHAIN,
    OPTIONAL_KIND_MIN,
    SYNC_MARK,
    RecordHeader,
    RecordKind,
    is_zero,
    parse_header,
)
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.model.device import FramePlace
from flowbackup.model.digest import frame_digest
from flowbackup.model.ids import FrameId
from flowbackup.units import KIB, MIB

_SEARCH_BYTES = 4 * MIB
_SEARCH_BYTES_FIRST = 64 * KIB
"""Most damage ends soon; a medium where each record is damaged must not cost 4 MiB for each."""


class FoundRecord(NamedTuple):
    """A sound record and where it begins."""

    header: RecordHeader
    offset: int

    @property
    def end(self) -> int:
        return self.offset + self.header.total_bytes

    def stored(self) -> StoredFrame:
        """For a frame: what a catalog keeps of it."""
        h = self.header
        return StoredFrame(h.frame(), FramePlace(h.medium, h.segment, h.epoch, self.offset))


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes [offset, end) of a file that are not what was written.

    frame, object_id: whose they were, where the header could still be read.  torn: the bytes were
    never acknowledged as durable as far as the medium itself can tell: the tail of an unfinished
    segment, as a killed session leaves it.
    """

    medium: bytes
    segment: int
    epoch: int
    file: str
    offset: int
    end: int
    reason: str
    frame: FrameId | None = None
    object_id: bytes | None = None
    torn: bool = False


class Standing(Enum):
    """How sure it is that a group was durable once."""

    PROVEN = "its sync came back"
    COMMITTED = "its commit record was written; believed if all of it is sound"
    OPEN = "no commit record stands behind it"


def walk(
    source: SegmentSource,
    start: int = 0,
    *,
    end: int | None = None,
    previous: RecordHeader | None = None,
    payloads: bool = False,
) -> Iterator[FoundRecord | Damage]:
    """Records of a segment from `start` on, and everything that is wrong, in order of offset.

    end: no record that begins there or behind is looked at.  previous: the record that ends at
    `start`, to which the first one is linked.  payloads: also read payloads and padding and check
    them; a frame that fails is a Damage and not a record.  Ends at the end of
    the file, or of an unfinished file's written part.
    Raises FormatError, and DeviceError if the file cannot be read at all.
    """
    offset = start
    stop = source.size if end is None else min(end, source.size)
    while offset < stop:
        try:
            header = read_header(source, offset)
            _check_link(header, previous, first=offset == 0)
        except DamageError as error:
            found = _search(source, offset + source.name.block_bytes, previous)
            end = source.size if found is None else found
            if found is not None or source.sealed or not _is_blank(source, offset, end):
                yield _damage(source, offset, end, error.message)
            offset, previous = end, None
            continue
        record = FoundRecord(header, offset)
        fault = payload_fault(source, record) if payloads else ""
        if fault:
            yield _damage(source, offset, record.end, fault, header=header)
        if not fault or not header.is_frame:
            yield record
        offset, previous = record.end, header
    if stop < source.size:
        return
    whole = previous is not None and previous.kind == RecordKind.FOOTER
    if source.sealed and not whole and (previous is not None or not source.size):
        yield _damage(source, source.size, source.size, "the file ends before its footer")


def groups(
    source: SegmentSource, *, payloads: bool = False
) -> Iterator[tuple[list[FoundRecord | Damage], Standing]]:
    """What `walk` finds, in groups that were committed together, and how sure that is.

    A commit was synced if anything sound stands behind it; and everything before the first frame
    that it names was synced, because its group was begun only then.
    """
    group: list[FoundRecord | Damage] = []
    unproven: list[FoundRecord | Damage] = []
    for item in walk(source, payloads=payloads):
        if isinstance(item, FoundRecord) and unproven:
            yield unproven, Standing.PROVEN
            unproven = []
        group.append(item)
        if isinstance(item, FoundRecord) and item.header.kind == RecordKind.COMMIT:
            cut = _own_begin(group, item.header.sequence)
            if cut:
                yield group[:cut], Standing.PROVEN
            unproven, group = group[cut:], []
    if unproven:
        yield unproven, Standing.PROVEN if source.sealed else Standing.COMMITTED
    if group:
        yield group, Standing.PROVEN if source.sealed else Standing.OPEN


def committed(source: SegmentSource) -> Iterator[StoredFrame | Damage]:
    """Frames that may be believed, and damage.  See FORMAT.md, "What may be believed"."""
    for group, faults, is_believed in _judged(source):
        if is_believed:
            yield from _frames_and_damages(group)
        else:
            yield from (replace(damage, torn=True) for damage in faults)


def committed_end(source: SegmentSource) -> int:
    """Where in an unfinished segment its last commit ends that may be believed; of one without any
    the first record stays."""
    end = 0
    for group, _, is_believed in _judged(source):
        records = [item for item in group if isinstance(item, FoundRecord)]
        if is_believed and records:
            end = records[-1].end
        elif not end and records and records[0].header.kind == RecordKind.SEGMENT:
            end = records[0].end
    return end


def _judged(
    source: SegmentSource,
) -> Iterator[tuple[list[FoundRecord | Damage], list[Damage], bool]]:
    """Each group with what is wrong with it, and whether it may be believed."""
    for group, standing in groups(source):
        faults = [*(_faults(source, group) if standing is Standing.COMMITTED else _damages(group))]
        is_sound = standing is Standing.COMMITTED and not faults
        yield group, faults, is_sound or standing is Standing.PROVEN


def read_header(source: SegmentSource, offset: int) -> RecordHeader:
    """The header of the record at `offset`, its block and its lengths checked against the file.

    Raises DamageError, FormatError, DeviceError.
    """
    name = source.name
    block = source.read(offset, name.block_bytes)
    header = parse_header(block)
    if len(block) < name.block_bytes or not is_zero(block[HEADER_BYTES:]):
        raise DamageError("the block of the header is cut off or not filled with zeros")
    if (header.medium, header.segment, header.epoch) != name[:3]:
        raise DamageError(
            f"a record of segment {header.segment}, epoch {header.epoch}"
            f"{'' if header.medium == name.medium else ' of another medium'} stands here"
        )
    if header.block_bytes != name.block_bytes:
        raise DamageError(f"the record is of {header.block_bytes}-byte blocks")
    if offset + header.total_bytes > source.size:
        raise DamageError("the record ends behind the end of the file")
    return header


def payload_fault(source: SegmentSource, record: FoundRecord) -> str:
    """What is wrong with payload and padding of a record, "" if nothing is."""
    header = record.header
    if not header.padded_bytes:
        return ""
    try:
        data = source.read(record.offset + header.block_bytes, header.padded_bytes)
    except DamageError as error:
        return error.message
    # A commit record may stand before a next frame that is as long as this one.
    source.read_ahead(record.end, header.block_bytes + header.total_bytes)
    if frame_digest(data[: header.payload_bytes]) != header.digest:
        return "the payload does not match its digest"
    if not is_zero(data[header.payload_bytes :]):
        return "the padding behind the payload is not zero"
    return ""


def _check_link(header: RecordHeader, previous: RecordHeader | None, *, first: bool) -> None:
    if first:
        whole = header.ordinal == 0 and header.previous == NO_CHAIN
        if not whole or header.kind != RecordKind.SEGMENT:
            raise DamageError("the file does not begin with its segment record")
    elif previous is not None and not _follows(header, previous):
        raise DamageError("the chain is broken: this record does not follow the one before")
    if previous is not None and previous.kind == RecordKind.FOOTER:
        raise DamageError("a record stands behind the footer")


def _follows(header: RecordHeader, previous: RecordHeader) -> bool:
    return header.ordinal == previous.ordinal + 1 and header.previous == previous.chain


def _search(source: SegmentSource, offset: int, previous: RecordHeader | None) -> int | None:
    """The offset of the next sound record of this segment at a block border."""
    block = source.name.block_bytes
    size_bytes = max(_SEARCH_BYTES_FIRST, block)
    while offset < source.size:
        offset = max(offset, source.next_data(offset) // block * block)
        for found in _marks(source, offset, size_bytes):
            try:
                header = read_header(source, found)
            except (DamageError, FormatError):
                continue
            if header.kind < OPTIONAL_KIND_MIN and (
                previous is None or header.ordinal > previous.ordinal
            ):
                return found
        offset += size_bytes
        size_bytes = _SEARCH_BYTES
    return None


def _marks(source: SegmentSource, offset: int, size_bytes: int) -> Iterator[int]:
    """Block borders with a sync mark in the next piece of the file."""
    block = source.name.block_bytes
    try:
        data = bytes(source.read(offset, size_bytes))
    except DamageError:
        return
    found = data.find(SYNC_MARK)
    while found >= 0:
        if found % block == 0:
            yield offset + found
        found = data.find(SYNC_MARK, found + 1)


def _is_blank(source: SegmentSource, offset: int, end: int) -> bool:
    """Whether nothing but zeros stands here: space that was reserved and never written."""
    while offset < end:
        offset = max(offset, source.next_data(offset))
        try:
            if not is_zero(source.read(offset, min(_SEARCH_BYTES, end - offset))):
                return False
        except DamageError:
            return False
        offset += _SEARCH_BYTES
    return True


def _damage(
    source: SegmentSource,
    offset: int,
    end: int,
    reason: str,
    *,
    header: RecordHeader | None = None,
) -> Damage:
    frame = header.frame() if header is not None and header.is_frame else None
    name = source.name
    return Damage(
        name.medium,
        name.segment,
        name.epoch,
        source.path,
        offset,
        end,
        reason,
        None if frame is None else frame.frame_id,
        None if frame is None else frame.object_id,
    )


def _own_begin(group: list[FoundRecord | Damage], first: int) -> int:
    """Where in `group` begins what the commit at its end vouches for: the frame with ordinal
    `first`.  Damage before it is older, unless it may have taken that frame away."""
    if first <= 1:
        return 0
    cut = 0
    for place, item in enumerate(group):
        if isinstance(item, FoundRecord):
            if item.header.ordinal == first:
                return place
            if item.header.ordinal > first:
                break
            cut = place + 1
    return cut


def _faults(source: SegmentSource, group: list[FoundRecord | Damage]) -> Iterator[Damage]:
    for item in group:
        if isinstance(item, Damage):
            yield item
        elif fault := payload_fault(source, item):
            yield _damage(source, item.offset, item.end, fault, header=item.header)


def _damages(group: list[FoundRecord | Damage]) -> list[Damage]:
    return [item for item in group if isinstance(item, Damage)]


def _frames_and_damages(
    group: list[FoundRecord | Damage],
) -> Iterator[StoredFrame | Damage]:
    for item in group:
        if isinstance(item, Damage):
            yield item
        elif item.header.is_frame:
            yield item.stored()
