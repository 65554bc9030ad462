"""The record of a freed segment: what is none, and what lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup.errors import DamageError
from flowbackup.media.labels.label import read_label
from flowbackup.media.layout import (
    FILE_BYTES_MAX,
    NO_CHAIN,
    RecordHeader,
    RecordKind,
    SegmentName,
    plain_record,
)
from flowbackup.media.segments import freed as freed_module
from flowbackup.media.segments.freed import FreedNote, pack_freed, read_freed
from flowbackup.media.segments.scan import read_header
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.model.freed import FreedSegment
from flowbackup.testing.frames import sample_id
from tests.media.media_samples import SESSION, make_device, only_segment, write_groups

BLOCK = 512
OTHERS = (sample_id(7), sample_id(8))
Spoil = Callable[[bytes], bytes]


@pytest.fixture
def place(memory_path: Path) -> Path:
    write_groups(make_device(memory_path / "m"), [[700]])
    return memory_path / "m"


def read(place: Path, data: bytes | None = None, *, sealed: bool = True) -> FreedNote | None:
    """What the one segment of a medium says, with that content."""
    if data is not None:
        only_segment(place).chmod(0o600)
        only_segment(place).write_bytes(data)
    with opened(place, sealed=sealed) as source:
        return read_freed(source)


def opened(place: Path, *, sealed: bool = True) -> SegmentSource:
    name = SegmentName(read_label(str(place), "nas").label.medium, 1, 1, BLOCK)
    return SegmentSource(str(only_segment(place)), name, sealed=sealed, device="nas", cached=True)


def packed(place: Path) -> bytes:
    freed = FreedSegment(1, 1, SESSION, 5, 0, 4096, OTHERS)
    return pack_freed(read_label(str(place), "nas").label, FreedNote(freed, []))


def test_what_was_never_freed_says_nothing(place: Path) -> None:
    whole = only_segment(place).read_bytes()
    with opened(place) as source:
        begin = read_header(source, 0).total_bytes
    assert read(place) is None
    assert read(place, b"") is None
    assert read(place, whole[:begin]) is None


def test_a_note_under_the_name_of_a_segment_without_a_seal_counts(place: Path) -> None:
    """Who freed such a one may have been killed before the note had its name."""
    only_segment(place).rename(only_segment(place).with_suffix(".part"))
    note = read(place, packed(place), sealed=False)
    assert note is not None and note.freed.size_bytes == 4096


def test_a_record_behind_that_of_another_segment_is_damage(place: Path) -> None:
    label = read_label(str(place), "nas").label
    note = FreedNote(FreedSegment(1, 1, SESSION, 5, 0, 4096, OTHERS), [])
    mine, other = pack_freed(label, note), pack_freed(replace(label, created_ns=1), note)
    assert read(place, mine) == note
    length = len(mine)
    begin = next(at for at in range(BLOCK, length, BLOCK) if mine[at:] != other[at:])
    with pytest.raises(DamageError, match="the chain is broken"):
        read(place, mine[:begin] + other[begin:])


def header(rows: int = 0) -> RecordHeader:
    name = SegmentName(sample_id(3), 1, 1, BLOCK)
    return plain_record(name, 1, NO_CHAIN, RecordKind.FREED, SESSION, b"", chunk_count=rows)


@pytest.mark.parametrize(
    ("size_bytes", "media", "spoil", "reason"),
    [
        (4096, 2, lambda data: data[:15], "too short"),
        (4096, 2, lambda data: data[:-1], "another length"),
        (4096, 2, lambda data: data + b"x", "another length"),
        (4096, 1, lambda data: data, "another length"),
        (FILE_BYTES_MAX + 1, 2, lambda data: data, "longer file"),
    ],
)
def test_a_record_that_lies_is_damage(
    size_bytes: int, media: int, spoil: Spoil, reason: str
) -> None:
    data = freed_module._HEAD.pack(size_bytes, media, 0) + b"".join(OTHERS)
    with pytest.raises(DamageError, match=reason):
        freed_module._parse(header(), spoil(data))


def test_a_record_that_does_not_lie_is_read() -> None:
    data = freed_module._HEAD.pack(FILE_BYTES_MAX, 2, 0) + b"".join(OTHERS)
    note = freed_module._parse(header(), data)
    assert (note.freed.size_bytes, note.freed.media, note.rows) == (FILE_BYTES_MAX, OTHERS, [])
