"""FORMAT.md says what layout.py does."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from flowbackup.errors import DamageError, FormatError
from flowbackup.media import layout
from flowbackup.media.layout import (
    FIELDS,
    HEADER_BYTES,
    INDEX_FIELDS,
    INDEX_ROW,
    SYNC_MARK,
    IndexRow,
    RecordKind,
    SegmentName,
    frame_record,
    pack_header,
    pack_index,
    parse_header,
    parse_index,
)
from flowbackup.model.digest import frame_digest, header_checksum
from flowbackup.testing.frames import sample_frame, sample_id
from tests.media.format_tables import table

NAME = SegmentName(sample_id(2), 7, 3, 4096)
TEXT = files("flowbackup.media").joinpath("FORMAT.md").read_text()


def packed(**changes: int | bytes) -> bytes:
    record = frame_record(NAME, 5, bytes(range(16)), sample_frame(5000, 9).header)
    return pack_header(record._replace(**changes))[0]  # type: ignore[arg-type]


def forged(offset: int, value: bytes) -> bytes:
    """A header with other bytes at one place and digests that fit."""
    head = bytearray(packed())
    head[offset : offset + len(value)] = value
    head[168:184] = frame_digest(head[:168])
    head[184:] = header_checksum(head[:184]).to_bytes(8, "little")
    return bytes(head)


def test_the_tables_of_the_document_are_those_of_the_code() -> None:
    assert table(FIELDS) in TEXT
    assert table(INDEX_FIELDS) in TEXT


def test_the_numbers_of_the_document_are_those_of_the_code() -> None:
    assert SYNC_MARK.hex(" ").upper() in TEXT
    for kind in RecordKind:
        assert re.search(rf"^\| {kind.value} \| {kind.name.lower()}", TEXT, re.MULTILINE)
    assert f"version {layout.FORMAT_MAJOR}.{layout.FORMAT_MINOR}" in TEXT


def test_a_header_comes_back_equal() -> None:
    frame = sample_frame(5000, 9).header
    record = frame_record(NAME, 5, bytes(range(16)), frame)
    head, chain = pack_header(record)
    assert len(head) == HEADER_BYTES
    assert parse_header(head) == record._replace(chain=chain)
    assert parse_header(head).frame() == frame
    assert record.total_bytes == 4096 + 8192


def test_every_bit_of_a_header_is_covered() -> None:
    head = packed()
    for bit in range(HEADER_BYTES * 8):
        flipped = bytearray(head)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DamageError):
            parse_header(bytes(flipped))


@pytest.mark.parametrize(
    ("offset", "value"),
    [(8, b"\2\0"), (16, b"\x80\0\0\0"), (12, b"\x63\0")],
    ids=["newer major", "unknown critical feature", "unknown kind"],
)
def test_what_a_newer_program_wrote_is_refused(offset: int, value: bytes) -> None:
    with pytest.raises(FormatError, match="newer"):
        parse_header(forged(offset, value))


@pytest.mark.parametrize(
    ("offset", "value"),
    [(10, b"\5\0"), (20, b"\7\0\0\0"), (12, b"\x80\0")],
    ids=["newer minor", "optional feature", "optional kind"],
)
def test_what_is_optional_is_accepted(offset: int, value: bytes) -> None:
    parse_header(forged(offset, value))


@pytest.mark.parametrize(
    ("offset", "value"),
    [
        (96, b"\xff\xff\xff\xff"),
        (96, b"\0\0\0\x80"),
        (100, b"\0\0\0\0"),
        (104, b"\xff\xff\xff\xff"),
        (116, b"\0\0\0\0"),
        (116, b"\1\2\0\0"),
        (116, b"\0\0\0\x80"),
        (14, b"\0\0"),
        (136, b"\1"),
    ],
)
def test_lengths_that_cannot_be_are_damage(offset: int, value: bytes) -> None:
    with pytest.raises(DamageError):
        parse_header(forged(offset, value))


def test_what_only_a_program_of_bad_intent_writes_is_damage() -> None:
    """Each is sound but for one thing, so that nothing else refuses it."""
    over = layout.PAYLOAD_BYTES_MAX + 4096
    chain = bytearray(packed())
    chain[168] ^= 1
    chain[184:] = header_checksum(bytes(chain[:184])).to_bytes(8, "little")
    for head, reason in (
        (forged(0, b"\x89FBK\r\n\x1a\r"), "sync mark"),
        (bytes(chain), "chain value"),
        (packed(payload_bytes=over, padded_bytes=over), "over the limit"),
        (packed(ordinal=layout.ORDINALS_MAX), "has no record"),
    ):
        with pytest.raises(DamageError, match=reason):
            parse_header(head)


def test_a_header_that_is_cut_off_is_damage() -> None:
    for length in (0, 7, 8, 184, HEADER_BYTES - 1):
        with pytest.raises(DamageError, match="no record begins here"):
            parse_header(packed()[:length])


def test_an_index_of_more_rows_than_a_segment_has_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(layout, "ROWS_MAX", 3)
    assert len(parse_index(bytes(3 * INDEX_ROW.size), 3)) == 3
    with pytest.raises(DamageError, match="3 are possible"):
        parse_index(bytes(4 * INDEX_ROW.size), 4)


def test_an_index_comes_back_equal_and_has_as_many_rows_as_announced() -> None:
    rows = [IndexRow(4096 * n, n + 1, sample_frame(100, n).header) for n in range(5)]
    payload = pack_index(rows)
    assert len(payload) == 5 * INDEX_ROW.size
    assert parse_index(payload, 5) == rows
    for count in (4, 6, 1 << 31):
        with pytest.raises(DamageError):
            parse_index(payload, count)
