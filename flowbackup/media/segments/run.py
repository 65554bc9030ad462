"""The records of one segment, one behind the other, as bytes: who makes a segment in memory."""

from __future__ import annotations

from flowbackup.media.layout import (
    INDEX_ROW,
    NO_CHAIN,
    IndexRow,
    RecordHeader,
    RecordKind,
    SegmentName,
    frame_record,
    pack_header,
    pack_index,
    plain_record,
)
from flowbackup.model.frame import FrameHeader
from flowbackup.units import round_up

Pieces = list[bytes | memoryview]


def begin_bytes(label: bytes, block_bytes: int) -> int:
    """Of the record that a segment begins with, which has the label of its medium."""
    return block_bytes + round_up(len(label), block_bytes)


def frame_bytes(header: FrameHeader, block_bytes: int) -> int:
    """Of the record of a frame."""
    return block_bytes + round_up(header.payload_bytes, block_bytes)


def tail_bytes(rows: int, block_bytes: int) -> int:
    """Of index and footer behind so many frames."""
    return block_bytes + round_up(rows * INDEX_ROW.size, block_bytes) + block_bytes


class RecordRun:
    """Each call returns the bytes of the next record.  end: where it ends in the segment."""

    def __init__(self, name: SegmentName, session: bytes) -> None:
        self.name = name
        self.end = 0
        self.ordinal = 0
        self.rows: list[IndexRow] = []
        self._session = session
        self._chain = NO_CHAIN

    def frame(self, header: FrameHeader, payload: memoryview) -> Pieces:
        """The payload is in it as it was given, and not copied."""
        record = frame_record(self.name, self.ordinal, self._chain, header)
        self.rows.append(IndexRow(self.end, self.ordinal, header))
        return self._packed(record, payload)

    def plain(
        self, kind: RecordKind, payload: bytes = b"", *, sequence: int = 0, chunk_count: int = 0
    ) -> Pieces:
        """Any record but a frame."""
        record = plain_record(
            self.name, self.ordinal, self._chain, kind, self._session, payload,
            sequence=sequence, chunk_count=chunk_count,
        )  # fmt: skip
        return self._packed(record, payload)

    def tail(self) -> Pieces:
        """Index and footer: nothing may follow."""
        index_offset, count = self.end, len(self.rows)
        index = self.plain(RecordKind.INDEX, pack_index(self.rows), chunk_count=count)
        return index + self.plain(RecordKind.FOOTER, sequence=index_offset, chunk_count=count)

    def _packed(self, record: RecordHeader, payload: bytes | memoryview) -> Pieces:
        head, self._chain = pack_header(record)
        self.end += record.total_bytes
        self.ordinal += 1
        padding = bytes(record.padded_bytes - record.payload_bytes)
        return [head.ljust(record.block_bytes, b"\0"), payload, padding]
