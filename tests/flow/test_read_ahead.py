"""Reading ahead: how far, from whom, and at what rate, on a clock of the test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush

import pytest

from flowbackup.flow.read_ahead import BYTES_MAX, FRAMES_FIRST, FRAMES_LEARNING, ReadAhead
from flowbackup.flow.sharing import LEARN_BYTES, Sharing
from flowbackup.model.ids import FrameId
from flowbackup.units import MIB

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16
FRAME_BYTES = 16 * MIB
BUFFERS, SYNC_FRAMES = 8, 2
"""Of an agent, as a graph has them that says nothing else."""
Stripes = Sequence[Sequence[bytes]]
"""Of each frame the media that hold it, equally good."""


def frame(number: int) -> FrameId:
    return FrameId(b"s" * 16, 1, number)


class Restore:
    """Asks for one frame after the other as soon as it is there.  Each medium reads what it was
    given in turn, at its rate in bytes per second."""

    def __init__(self, stripes: Stripes, rates: Mapping[bytes, float]) -> None:
        self.stripes, self.rates = stripes, rates
        self.window, self.sharing = ReadAhead(), Sharing()
        self.now = 0.0
        self.free = dict.fromkeys(rates, 0.0)
        self.reading: list[tuple[float, int, bytes]] = []
        self.ready: dict[int, float] = {}
        self.chosen: list[bytes] = []
        self.most_ahead = 0

    def begin(self, number: int, *, ahead: bool) -> None:
        media = self.stripes[number]
        turn = number % len(media)
        medium = self.sharing.pick([*media[turn:], *media[:turn]], FRAME_BYTES)
        self.sharing.begun(medium, FRAME_BYTES, self.now)
        self.free[medium] = max(self.now, self.free[medium]) + FRAME_BYTES / self.rates[medium]
        self.ready[number] = self.free[medium]
        self.chosen.append(medium)
        heappush(self.reading, (self.free[medium], number, medium))
        if ahead:
            self.window.begun(frame(number), number, media, FRAME_BYTES)

    def has_room(self) -> bool:
        return self.window.has_room(is_learning=self.sharing.is_learning)

    def run(self) -> float:
        """The seconds it took."""
        for number in range(len(self.stripes)):
            self.window.asked(frame(number))
            if number not in self.ready:
                self.begin(number, ahead=False)
            while self.has_room() and len(self.ready) < len(self.stripes):
                self.begin(len(self.ready), ahead=True)
            self.most_ahead = max(self.most_ahead, len(self.ready) - number - 1)
            while self.reading and self.reading[0][0] <= max(self.now, self.ready[number]):
                self.now, _, medium = heappop(self.reading)
                self.sharing.done(medium, FRAME_BYTES, self.now)
        return self.now


def striped(frames: int, rates: Mapping[bytes, float]) -> list[list[bytes]]:
    """As a backup has written them: each to the device with most free credit, which comes back when
    a sync is done."""
    credit = dict.fromkeys(rates, BUFFERS)
    free = dict.fromkeys(rates, 0.0)
    synced: list[tuple[float, bytes]] = []
    unsynced: Counter[bytes] = Counter()
    placed = []
    for _ in range(frames):
        if not any(credit.values()):
            _, medium = heappop(synced)
            credit[medium] += SYNC_FRAMES
        medium = max(credit, key=credit.__getitem__)
        credit[medium] -= 1
        free[medium] += 1 / rates[medium]
        unsynced[medium] += 1
        if unsynced[medium] == SYNC_FRAMES:
            unsynced[medium] = 0
            heappush(synced, (free[medium], medium))
        placed.append([medium])
    return placed


RATES = [
    {A: 100e6, B: 100e6},
    {A: 90e6, B: 30e6},
    {A: 100e6, B: 60e6, C: 40e6},
]


@pytest.mark.parametrize("rates", RATES)
def test_a_striped_version_is_read_at_the_sum_of_the_rates(rates: Mapping[bytes, float]) -> None:
    """Row 8."""
    stripes = striped(600, rates)
    shares = Counter(medium for (medium,) in stripes)
    # At first all of a group is equally free, so the slow ones have a little more than their part.
    longest = max(shares[medium] * FRAME_BYTES / rates[medium] for medium in rates)
    total = len(stripes) * FRAME_BYTES / sum(rates.values())
    assert total * 0.999 <= longest <= total * 1.05
    restore = Restore(stripes, rates)
    assert restore.run() <= longest * 1.02
    assert restore.most_ahead * FRAME_BYTES <= BYTES_MAX


@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize(("frames", "longer"), [(600, 1.02), (60, 1.15)])
def test_equal_copies_are_read_at_the_sum_of_the_rates(
    rates: Mapping[bytes, float], frames: int, longer: float
) -> None:
    """A short restore takes a little longer, because it has to find the rates first."""
    total = frames * FRAME_BYTES / sum(rates.values())
    assert total * 0.999 <= Restore([list(rates)] * frames, rates).run() <= total * longer


def test_a_copy_that_is_far_too_slow_keeps_nobody_waiting() -> None:
    rates = {A: 200e6, B: 2e6}
    restore = Restore([[A, B]] * 600, rates)
    alone = 600 * FRAME_BYTES / rates[A]
    # To find out, the slow one reads two.
    assert restore.run() <= alone + 2 * FRAME_BYTES / rates[B]
    assert restore.chosen.count(B) == 2


def test_equal_media_take_turns_until_their_rates_are_known() -> None:
    sharing, now = Sharing(), 0.0
    for size_bytes in (1, LEARN_BYTES - 1):
        assert sharing.pick([B, A], MIB) == B
        for medium, seconds in ((A, 1.0), (B, 2.0)):
            sharing.begun(medium, size_bytes, now)
            now += seconds
            sharing.done(medium, size_bytes, now)
    # The first frame of each was not measured.
    assert sharing.pick([B, A], MIB) == B
    for medium, seconds in ((A, 1.0), (B, 2.0)):
        sharing.begun(medium, LEARN_BYTES, now)
        now += seconds
        sharing.done(medium, LEARN_BYTES, now)
    assert sharing.pick([B, A], MIB) == A


def test_learning_ends_with_rates_or_without_a_choice() -> None:
    sharing = Sharing()
    assert not sharing.is_learning
    sharing.pick([A, B], MIB)
    assert sharing.is_learning
    sharing.pick([A], MIB)
    assert not sharing.is_learning
    for medium in (A, B):
        sharing.pick([A, B], MIB)
        assert sharing.is_learning
        for now in (0.0, 1.0):
            sharing.begun(medium, LEARN_BYTES, now)
            sharing.done(medium, LEARN_BYTES, now + 1)
    assert not sharing.is_learning
    window = ReadAhead()
    ahead = 0
    for number in range(9):
        window.asked(frame(number))
        ahead = max(ahead, number + 1)
        while window.has_room(is_learning=True):
            window.begun(frame(ahead), ahead, [A, B], MIB)
            ahead += 1
    assert ahead == 9 + FRAMES_LEARNING


def test_a_medium_of_unknown_rate_is_given_little_at_a_time() -> None:
    sharing = Sharing()
    assert sharing.pick([A, B], LEARN_BYTES) == A
    sharing.begun(A, LEARN_BYTES, 0.0)
    # Small frames do not change the turn, as a dry run foresees it.
    sharing.begun(B, LEARN_BYTES - 1, 0.0)
    assert sharing.pick([A, B], 1) == sharing.pick([B, A], 1) == B
    sharing.begun(B, 1, 0.0)
    assert sharing.pick([A, B], 1) == A and sharing.pick([B, A], 1) == B


def test_what_a_medium_owes_counts_and_what_it_was_spared_does_not() -> None:
    sharing = Sharing()
    for medium in (A, B):
        for now in (0.0, 1.0):
            sharing.begun(medium, LEARN_BYTES, now)
            sharing.done(medium, LEARN_BYTES, now + 1)
    sharing.begun(A, MIB, 2.0)
    assert sharing.pick([A, B], MIB) == B
    sharing.dropped(A, MIB)
    assert sharing.pick([A, B], MIB) == A


def test_an_idle_hour_makes_no_medium_slower() -> None:
    sharing, now = Sharing(), 0.0
    for _ in range(2):
        for medium in (A, B):
            sharing.begun(medium, LEARN_BYTES, now)
            now += 2.0 if medium == B else 1.0
            sharing.done(medium, LEARN_BYTES, now)
            now += 3600.0 if medium == A else 0.0
    assert sharing.pick([B, A], MIB) == A


def begun(
    window: ReadAhead, numbers: Iterable[int], media: Sequence[bytes], size_bytes: int
) -> int:
    """How many of them found room."""
    count = 0
    for number in numbers:
        if not window.has_room():
            break
        window.begun(frame(number), number, media, size_bytes)
        count += 1
    return count


def test_one_medium_is_read_a_little_ahead_however_long() -> None:
    window = ReadAhead()
    assert begun(window, range(100), [A], MIB) == FRAMES_FIRST
    for number in range(50):
        window.asked(frame(number))
        assert begun(window, range(number + FRAMES_FIRST, 100), [A], MIB) == 1


def test_foresight_that_was_right_goes_further_and_wrong_one_begins_anew() -> None:
    window = ReadAhead()
    ahead = begun(window, range(100), [A, B], MIB)
    for number, depth in enumerate((2, 4, 8, 16)):
        assert ahead == number + depth
        window.asked(frame(number))
        ahead += begun(window, range(ahead, 100), [A, B], MIB)
    assert window.passed(4) == [] and frame(4) in window
    # A restore that leaves out what was foreseen.
    assert window.passed(ahead) == [frame(number) for number in range(4, ahead)]
    assert frame(4) not in window
    assert begun(window, range(ahead, 100), [A, B], MIB) == FRAMES_FIRST


def test_memory_is_bounded_whatever_the_size_of_frames() -> None:
    for size_bytes, most in ((MIB // 2, 512), (64 * MIB, 4), (BYTES_MAX * 2, 1)):
        window, ahead = ReadAhead(), 0
        for number in range(40):
            window.asked(frame(number))
            ahead = max(ahead, number + 1)
            ahead += begun(window, range(ahead, 1000), [A, B, C], size_bytes)
            assert ahead - number - 1 <= most
        assert ahead == 40 + most


def test_what_was_not_foreseen_changes_nothing() -> None:
    window = ReadAhead()
    begun(window, range(FRAMES_FIRST), [A, B], MIB)
    window.asked(frame(77))
    assert not window.has_room() and frame(0) in window
