"""A medium read in parts: whoever reads all parts has seen what he sees who reads the whole."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest

from flowbackup.media.checks.medium_verifier import MediumVerifier, StretchReport
from flowbackup.media.layout import IndexRow, RecordKind, pack_index
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments import segment
from flowbackup.media.segments.record_file import RecordFile
from flowbackup.media.segments.scan import Damage
from flowbackup.media.segments.segment import SegmentWriter
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.model import stretch
from tests.media.media_samples import make_device, only_segment, write_groups

BLOCK = 512
UNIT = 4096
GROUPS = [[700, 2048], [300], [6000, 10, 512], [0, 1500], [9000], [100]]


@pytest.fixture(autouse=True)
def _small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "STRETCH_BYTES", UNIT)


def verifier(place: Path) -> MediumVerifier:
    return MediumVerifier(make_device(place))


def alone(place: Path) -> list[StretchReport]:
    """Each stretch read by itself, the last one first."""
    reader = verifier(place)
    return [r for s in reversed(reader.survey().stretches) for r in reader.read([s])]


def damages(reports: Iterable[StretchReport]) -> set[Damage]:
    return {damage for report in reports for damage in report.damages}


def frames(reports: Iterable[StretchReport]) -> list[StoredFrame]:
    return sorted((f for r in reports for f in r.frames), key=lambda f: f.place.offset)


def test_every_frame_is_found_in_one_stretch(memory_path: Path) -> None:
    written = [f for g in write_groups(make_device(memory_path), GROUPS) for f in g]
    reports = alone(memory_path)
    assert len(reports) > 5
    assert frames(reports) == written
    assert damages(reports) == set()
    for report in reports:
        begin, border = report.stretch.begin, report.stretch.border
        assert all(begin <= frame.place.offset < border for frame in report.frames)


@pytest.mark.parametrize("step", [41, pytest.param(5, marks=pytest.mark.slow)])
def test_a_flipped_byte_is_found_by_the_stretch_that_it_is_in(memory_path: Path, step: int) -> None:
    write_groups(make_device(memory_path), GROUPS)
    path = only_segment(memory_path)
    path.chmod(0o600)
    data = path.read_bytes()
    reader = verifier(memory_path)
    stretches = reader.survey().stretches
    with path.open("r+b", buffering=0) as file:
        for offset in range(0, len(data), step):
            byte = data[offset]
            os.pwrite(file.fileno(), bytes([byte ^ 1 << offset % 8]), offset)
            whole = damages(reader.read(stretches))
            assert any(d.offset <= offset < d.end for d in whole), offset
            # It is enough to read the stretch in which the damage begins.
            near = [s for s in stretches if any(s.begin <= d.offset < s.border for d in whole)]
            assert near
            parts = damages(report for s in near for report in reader.read([s]))
            assert any(d.offset <= offset < d.end for d in parts), offset
            os.pwrite(file.fileno(), bytes([byte]), offset)
    assert damages(alone(memory_path)) == set()


def test_no_more_is_read_than_was_asked_for(
    memory_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_groups(make_device(memory_path), [[20_000]] * 12)
    size_bytes = only_segment(memory_path).stat().st_size
    read: list[tuple[int, int]] = []
    plain = SegmentSource.read

    def counted(self: SegmentSource, offset: int, size: int) -> memoryview:
        read.append((offset, size))
        return plain(self, offset, size)

    monkeypatch.setattr(SegmentSource, "read", counted)
    reader = verifier(memory_path)
    asked = reader.survey().stretches[12:18]
    reports = list(reader.read(asked))
    assert [report.stretch for report in reports] == list(asked)
    assert len(frames(reports)) == 1
    payloads = [size for _, size in read if size > 4 * BLOCK]
    assert payloads == [20_480]
    assert sum(size for _, size in read) < size_bytes // 4


@pytest.mark.parametrize("frames_of_group", [1, 2, 3])
def test_every_byte_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames_of_group: int
) -> None:
    """Also with what is read ahead: commit records stand between the groups."""
    monkeypatch.setattr(stretch, "STRETCH_BYTES", 64 << 20)
    write_groups(make_device(tmp_path, block_bytes=4096), [[1 << 20] * frames_of_group] * 6)
    sources: list[SegmentSource] = []
    plain = SegmentSource.__init__

    def noted(self: SegmentSource, *arguments: object, **options: object) -> None:
        sources.append(self)
        plain(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(SegmentSource, "__init__", noted)
    reader = verifier(tmp_path)
    assert damages(reader.read(reader.survey().stretches)) == set()
    (source,) = sources
    # What is read ahead overlaps by a block, index and footer are looked at first.
    assert source.bytes_read <= source.size + 4096 * (6 * frames_of_group + 12)


def test_a_broken_link_is_found_at_the_border_of_stretches(memory_path: Path) -> None:
    """The second half of a segment, put in the place of that of another of the same name."""
    for name, size in (("one", 2560), ("other", 2559)):
        device = make_device(memory_path / name)
        # Both media have the same UUID, so that only the chain can tell.
        label = (memory_path / "one" / "flowbackup.label").read_bytes()
        (memory_path / name / "flowbackup.label").write_bytes(label)
        (first, *_), *_ = write_groups(device, [[size], [1000]])
        assert first.place.offset + BLOCK + 2560 == UNIT
    paths = [only_segment(memory_path / name) for name in ("one", "other")]
    one, other = (path.read_bytes() for path in paths)
    assert len(one) == len(other)
    paths[1].chmod(0o600)
    paths[1].write_bytes(one[:UNIT] + other[UNIT:])
    at_border = [d for d in damages(alone(memory_path / "other")) if d.offset == UNIT]
    assert ["the chain is broken" in damage.reason for damage in at_border] == [True]


def test_damage_in_front_of_a_stretch_is_no_damage_of_it(memory_path: Path) -> None:
    """The header of the last frame before it is gone, from where its reader wanted to start."""
    written = [f for g in write_groups(make_device(memory_path), GROUPS) for f in g]
    reader = verifier(memory_path)
    stretches = reader.survey().stretches
    path = only_segment(memory_path)
    path.chmod(0o600)
    tried = 0
    for before, stretch_ in pairwise(stretches):
        last = [f for f in written if f.place.offset < stretch_.begin][-1]
        here = [f for f in written if stretch_.begin <= f.place.offset < stretch_.border]
        if last.place.offset < before.begin or not here:
            continue
        with path.open("r+b", buffering=0) as file:
            header = os.pread(file.fileno(), BLOCK, last.place.offset)
            os.pwrite(file.fileno(), bytes(BLOCK), last.place.offset)
            (report,) = reader.read([stretch_])
            os.pwrite(file.fileno(), header, last.place.offset)
        assert (report.frames, report.damages) == (tuple(here), ())
        tried += 1
    assert tried


@pytest.mark.parametrize("bits", [0x01, 0xFF])
def test_a_damaged_index_is_told_and_the_stretches_are_read_all_the_same(
    memory_path: Path, bits: int
) -> None:
    written = [f for g in write_groups(make_device(memory_path), GROUPS) for f in g]
    path = only_segment(memory_path)
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[-BLOCK] ^= bits
    path.write_bytes(data)
    reports = alone(memory_path)
    assert frames(reports) == written
    assert all(damage.offset >= len(data) - BLOCK for damage in damages(reports))
    assert damages(reports)


def test_an_index_that_lists_something_else_is_told_by_the_stretch_that_it_is_wrong_about(
    memory_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All digests are right: the writer itself was wrong."""

    def wrong(rows: list[IndexRow]) -> bytes:
        other = rows[4].frame._replace(sequence=99)
        return pack_index([*rows[:4], rows[4]._replace(frame=other), *rows[5:]])

    monkeypatch.setattr(segment, "pack_index", wrong)
    written = [f for g in write_groups(make_device(memory_path), GROUPS) for f in g]
    reports = alone(memory_path)
    assert frames(reports) == written
    (report,) = (report for report in reports if report.damages)
    assert report.stretch.begin <= written[4].place.offset < report.stretch.border
    assert "lists other frames" in report.damages[0].reason


