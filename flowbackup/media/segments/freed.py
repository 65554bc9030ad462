"""What stands in the place of a segment that was freed: a segment without frames, whose one
optional record says what was there.  This module packs and reads it; `freeing` puts it there.

Readers that do not know the record skip it and find a sealed segment that has no frames.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flowbackup.errors import DamageError
from flowbackup.media.labels.label import Label
from flowbackup.media.layout import (
    FILE_BYTES_MAX,
    INDEX_ROW,
    IndexRow,
    RecordHeader,
    RecordKind,
    SegmentName,
    pack_index,
    parse_index,
)
from flowbackup.media.segments.reader import MediumReader, SegmentFile, check_rows
from flowbackup.media.segments.run import RecordRun
from flowbackup.media.segments.scan import FoundRecord, payload_fault, read_header
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.model.freed import FreedSegment
from flowbackup.model.ids import ID_BYTES

_HEAD = struct.Struct("<QII")
"""Size of the file that was here, number of media that had its frames, zero."""
_ROW = ID_BYTES


class FreedNote(NamedTuple):
    """rows: the index of the segment as it was."""

    freed: FreedSegment
    rows: list[IndexRow]


def pack_freed(label: Label, note: FreedNote) -> bytes:
    """The whole file that takes the place of a segment."""
    freed, rows = note
    head = _HEAD.pack(freed.size_bytes, len(freed.media), 0)
    payload = head + b"".join(freed.media) + pack_index(rows)
    time = freed.freed_ns
    name = SegmentName(label.medium, freed.segment, freed.epoch, label.block_bytes)
    run = RecordRun(name, freed.session)
    pieces = run.plain(RecordKind.SEGMENT, label.to_json(), sequence=time)
    pieces += run.plain(RecordKind.FREED, payload, sequence=time, chunk_count=len(rows))
    return b"".join((*pieces, *run.tail()))


def read_freed(source: SegmentSource) -> FreedNote | None:
    """What a file says of the segment that it stands for; None for one that was not freed: sealed,
    or under its old name where it was never sealed and whoever freed it was killed.  Raises
    DamageError, FormatError, DeviceError."""
    if not source.size:
        return None
    begin = read_header(source, 0)
    if begin.total_bytes >= source.size:
        return None
    header = read_header(source, begin.total_bytes)
    if header.kind != RecordKind.FREED:
        return None
    if header.previous != begin.chain:
        raise DamageError("the chain is broken: the record of what was freed is of another segment")
    fault = payload_fault(source, FoundRecord(header, begin.total_bytes))
    if fault:
        raise DamageError(f"the record of what was freed: {fault}")
    payload = source.read(begin.total_bytes + header.block_bytes, header.payload_bytes)
    return _parse(header, bytes(payload))


def freed_among(
    reader: MediumReader, segments: Iterable[tuple[int, int]]
) -> Iterator[FreedSegment]:
    """Which of these segments (number, epoch) were freed.  One that is not there or cannot be read
    is none: a verification says what is wrong with it.  Raises DeviceError, FormatError."""
    present = set(reader.segment_files())
    for segment, epoch in segments:
        if SegmentFile(segment, epoch, True) not in present:
            continue
        try:
            with reader.segment(segment, epoch) as source:
                note = read_freed(source)
        except DamageError:
            continue
        if note is not None:
            yield note.freed


def _parse(header: RecordHeader, payload: bytes) -> FreedNote:
    if len(payload) < _HEAD.size:
        raise DamageError("the record of what was freed is too short")
    size_bytes, count, _ = _HEAD.unpack_from(payload)
    rows_at = _HEAD.size + count * _ROW
    if len(payload) != rows_at + header.chunk_count * INDEX_ROW.size:
        raise DamageError("the record of what was freed has another length than it says")
    media = tuple(payload[at : at + _ROW] for at in range(_HEAD.size, rows_at, _ROW))
    if size_bytes > FILE_BYTES_MAX:
        raise DamageError("the record of what was freed tells of a longer file than there can be")
    rows = parse_index(payload[rows_at:], header.chunk_count)
    check_rows(rows, header.block_bytes, size_bytes)
    freed = FreedSegment(
        header.segment, header.epoch, header.session, header.sequence, len(rows), size_bytes, media
    )
    return FreedNote(freed, rows)
