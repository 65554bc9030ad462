"""Which segments may make room, and what is known of those that did."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from flowbackup.catalog import Catalog
from flowbackup.catalog.missing import Wanted
from flowbackup.catalog.rows import KeepReason
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.frame import FrameKind
from flowbackup.model.freed import FreedSegment
from flowbackup.model.ids import NO_ID, FrameId, id_text
from flowbackup.model.report import DeviceReport, Outcome, SessionReport
from tests.catalog.conftest import (
    SESSION,
    directory_entry,
    file_entry,
    header,
    identifier,
    medium,
    paged,
    record,
)

FAST, SLOW, SLOW_TOO, TAPE = medium(1), medium(2), medium(3), medium(4)
SLOW_TOO = replace(SLOW_TOO, device=SLOW.device, location=SLOW.location)
"""Another medium of the same device."""
OLD, YOUNG = 1_000, 9_000
BEFORE = 5_000
RECORD = FrameId(SESSION, 0, 0)


def hold(catalog: Catalog, info: MediumInfo, frame: FrameId, segment: int = 1) -> FramePlace:
    place = FramePlace(info.medium, segment, 0, 4096 + frame.sequence * 16_384)
    object_id = NO_ID if frame == RECORD else identifier(700 + frame.stream)
    catalog.add_durable([(header(frame, object_id, FrameKind.DATA), place)])
    return place


def version(catalog: Catalog, number: int, frames: list[FrameId], finished_ns: int = OLD) -> None:
    """It refers to frames and has its manifest in the first of them."""
    entries = [directory_entry(b""), *(file_entry(b"%d" % n, f) for n, f in enumerate(frames))]
    made = record(identifier(number), frames[0], name=f"site{number}", finished_ns=finished_ns)
    catalog.add_version(made, paged(entries, 100, frames[0]))


@pytest.fixture
def known(catalog: Catalog) -> Catalog:
    for info in (FAST, SLOW, SLOW_TOO, TAPE):
        catalog.add_medium(info)
    catalog.begin_session(SESSION, "backup", "graph", "", "here", 1, "")
    return catalog


def frame(number: int, stream: int = 1) -> FrameId:
    return FrameId(SESSION, stream, number)


def keeps(catalog: Catalog, copies: int = 1) -> dict[int, KeepReason | None]:
    standings = catalog.standings(FAST.medium, copies, BEFORE)
    return {s.segment: None if s.keep is None else s.keep.reason for s in standings}


def test_a_segment_is_free_when_all_its_versions_are_elsewhere_and_old(known: Catalog) -> None:
    for number in range(4):
        hold(known, FAST, frame(number), segment=1 + number // 2)
    version(known, 1, [frame(0), frame(1), frame(2)])
    version(known, 2, [frame(2), frame(3)], finished_ns=BEFORE)
    assert keeps(known) == dict.fromkeys((1, 2), KeepReason.COPIES)
    for number in range(3):
        hold(known, SLOW, frame(number))
    assert keeps(known) == {1: None, 2: KeepReason.COPIES}
    (first, second) = known.standings(FAST.medium, 1, BEFORE)
    assert (first.frames, second.frames) == (2, 2)
    assert second.keep is not None and str(second.keep.version) == "web/site2@1"
    assert second.keep.number == 0
    hold(known, SLOW, frame(3))
    assert keeps(known) == {1: None, 2: None}
    assert keeps(known, copies=2) == dict.fromkeys((1, 2), KeepReason.COPIES)


def test_a_version_is_safe_as_a_whole_or_not_at_all(known: Catalog) -> None:
    """A part of it that lies on no staging device at all keeps it, too."""
    hold(known, FAST, frame(0))
    hold(known, SLOW, frame(0))
    version(known, 1, [frame(0), frame(1)])
    assert keeps(known) == {1: KeepReason.COPIES}


def test_a_later_version_that_needs_a_frame_keeps_it(known: Catalog) -> None:
    hold(known, FAST, frame(0))
    hold(known, SLOW, frame(0))
    version(known, 1, [frame(0)])
    assert keeps(known) == {1: None}
    version(known, 2, [frame(0)], finished_ns=YOUNG)
    assert keeps(known) == {1: KeepReason.YOUNG}
    (standing,) = known.standings(FAST.medium, 1, BEFORE)
    assert standing.keep is not None and standing.keep.number == YOUNG
    assert known.standings(FAST.medium, 1, YOUNG)[0].keep is None


def test_what_does_not_count_as_a_copy(known: Catalog) -> None:
    hold(known, FAST, frame(0))
    version(known, 1, [frame(0)])
    place = hold(known, SLOW, frame(0))
    known.mark_damaged(place)
    assert keeps(known) == {1: KeepReason.COPIES}
    hold(known, SLOW_TOO, frame(0))
    assert keeps(known) == {1: None}
    known.mark_damaged(place, damaged=False)
    assert keeps(known, copies=2) == {1: KeepReason.COPIES}, "two media of one device"
    hold(known, TAPE, frame(0))
    assert keeps(known, copies=2) == {1: None}
    elsewhere = replace(FAST, medium=identifier(77))
    known.add_medium(elsewhere)
    hold(known, elsewhere, frame(0))
    assert keeps(known, copies=3) == {1: KeepReason.COPIES}, "another medium of this very device"


def test_what_belongs_to_no_version_stays(known: Catalog) -> None:
    hold(known, FAST, frame(0))
    hold(known, SLOW, frame(0))
    assert keeps(known) == {1: KeepReason.NOBODY}
    hold(known, FAST, RECORD, segment=2)
    assert keeps(known)[2] is KeepReason.NOBODY
    hold(known, TAPE, RECORD)
    assert keeps(known) == {1: KeepReason.NOBODY, 2: None}


@pytest.mark.parametrize("seed", range(60))
def test_it_says_what_a_naive_model_says(known: Catalog, seed: int) -> None:
    random = Random(seed)
    segment_of = {frame(n): 1 + random.randrange(4) for n in range(12)}
    elsewhere = {f: set[bytes]() for f in segment_of}
    for f, segment in segment_of.items():
        hold(known, FAST, f, segment)
        for info in (SLOW, SLOW_TOO, TAPE):
            if random.random() < 0.85:
                place = hold(known, info, f)
                if random.random() < 0.1:
                    known.mark_damaged(place)
                else:
                    elsewhere[f].add(info.device.encode())
    needs: dict[FrameId, list[tuple[int, list[FrameId]]]] = {f: [] for f in segment_of}
    for number in range(1, 5):
        frames = random.sample(list(segment_of), random.randint(1, 4))
        finished_ns = random.choice((OLD, BEFORE, YOUNG))
        version(known, number, frames, finished_ns)
        for f in frames:
            needs[f].append((finished_ns, frames))
    for copies in (1, 2):
        expected = {
            segment: all(
                needs[f] and all(
                    time <= BEFORE and all(len(elsewhere[other]) >= copies for other in frames)
                    for time, frames in needs[f]
                )
                for f, s in segment_of.items() if s == segment
            )
            for segment in set(segment_of.values())
        }  # fmt: skip
        found = known.standings(FAST.medium, copies, BEFORE)
        assert {s.segment: s.keep is None for s in found} == expected
        assert all(a.segment < b.segment for a, b in pairwise(found))


# What was freed


FREED = FreedSegment(1, 0, identifier(50), 123, 2, 4567)


@pytest.fixture
def freed(known: Catalog) -> Catalog:
    """A version of two frames and the record of its session on FAST and SLOW; one segment of FAST,
    with the first frame and the record, was freed."""
    for number in range(2):
        hold(known, FAST, frame(number), segment=1 + number)
        hold(known, SLOW, frame(number))
    hold(known, FAST, RECORD)
    hold(known, SLOW, RECORD)
    version(known, 1, [frame(0), frame(1)])
    devices = tuple(
        DeviceReport(
            info.device, info.device, "backup", 0, "here", "complete", 0, 0, 0, id_text(info.medium)
        )
        for info in (FAST, SLOW)
    )  # fmt: skip
    known.end_session(
        SessionReport(
            id_text(SESSION), "backup", "graph", Outcome.SUCCESS, 0, "", 1, 0, 0, 0, 0, 0,
            devices=devices,
        ),
        2,
    )  # fmt: skip
    known.add_freed(FAST.medium, FREED)
    return known


def lacking(catalog: Catalog, info: MediumInfo = FAST, *, everything: bool = False) -> int:
    wanted = Wanted(info.medium, info.device, everything=everything)
    return catalog.find_missing([wanted])[info.medium].frames


def test_freed_copies_are_no_copies(freed: Catalog) -> None:
    (row,) = freed.versions()
    assert freed.copies_durable(row) == 1
    assert [(c.medium.device, c.frames_held) for c in freed.copies_of(row)] == [
        (SLOW.device, 2), (FAST.device, 1),
    ]  # fmt: skip
    told = {c.medium.device: (c.frames_held, c.frames_freed) for c in freed.copies_and_freed(row)}
    assert told == {SLOW.device: (2, 0), FAST.device: (1, 1)}
    assert freed.freed_segments(FAST.medium) == [FREED]
    assert freed.frames_in(FAST.medium, 1, 0) == set()
    assert freed.segments(FAST.medium) == [(1, 0), (2, 0)]
    freed.add_freed(FAST.medium, FREED)
    assert freed.freed_segments(FAST.medium) == [FREED]
    freed.check()


def test_a_medium_that_holds_nothing_more_is_still_told(freed: Catalog) -> None:
    freed.add_freed(FAST.medium, FREED._replace(segment=2))
    (row,) = freed.versions()
    assert [c.medium.device for c in freed.copies_of(row)] == [SLOW.device]
    told = {c.medium.device: (c.frames_held, c.frames_freed) for c in freed.copies_and_freed(row)}
    assert told == {SLOW.device: (2, 0), FAST.device: (0, 2)}


def test_nobody_misses_what_was_freed_unless_it_is_asked_for(freed: Catalog) -> None:
    assert lacking(freed) == 0
    assert lacking(freed, everything=True) == 2
    place = hold(freed, FAST, frame(0), segment=7)
    freed.mark_damaged(place)
    assert lacking(freed) == 2, "it was put there again, and is damaged: it and its record"


def test_damage_that_was_there_before_is_not_missed_either(freed: Catalog) -> None:
    """A copy that a repair had replaced by one in a segment that was freed since."""
    bad = hold(freed, FAST, frame(0), segment=0)
    freed.mark_damaged(bad)
    assert lacking(freed) == 0