def test_a_footer_that_counts_otherwise_than_the_index_is_told(
    memory_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = SegmentWriter._append_plain

    def wrong(
        self: SegmentWriter, file: RecordFile, kind: RecordKind, *rest: bytes, **more: int
    ) -> None:
        if kind == RecordKind.FOOTER:
            more["chunk_count"] += 1
        plain(self, file, kind, *rest, **more)

    monkeypatch.setattr(SegmentWriter, "_append_plain", wrong)
    write_groups(make_device(memory_path), GROUPS)
    reader = verifier(memory_path)
    (damage,) = damages(reader.read(reader.survey().stretches))
    assert "the footer counts other frames" in damage.reason


def test_an_unfinished_segment_is_read_as_a_whole(memory_path: Path) -> None:
    groups = write_groups(make_device(memory_path), GROUPS, seal=False)
    reader = verifier(memory_path)
    stretches = reader.survey().stretches
    reports = list(reader.read(stretches[2:3]))
    assert [report.stretch for report in reports] == list(stretches)
    assert frames(reports) == [f for group in groups for f in group]


def test_a_segment_that_goes_away_is_damage_of_the_medium(memory_path: Path) -> None:
    write_groups(make_device(memory_path), GROUPS)
    reader = verifier(memory_path)
    stretches = reader.survey().stretches
    only_segment(memory_path).unlink()
    reports = list(reader.read(stretches))
    assert [report.stretch for report in reports] == list(stretches)
    (damage,) = damages(reports)
    assert (damage.segment, damage.offset, damage.end) == (1, 0, stretches[-1].end)


def test_two_files_of_one_segment_are_told(memory_path: Path) -> None:
    write_groups(make_device(memory_path), GROUPS)
    sealed = only_segment(memory_path)
    sealed.with_suffix(".part").write_bytes(b"")
    survey = verifier(memory_path).survey()
    (damage,) = survey.damages
    assert damage.file.endswith(".part")
    assert survey.bytes_total == sealed.stat().st_size


def test_a_stretch_without_frames_tells_of_a_damaged_index_too(memory_path: Path) -> None:
    write_groups(make_device(memory_path), [[5 * UNIT]])
    path = only_segment(memory_path)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    reports = alone(memory_path)
    assert any(not report.frames for report in reports)
    assert all(report.damages for report in reports)
