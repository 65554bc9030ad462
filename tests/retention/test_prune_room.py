"""Prune on media that are full: what a look foresees is what the run does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbackup.model.ids import id_text
from flowbackup.model.report import Outcome
from flowbackup.units import KIB, MIB
from tests.media.media_samples import EMPTY_BYTES
from tests.retention.keeping import Keeping

LARGE_BYTES = EMPTY_BYTES + 64 * MIB
SLACKS = (40 * KIB, 800 * KIB, 1160 * KIB, 1300 * KIB, 4 * MIB)
"""What is left on the medium of a set: for the record of what is forgotten, for no move as one
leaves a MiB free, for some, for all."""


def used(folder: Path, media_bytes: int) -> Keeping:
    """A medium of a set in each of whose segments something is needed no more."""
    keeping = Keeping(folder, media_bytes={"disk": media_bytes})
    for number, size in enumerate((30_000, 200_000, 400_000, 60_000)):
        keeping.write(f"stays{number}", size)
        keeping.write("changes", 100_000)
        keeping.backup()
    keeping.forget(*keeping.versions()[:-1])
    assert len(keeping.media()) == 1
    return keeping


@pytest.fixture
def sizes(memory_path: Path) -> Iterator[list[int]]:
    """Of media on which so much is left then."""
    (reader,) = used(memory_path / "measured", LARGE_BYTES).readers()
    taken_bytes = LARGE_BYTES - reader.info().free_bytes
    yield [taken_bytes + slack for slack in SLACKS]


def test_the_dry_run_says_what_a_full_medium_does(memory_path: Path, sizes: list[int]) -> None:
    """It says which segments stay because there is no room, and moves nothing there."""
    moved: list[tuple[int, bool]] = []
    for number, size in enumerate(sizes):
        keeping = used(memory_path / str(number), size)
        newest = keeping.versions()[-1]
        foreseen = keeping.prune(dry_run=True)
        report = keeping.prune()
        assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
        assert report.freed == foreseen.freed
        keeping.recovers(newest, keeping.tree)
        (freed,) = report.freed
        short = [kept for kept in freed.kept if kept.reason == "room"]
        moved.append((freed.moved_frames, not short))
        assert all(str(keeping.media()[0]) in kept.text for kept in short)
    frames = [count for count, _ in moved]
    assert frames == sorted(frames) and frames[0] == 0 and len({*frames}) > 2
    assert [is_all for _, is_all in moved] == [count == frames[-1] for count in frames]


def test_a_medium_with_no_room_for_a_record_stays_as_it_is(
    memory_path: Path, sizes: list[int]
) -> None:
    """What is forgotten cannot be told to it, and nothing goes before."""
    keeping = used(memory_path / "tight", sizes[0])
    filler = keeping.media()[0] / "filler"
    filler.write_bytes(bytes(20 * KIB))
    before = keeping.used_bytes()
    foreseen = keeping.prune(dry_run=True)
    report = keeping.prune()
    assert report.freed == foreseen.freed and keeping.used_bytes() == before
    assert "to tell the medium what is forgotten" in report.freed[0].kept[0].text
    assert keeping.judged() >= {id_text(keeping.versions()[-1].object_id)}
