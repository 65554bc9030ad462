"""What is verified next, and what a verification makes of the copies."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import pytest

from flowbackup.catalog import Catalog
from flowbackup.catalog.rows import VerifiedRow
from flowbackup.model.device import FramePlace
from flowbackup.model.ids import FrameId
from flowbackup.model.stretch import STRETCH_BYTES, Stretch, stretches_of
from tests.catalog.conftest import frame, header, identifier, medium

INFO = medium(1)
SHARES = [Fraction(1), Fraction(1, 2), Fraction(2, 7), Fraction(1, 5), Fraction(1, 30)]
FRAMES = [frame(number) for number in range(4)]
SEGMENT = (3, 1)
"""Number and epoch."""


@dataclass(slots=True)
class Growing:
    """A medium that gets segments of random sizes; its last one may grow."""

    chance: random.Random
    sizes: list[int]

    def grow(self) -> None:
        for _ in range(self.chance.randrange(4)):
            self.sizes.append(self.chance.randrange(20 * STRETCH_BYTES))
        self.sizes[-1] += self.chance.choice([0, 1, STRETCH_BYTES])

    def stretches(self) -> list[Stretch]:
        return [s for number, size in enumerate(self.sizes) for s in stretches_of(number, 1, size)]


@pytest.fixture
def known(catalog: Catalog) -> Catalog:
    catalog.add_medium(INFO)
    return catalog


def verify(catalog: Catalog, stretches: list[Stretch]) -> Iterator[Stretch]:
    """Reads what is due, finding nothing."""
    for stretch in stretches:
        catalog.add_verified(INFO.medium, stretch, [], 7, {})
        yield stretch


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("seed", range(4))
def test_runs_of_a_share_cover_everything_however_the_medium_grows(
    known: Catalog, share: Fraction, seed: int
) -> None:
    place = Growing(random.Random(seed), [0, STRETCH_BYTES, STRETCH_BYTES * 3 + 1])
    for _ in range(3):
        missing = {stretch[:3] for stretch in place.stretches()}
        for _ in range(ceil(1 / share)):
            present = place.stretches()
            due = known.due_stretches(INFO.medium, present, share)
            total, read = (sum(s.size_bytes for s in part) for part in (present, due))
            assert total * share <= read < total * share + STRETCH_BYTES
            assert due == sorted(due)
            missing -= {stretch[:3] for stretch in verify(known, due)}
            place.grow()
        assert not missing, seed


def test_a_run_that_was_ended_is_taken_up_where_it_was_left(known: Catalog) -> None:
    present = list(stretches_of(1, 1, 10 * STRETCH_BYTES))
    half = Fraction(1, 2)
    due = known.due_stretches(INFO.medium, present, half)
    assert [s.number for s in due] == [0, 1, 2, 3, 4]
    list(verify(known, due[:2]))
    due = known.due_stretches(INFO.medium, present, half)
    assert [s.number for s in due] == [2, 3, 4, 5, 6]


def test_segments_that_are_gone_are_not_waited_for(known: Catalog) -> None:
    old, new = (list(stretches_of(number, 1, STRETCH_BYTES)) for number in (1, 2))
    known.due_stretches(INFO.medium, old + new, Fraction(1))
    assert known.due_stretches(INFO.medium, new, Fraction(1, 30)) == new


def hold(catalog: Catalog) -> list[tuple[FrameId, FramePlace]]:
    """Four frames in one segment, two in each of its first stretches."""
    offsets = (4096, STRETCH_BYTES - 4096, STRETCH_BYTES, 2 * STRETCH_BYTES - 1)
    found = [
        (f, FramePlace(INFO.medium, *SEGMENT, at)) for f, at in zip(FRAMES, offsets, strict=True)
    ]
    catalog.add_durable([(header(f, identifier(1)), place) for f, place in found])
    return found


def stretch(number: int, size_bytes: int = STRETCH_BYTES) -> Stretch:
    return Stretch(*SEGMENT, number, size_bytes)


def test_copies_that_are_not_found_do_not_count_until_they_are_found_again(known: Catalog) -> None:
    found = hold(known)
    extents = known.extents(INFO.medium)
    assert extents == {SEGMENT: 2 * STRETCH_BYTES - 1}
    lost = known.add_verified(INFO.medium, stretch(0), found[1:2], 5, extents)
    assert [(row.frame, row.place) for row in lost] == found[:1]
    assert known.verified(INFO.medium) == VerifiedRow(4, 2, 1, 0, 5)
    assert known.add_verified(INFO.medium, stretch(1), found[2:], 6, extents) == []
    assert known.add_verified(INFO.medium, stretch(0), found[:2], 7, extents) == []
    assert known.verified(INFO.medium) == VerifiedRow(4, 4, 0, 6, 7)


def test_another_frame_in_the_place_of_one_is_not_that_one(known: Catalog) -> None:
    (first, place), *_ = hold(known)
    other = [(frame(9), place)]
    extents = known.extents(INFO.medium)
    lost = known.add_verified(INFO.medium, stretch(0), other, 5, extents)
    assert lost[0].frame == first


def test_what_joins_while_a_medium_is_read_is_not_missed(known: Catalog) -> None:
    extents = known.extents(INFO.medium)
    hold(known)
    assert known.add_verified(INFO.medium, stretch(0), [], 5, extents) == []
    assert known.lose_absent(INFO.medium, [], extents) == []
    assert known.verified(INFO.medium).frames_damaged == 0


def test_a_stretch_that_has_grown_is_not_verified_behind_its_old_end(known: Catalog) -> None:
    found = hold(known)
    extents = known.extents(INFO.medium)
    known.add_verified(INFO.medium, stretch(0, 8192), found[:1], 5, extents | {SEGMENT: 4096})
    assert known.verified(INFO.medium) == VerifiedRow(4, 1, 0, 0, 5)


def test_copies_in_files_that_are_gone_or_short_are_lost(known: Catalog) -> None:
    hold(known)
    extents = known.extents(INFO.medium)
    present = [stretch(0), stretch(1, 100)]
    (row,) = known.lose_absent(INFO.medium, present, extents)
    assert (row.frame, row.place.offset) == (FRAMES[3], 2 * STRETCH_BYTES - 1)
    assert known.verified(INFO.medium).frames_damaged == 1
    (row,) = known.lose_absent(INFO.medium, [], extents)
    assert row.frame == FRAMES[0]
    assert known.verified(INFO.medium).frames_damaged == 4
