"""Walking a segment whose records are sound and are not those that a writer would write there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup.errors import DamageError
from flowbackup.media.layout import RecordKind, SegmentName, pack_header, plain_record
from flowbackup.media.segments.scan import Damage, FoundRecord, Standing, committed_end, groups
from flowbackup.media.segments.scan import walk as walk_source
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.testing.frames import sample_frame, sample_id
from flowbackup.units import round_up

BLOCK = 512
NAME = SegmentName(sample_id(7), 1, 1, BLOCK)
NOISE = bytes(sample_frame(BLOCK).payload)
SEGMENT, DATA, COMMIT, INDEX, FOOTER = (
    RecordKind.SEGMENT, RecordKind.DATA, RecordKind.COMMIT, RecordKind.INDEX, RecordKind.FOOTER,
)  # fmt: skip
Found = list[FoundRecord | Damage]


class Written:
    """A segment of records that follow each other, but for what a test changes in one."""

    def __init__(self, *kinds: RecordKind) -> None:
        self.data = b""
        self.begins: list[int] = []
        self._ordinal, self._chain = 0, bytes(16)
        for kind in kinds:
            self.put(kind)

    def put(self, kind: int, payload: bytes = b"", **changes: object) -> None:
        header = plain_record(
            NAME, self._ordinal, self._chain, RecordKind.DATA, sample_id(1), payload, sequence=1
        )._replace(kind=kind, **changes)
        head, self._chain = pack_header(header)
        self.add(head.ljust(BLOCK, b"\0") + payload.ljust(round_up(len(payload), BLOCK), b"\0"))
        self._ordinal = header.ordinal + 1

    def add(self, data: bytes) -> None:
        self.begins.append(len(self.data))
        self.data += data

    def source(self, place: Path, *, sealed: bool = False) -> SegmentSource:
        path = place / "segment"
        path.write_bytes(self.data)
        return SegmentSource(str(path), NAME, sealed=sealed, device="nas")


def walk(
    place: Path, written: Written, *, sealed: bool = False, payloads: bool = False
) -> list[int | tuple[int, int, str]]:
    """Where records begin; where damage begins and ends, and what it is."""
    with written.source(place, sealed=sealed) as source:
        return [
            item.offset if isinstance(item, FoundRecord) else (item.offset, item.end, item.reason)
            for item in walk_source(source, payloads=payloads)
        ]


def cut_off_header(written: Written) -> None:
    written.put(DATA)
    written.data = written.data[: written.begins[-1] + 200]


def cut_off_payload(written: Written) -> None:
    written.put(DATA, NOISE + NOISE)
    written.data = written.data[:-BLOCK]


@pytest.mark.parametrize(
    ("kinds", "change", "reason"),
    [
        ([SEGMENT], cut_off_header, "the block of the header is cut off"),
        ([SEGMENT], cut_off_payload, "the record ends behind the end of the file"),
        ([SEGMENT], lambda w: w.put(DATA, segment=7), "a record of segment 7, epoch 1 stands here"),
        (
            [SEGMENT],
            lambda w: w.put(DATA, medium=sample_id(8)),
            "a record of segment 1, epoch 1 of another medium stands here",
        ),
        ([SEGMENT], lambda w: w.put(DATA, block_bytes=1024), "the record is of 1024-byte blocks"),
        ([SEGMENT], lambda w: w.put(DATA, ordinal=2), "the chain is broken"),
        ([SEGMENT], lambda w: w.put(DATA, previous=sample_id(3)), "the chain is broken"),
        ([SEGMENT, FOOTER], lambda w: w.put(DATA), "a record stands behind the footer"),
        ([], lambda w: w.put(DATA), "the file does not begin with its segment record"),
        ([], lambda w: w.put(SEGMENT, ordinal=1), "the file does not begin with its segment"),
        ([], lambda w: w.put(SEGMENT, previous=sample_id(3)), "the file does not begin with its"),
    ],
)
def test_a_record_that_does_not_belong_where_it_stands(
    tmp_path: Path, kinds: list[RecordKind], change: Callable[[Written], None], reason: str
) -> None:
    written = Written(*kinds)
    change(written)
    *sound, damage = walk(tmp_path, written)
    assert sound == written.begins[:-1]
    assert isinstance(damage, tuple)
    assert damage[:2] == (written.begins[-1], len(written.data))
    assert damage[2].startswith(reason)


def test_payloads_and_their_padding_are_checked(tmp_path: Path) -> None:
    """What is no frame is a record nevertheless: its header says what it says."""
    written = Written(SEGMENT)
    for kind in (DATA, INDEX):
        written.put(kind, b"content", digest=sample_id(3))
    written.put(DATA, b"content")
    written.data = written.data[:-1] + b"x"
    written.put(DATA, b"content")
    first, frame, index, padded, last = written.begins
    wrong = "the payload does not match its digest"
    assert walk(tmp_path, written, payloads=True) == [
        first, (frame, index, wrong), (index, padded, wrong), index,
        (padded, last, "the padding behind the payload is not zero"), last,
    ]  # fmt: skip
    assert walk(tmp_path, written) == written.begins


def test_the_way_is_found_again_only_at_what_may_stand_there(tmp_path: Path) -> None:
    """Not at a record that is older than those before, and not at one of an optional kind."""
    written = Written(SEGMENT, DATA)
    written.add(NOISE)
    copy = written.data[written.begins[1] : written.begins[2]]
    written.add(copy)
    written.put(200)
    written.put(DATA, ordinal=9)
    first, frame, noise, _, _, last = written.begins
    *sound, damage, behind = walk(tmp_path, written)
    assert (sound, behind) == ([first, frame], last)
    assert isinstance(damage, tuple) and damage[:2] == (noise, last)


@pytest.mark.parametrize("sealed", [True, False])
def test_what_is_missing_at_the_end_is_told(tmp_path: Path, sealed: bool) -> None:
    """Of an unfinished segment nothing is, but noise and a gap are damage there, too."""
    missing = "the file ends before its footer"
    for kinds in ([], [SEGMENT], [SEGMENT, DATA, COMMIT]):
        written = Written(*kinds)
        end = len(written.data)
        assert walk(tmp_path, written, sealed=sealed)[len(kinds) :] == (
            [(end, end, missing)] if sealed else []
        )
        written.add(bytes(4 * BLOCK))
        assert bool(walk(tmp_path, written, sealed=sealed)[len(kinds) :]) == sealed
        if kinds:
            written.put(DATA)
            assert len(walk(tmp_path, written)) == len(kinds) + 2
        written.add(NOISE)
        *_, last = walk(tmp_path, written, sealed=sealed)
        assert isinstance(last, tuple) and last[1] == len(written.data)
    whole = Written(SEGMENT, FOOTER)
    assert walk(tmp_path, whole, sealed=True) == whole.begins


def test_groups_are_as_sure_as_what_stands_behind_them(tmp_path: Path) -> None:
    """Damage behind a commit says nothing of its sync, a sound record or a sealed file does."""

    def standings(written: Written, *, sealed: bool = False) -> list[tuple[int, Standing]]:
        with written.source(tmp_path, sealed=sealed) as source:
            return [(len(group), standing) for group, standing in groups(source)]

    written = Written(SEGMENT, DATA, COMMIT)
    assert standings(written) == [(3, Standing.COMMITTED)]
    # Then its end was cut off, and that is told as damage: see `walk`.
    assert standings(written, sealed=True) == [(3, Standing.PROVEN), (1, Standing.PROVEN)]
    written.add(NOISE)
    assert standings(written) == [(3, Standing.COMMITTED), (1, Standing.OPEN)]
    written = Written(SEGMENT, DATA, COMMIT, INDEX, FOOTER)
    assert standings(written) == [(3, Standing.PROVEN), (2, Standing.OPEN)]
    assert standings(written, sealed=True) == [(3, Standing.PROVEN), (2, Standing.PROVEN)]


def test_an_unfinished_segment_is_cut_behind_what_may_be_believed(tmp_path: Path) -> None:
    def kept(written: Written) -> int:
        with written.source(tmp_path) as source:
            return committed_end(source)

    assert kept(Written(SEGMENT, DATA)) == BLOCK
    again = Written(SEGMENT, DATA, COMMIT, SEGMENT, DATA)
    assert kept(again) == again.begins[3], "the first record is the first of the file"
    headless = Written()
    headless.add(NOISE)
    assert kept(headless) == 0
    headless.put(DATA, ordinal=1)
    assert kept(headless) == 0


@pytest.mark.parametrize("sealed", [True, False])
def test_a_place_that_cannot_be_read_is_damage_and_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sealed: bool
) -> None:
    written = Written(SEGMENT)
    written.put(DATA, b"content")
    read, bad = SegmentSource.read, range(written.begins[1] + BLOCK, len(written.data))

    def failing(source: SegmentSource, offset: int, size_bytes: int) -> memoryview:
        if bad.start < offset + size_bytes and offset < bad.stop:
            raise DamageError("it cannot be read")
        return read(source, offset, size_bytes)

    monkeypatch.setattr(SegmentSource, "read", failing)
    unreadable = (written.begins[1], len(written.data), "it cannot be read")
    ends = (len(written.data),) * 2
    missing = [(*ends, "the file ends before its footer")] if sealed else []
    assert walk(tmp_path, written, sealed=sealed, payloads=True) == [0, unreadable, *missing]
    bad = range(written.begins[1], len(written.data))
    assert walk(tmp_path, written, sealed=sealed, payloads=True) == [0, unreadable]
