"""Indexes and footers whose digests are right and which lie: each is refused for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup.errors import DamageError
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.layout import IndexRow, RecordHeader, RecordKind, SegmentName
from flowbackup.media.segments.reader import read_index
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameHeader
from flowbackup.monitor import RecordingMonitor
from tests import judge
from tests.faults.forge import BLOCK, MEDIUM, Recipe, Record, forged, plain
from tests.media.media_samples import only_segment

Rows = list[IndexRow]


def footer(**changes: int | bytes) -> Recipe:
    def change(header: RecordHeader) -> RecordHeader:
        return header._replace(**changes) if header.kind == RecordKind.FOOTER else header

    return Recipe(linked=change)


def moved_footer(by_bytes: int) -> Recipe:
    def change(header: RecordHeader) -> RecordHeader:
        is_footer = header.kind == RecordKind.FOOTER
        return header._replace(sequence=header.sequence + by_bytes) if is_footer else header

    return Recipe(linked=change)


def last_ordinal_higher(header: RecordHeader) -> RecordHeader:
    is_footer = header.kind == RecordKind.FOOTER
    return header._replace(ordinal=header.ordinal + 1) if is_footer else header


def of_kind(place: int, kind: RecordKind) -> Recipe:
    def change(records: list[Record]) -> list[Record]:
        records[place].header = records[place].header._replace(kind=kind)
        return records

    return Recipe(records=change)


def row(number: int, **changes: int) -> Recipe:
    """changes: of the row, or of the frame that it names."""

    def change(rows: Rows) -> Rows:
        of_row = {name: value for name, value in changes.items() if name in IndexRow._fields}
        of_frame = {name: value for name, value in changes.items() if name in FrameHeader._fields}
        rows[number] = rows[number]._replace(
            frame=rows[number].frame._replace(**of_frame), **of_row
        )
        return rows

    return Recipe(rows=change)


def shifted(rows: Rows, number: int, by_bytes: int) -> Rows:
    rows[number] = rows[number]._replace(offset=rows[number].offset + by_bytes)
    return rows


def with_a_bit_flipped_in_the_index(data: bytes) -> bytes:
    place = len(data) - 2 * BLOCK + 8
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


ORDER = "out of order or over each other"
LIES = {
    "nothing": (Recipe(data=lambda data: b""), "does not end at a block border"),
    "one byte more": (Recipe(data=lambda data: data + b"\0"), "does not end at a block border"),
    "no footer": (of_kind(-1, RecordKind.COMMIT), "does not end with its footer"),
    "beside a block": (moved_footer(8), "does not end with its footer"),
    "to another record": (moved_footer(-BLOCK), "does not point to the index"),
    "no index": (of_kind(-2, RecordKind.COMMIT), "does not point to the index"),
    "index of elsewhere": (footer(previous=b"elsewhere" + bytes(7)), "not point to the index"),
    "one left out": (Recipe(linked=last_ordinal_higher), "does not point to the index"),
    "index damaged": (Recipe(data=with_a_bit_flipped_in_the_index), "index: the payload does not"),
    "no such kind": (row(1, kind=RecordKind.COMMIT), "a frame that cannot be"),
    "sequence": (row(1, sequence=1 << 63), "a frame that cannot be"),
    "row beside a block": (
        Recipe(rows=lambda rows: shifted(rows, 2, 8)),
        ORDER,
    ),
    "over each other": (
        Recipe(rows=lambda rows: shifted(rows, 1, -BLOCK)),
        ORDER,
    ),
    "ordinals": (row(1, ordinal=1), ORDER),
    "behind the index": (row(2, payload_bytes=1 << 20), "a frame that ends behind it"),
}


def opened(place: Path) -> SegmentSource:
    name = SegmentName(MEDIUM, 1, 0, BLOCK)
    return SegmentSource(str(only_segment(place)), name, sealed=True)


def test_what_is_true_is_read(tmp_path: Path) -> None:
    forged(tmp_path, Recipe())
    with opened(tmp_path) as source:
        rows, index, end = read_index(source)
    assert [each.frame.sequence for each in rows] == [0, 1, 2]
    assert (index.kind, end.kind) == (RecordKind.INDEX, RecordKind.FOOTER)


@pytest.mark.parametrize("lie", LIES)
def test_what_is_wrong_is_named(tmp_path: Path, lie: str) -> None:
    recipe, reason = LIES[lie]
    forged(tmp_path, recipe)
    with opened(tmp_path) as source, pytest.raises(DamageError, match=reason):
        read_index(source)


UNKNOWN_OPTIONAL = 200


def test_a_record_that_a_later_version_may_add_is_skipped_by_both_readers(tmp_path: Path) -> None:
    def with_another(records: list[Record]) -> list[Record]:
        name = SegmentName(MEDIUM, 1, 0, BLOCK)
        another = plain(name, RecordKind.SEGMENT, b"news")
        another.header = another.header._replace(kind=UNKNOWN_OPTIONAL)
        records.insert(-2, another)
        footer = records[-1].header
        at = footer.sequence + another.total_bytes
        records[-1].header = footer._replace(sequence=at)
        return records

    forged(tmp_path / "medium", Recipe(records=with_another))
    device = DirectoryDevice(DeviceTarget("nas", "directory", str(tmp_path / "medium"), BLOCK))
    reader = device.reader()
    listed, scanned = list(reader.frames()), list(reader.scan())
    assert [frame.header.sequence for frame in listed] == [0, 1, 2]
    assert scanned == listed
    damages = verify_medium(device, RecordingMonitor()).damages
    assert [damage for damage in damages if damage.segment] == []
    recovery = judge.recovered_here([tmp_path / "medium"], tmp_path / "back")
    assert (recovery.exit_code, recovery.problems) == (0, ())
    assert (tmp_path / "back" / "good").read_bytes() == b"good"
