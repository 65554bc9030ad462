"""Records: the one header that stands before everything in a segment.

FORMAT.md beside this file describes the same bytes for people; a test compares the two.  This
module knows numbers and digests, not files.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from flowbackup.errors import DamageError, FormatError
from flowbackup.model.digest import frame_digest, header_checksum
from flowbackup.model.frame import CONTENT_BYTES_MAX, Codec, FrameHeader, FrameKind
from flowbackup.model.ids import NO_ID
from flowbackup.units import MIB, TIB, round_up

FORMAT_MAJOR = 1
FORMAT_MINOR = 2
SYNC_MARK = b"\x89FBK\r\n\x1a\n"
"""A byte that no text has, a name, and line ends that a text transfer would change (as in PNG)."""

HEADER_BYTES = 192
CHAIN_BYTES = 168
"""The chain value covers the header up to itself."""
CHECKSUM_BYTES = 184
"""The header checksum covers the header up to itself, in every major version."""
NO_CHAIN = bytes(16)

BLOCK_BYTES_MIN = 512
BLOCK_BYTES_MAX = MIB
PAYLOAD_BYTES_MAX = 256 * MIB
"""No payload is longer; a length above it is damage, and nothing is allocated for it."""

FRAMES_MAX = 1 << 16
"""A writer begins a new segment after so many frames, however small they are; a group under way may
go over it.  ROWS_MAX and ORDINALS_MAX are what a reader takes: they bound what it remembers of a
segment, whatever its size."""
ROWS_MAX = 2 * FRAMES_MAX
ORDINALS_MAX = 4 * FRAMES_MAX

FILE_BYTES_MAX = TIB
"""No segment is longer: a file with holes may claim to be larger than any disk."""
SEQUENCE_MAX = (1 << 63) - 1
"""Databases and file offsets have 63 bits."""

KNOWN_CRITICAL = int(Codec.ZSTD | Codec.SEALED)
"""Feature bits without which a record cannot be understood: those of its codec.  Version 1.0 has
none."""


class RecordKind(IntEnum):
    """What a record is.  The numbers stand on media: never reuse one."""

    DATA = FrameKind.DATA
    MANIFEST = FrameKind.MANIFEST
    CATALOG = FrameKind.CATALOG
    SEGMENT = 16
    COMMIT = 17
    INDEX = 18
    FOOTER = 19
    FREED = 128


FRAME_KINDS = frozenset(int(kind) for kind in FrameKind)
KNOWN_KINDS = frozenset(int(kind) for kind in RecordKind)
OPTIONAL_KIND_MIN = 128
"""Unknown kinds from here on are skipped; unknown kinds below are refused."""

FIELDS: tuple[tuple[str, str, str], ...] = (
    ("mark", "8s", "sync mark: 89 46 42 4B 0D 0A 1A 0A"),
    ("major", "H", "format version, major: 1"),
    ("minor", "H", "format version, minor: 2"),
    ("kind", "H", "kind of the record"),
    ("header_bytes", "H", "length of this header: 192"),
    ("critical", "I", "feature bits that a reader must know: 1 packed, 2 sealed"),
    ("optional", "I", "feature bits that a reader may ignore"),
    ("medium", "16s", "UUID of the medium"),
    ("segment", "I", "number of the segment, from 1"),
    ("epoch", "I", "epoch of the writer"),
    ("ordinal", "I", "place of the record in its segment, from 0"),
    ("stream", "I", "frame: stream"),
    ("session", "16s", "UUID of the session that wrote the segment; frame: that made it"),
    ("sequence", "Q", "frame: sequence; other kinds: see below"),
    ("object_id", "16s", "frame: UUID of the object version; other kinds: 0"),
    ("payload_bytes", "I", "length of the payload"),
    ("padded_bytes", "I", "length of the payload and its padding"),
    ("content_bytes", "I", "frame: length of the chunks, not packed; other kinds: 0"),
    ("chunk_count", "I", "frame: number of chunks; other kinds: see below"),
    ("codec", "H", "how the payload is packed: 0 plain, 1 zstd, 2 sealed, 3 both"),
    ("reserved", "H", "0 unless an optional feature uses it"),
    ("block_bytes", "I", "block size of the medium"),
    ("digest", "16s", "XXH3-128 of the payload"),
    ("spare", "16s", "0 unless an optional feature uses it"),
    ("previous", "16s", "chain value of the record before; 0 in the first"),
    ("chain", "16s", "chain value: XXH3-128 of bytes 0 to 167 of this header"),
    ("checksum", "Q", "XXH3-64 of bytes 0 to 183 of this header"),
)
"""Name, struct code and meaning of each field; all numbers little-endian, without gaps."""

_HEADER = struct.Struct("<" + "".join(code for _, code, _ in FIELDS))
_BODY = struct.Struct("<" + "".join(code for _, code, _ in FIELDS[:-2]))
_CHECKSUM = struct.Struct("<Q")
assert _HEADER.size == HEADER_BYTES and _BODY.size == CHAIN_BYTES


class RecordHeader(NamedTuple):
    """A header, field by field in the order of FIELDS, without mark, lengths that are constant,
    reserved bytes and checksum."""

    kind: int
    medium: bytes
    segment: int
    epoch: int
    ordinal: int
    stream: int
    session: bytes
    sequence: int
    object_id: bytes
    payload_bytes: int
    padded_bytes: int
    content_bytes: int
    chunk_count: int
    codec: int
    block_bytes: int
    digest: bytes
    previous: bytes
    chain: bytes = NO_CHAIN
    optional: int = 0

    @property
    def total_bytes(self) -> int:
        """Bytes of the whole record on the medium: header block, payload, padding."""
        return self.block_bytes + self.padded_bytes

    @property
    def is_frame(self) -> bool:
        return self.kind in FRAME_KINDS

    def frame(self) -> FrameHeader:
        """The part that is equal on every copy of this frame."""
        return FrameHeader(
            self.session,
            self.stream,
            self.sequence,
            self.kind,
            self.codec,
            self.object_id,
            self.payload_bytes,
            self.content_bytes,
            self.chunk_count,
            self.digest,
        )


class SegmentName(NamedTuple):
    """What every record of one segment has in common."""

    medium: bytes
    segment: int
    epoch: int
    block_bytes: int


def frame_record(
    name: SegmentName, ordinal: int, previous: bytes, frame: FrameHeader
) -> RecordHeader:
    """The record of a frame; its chain value is not yet set."""
    padded_bytes = round_up(frame.payload_bytes, name.block_bytes)
    return RecordHeader(
        frame.kind,
        name.medium,
        name.segment,
        name.epoch,
        ordinal,
        frame.stream,
        frame.session,
        frame.sequence,
        frame.object_id,
        frame.payload_bytes,
        padded_bytes,
        frame.content_bytes,
        frame.chunk_count,
        frame.codec,
        name.block_bytes,
        frame.digest,
        previous,
    )


def plain_record(
    name: SegmentName,
    ordinal: int,
    previous: bytes,
    kind: RecordKind,
    session: bytes,
    payload: bytes,
    *,
    sequence: int = 0,
    chunk_count: int = 0,
) -> RecordHeader:
    """The record of anything but a frame; its chain value is not yet set."""
    frame = FrameHeader(
        session,
        0,
        sequence,
        kind,
        0,
        NO_ID,
        len(payload),
        0,
        chunk_count,
        frame_digest(payload),
    )
    return frame_record(name, ordinal, previous, frame)


def pack_header(record: RecordHeader) -> tuple[bytes, bytes]:
    """The 192 bytes of a header and the chain value that they end in.  Called once per frame."""
    body = _BODY.pack(
        SYNC_MARK,
        FORMAT_MAJOR,
        FORMAT_MINOR,
        record.kind,
        HEADER_BYTES,
        record.codec & KNOWN_CRITICAL,
        record.optional,
        record.medium,
        record.segment,
        record.epoch,
        record.ordinal,
        record.stream,
        record.session,
        record.sequence,
        record.object_id,
        record.payload_bytes,
        record.padded_bytes,
        record.content_bytes,
        record.chunk_count,
        record.codec,
        0,
        record.block_bytes,
        record.digest,
        bytes(16),
        record.previous,
    )
    chain = frame_digest(body)
    head = body + chain
    return head + _CHECKSUM.pack(header_checksum(head)), chain


def parse_header(block: bytes | memoryview) -> RecordHeader:
    """The header at the start of `block`, which holds at least 192 bytes.

    Raises DamageError for anything that was not written so, FormatError for a sound header that a
    newer program wrote and this one must not interpret.
    """
    head = bytes(block[:HEADER_BYTES])
    if len(head) < HEADER_BYTES or head[:8] != SYNC_MARK:
        raise DamageError("no record begins here: the sync mark is missing")
    (checksum,) = _CHECKSUM.unpack_from(head, CHECKSUM_BYTES)
    if header_checksum(head[:CHECKSUM_BYTES]) != checksum:
        raise DamageError("the header checksum does not match")
    major, minor, kind, header_bytes, critical, optional = struct.unpack_from("<HHHHII", head, 8)
    _check_version(major, minor, kind, critical)
    values = _HEADER.unpack(head)
    record = RecordHeader._make((kind, *values[7:20], *values[21:23], *values[24:26], optional))
    spare_used = not optional and (values[20] or any(values[23]))
    if header_bytes != HEADER_BYTES or spare_used:
        raise DamageError("the header says a length or has reserved bytes of no known version")
    if record.chain != frame_digest(head[:CHAIN_BYTES]):
        raise DamageError("the chain value of the header does not match")
    _check_lengths(record)
    return record


def _check_version(major: int, minor: int, kind: int, critical: int) -> None:
    remedy = "use a newer flowbackup to read this medium"
    if major != FORMAT_MAJOR:
        raise FormatError(
            f"the record has format {major}.{minor}, this program knows {FORMAT_MAJOR}.x",
            remedy=remedy,
        )
    if critical & ~KNOWN_CRITICAL:
        raise FormatError(f"the record needs unknown features {critical:#x}", remedy=remedy)
    if kind not in KNOWN_KINDS and kind < OPTIONAL_KIND_MIN:
        raise FormatError(f"the record is of the unknown kind {kind}", remedy=remedy)


def _check_lengths(record: RecordHeader) -> None:
    block = record.block_bytes
    if not BLOCK_BYTES_MIN <= block <= BLOCK_BYTES_MAX or block & block - 1:
        raise DamageError(f"a block size of {block} bytes is not possible")
    if record.payload_bytes > PAYLOAD_BYTES_MAX:
        raise DamageError(f"a payload of {record.payload_bytes} bytes is over the limit")
    if record.padded_bytes != round_up(record.payload_bytes, block):
        raise DamageError("payload and padding do not end at a block border")
    unfolds = record.codec & Codec.ZSTD
    if record.content_bytes > (CONTENT_BYTES_MAX if unfolds else record.payload_bytes):
        raise DamageError("the content is longer than the payload, or than any may be")
    if record.sequence > SEQUENCE_MAX:
        raise DamageError(f"a sequence of {record.sequence} is not possible")
    if record.ordinal >= ORDINALS_MAX:
        raise DamageError(f"a segment has no record {record.ordinal}")


def is_zero(data: bytes | memoryview) -> bool:
    """Whether padding is what padding must be."""
    return bytes(data).count(0) == len(data)


INDEX_FIELDS: tuple[tuple[str, str, str], ...] = (
    ("offset", "Q", "where the record of the frame begins in the file"),
    ("ordinal", "I", "ordinal of the record"),
    ("reserved", "4s", "0"),
    ("session", "16s", "as in the header of the record, here and below"),
    ("stream", "I", ""),
    ("kind", "H", ""),
    ("codec", "H", ""),
    ("sequence", "Q", ""),
    ("object_id", "16s", ""),
    ("payload_bytes", "I", ""),
    ("content_bytes", "I", ""),
    ("chunk_count", "I", ""),
    ("reserved", "4s", "0"),
    ("digest", "16s", ""),
)
"""Name, struct code and meaning of each field of an index row, as FIELDS."""

INDEX_ROW = struct.Struct("<" + "".join(code for _, code, _ in INDEX_FIELDS))
assert INDEX_ROW.size == 96


class IndexRow(NamedTuple):
    """Where a frame begins in its segment, and its header."""

    offset: int
    ordinal: int
    frame: FrameHeader


def pack_index(rows: list[IndexRow]) -> bytes:
    """The payload of an index record."""
    return b"".join(
        INDEX_ROW.pack(
            offset,
            ordinal,
            bytes(4),
            f.session,
            f.stream,
            f.kind,
            f.codec,
            f.sequence,
            f.object_id,
            f.payload_bytes,
            f.content_bytes,
            f.chunk_count,
            bytes(4),
            f.digest,
        )
        for offset, ordinal, f in rows
    )


def parse_index(payload: bytes | memoryview, count: int) -> list[IndexRow]:
    """The rows of an index payload whose digest was checked.  Raises DamageError."""
    if count > ROWS_MAX:
        raise DamageError(f"the index lists {count} frames, {ROWS_MAX} are possible")
    if len(payload) != count * INDEX_ROW.size:
        raise DamageError(f"the index has {len(payload)} bytes, {count} frames were announced")
    rows: list[IndexRow] = []
    for row in INDEX_ROW.iter_unpack(payload):
        offset, ordinal, _, session, stream, kind, codec, sequence, object_id = row[:9]
        header = FrameHeader(
            session, stream, sequence, kind, codec, object_id, row[9], row[10], row[11], row[13]
        )
        rows.append(IndexRow(offset, ordinal, header))
    return rows
