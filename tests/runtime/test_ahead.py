"""Frames read ahead in threads of each medium: what is begun when, for whom, and what fails where.

What is begun is decided while somebody asks, so it is compared exactly; nothing waits for a clock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

from flowbackup.errors import DamageError, NotFoundError
from flowbackup.flow.read_ahead import BYTES_MAX, FRAMES_FIRST
from flowbackup.frame.seal import Content
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.ids import FrameId
from flowbackup.runtime.reading import gleaning
from flowbackup.runtime.reading.ahead import FRAMES_KEPT, READS_AT_A_TIME, FramesAhead, Reading
from flowbackup.runtime.reading.upcoming import ENTRIES_AHEAD_MAX, Upcoming
from flowbackup.units import MIB

WAIT_SECONDS_MAX = 30
"""Only a failing test waits so long."""
FRAME_BYTES = 8 * MIB
AHEAD_MAX = BYTES_MAX // FRAME_BYTES


def frame(number: int) -> FrameId:
    return FrameId(b"s" * 16, 1, number)


def entry(*numbers: int) -> Entry:
    """A file with a chunk in each of these frames."""
    chunks = tuple(ChunkRef(bytes(32), 1, frame(number), 0) for number in numbers)
    return Entry(b"file", EntryKind.FILE, 0o600, size=len(chunks), chunks=chunks)


class Media:
    """Frame n lies on the medium that the n-th letter of `layout` names, again and again."""

    def __init__(self, layout: str) -> None:
        self.layout = layout
        self.prepared: list[int] = []
        self.reading: list[int] = []
        self.bad: dict[int, Exception] = {}
        self.gates = {name: threading.Event() for name in layout}
        self.changed = threading.Condition()
        for gate in self.gates.values():
            gate.set()
        self.frames = FramesAhead(self.prepare, clock=lambda: 0.0)

    def prepare(self, wanted: FrameId) -> Reading:
        number = wanted.sequence
        self.prepared.append(number)
        if number in self.bad:
            raise self.bad[number]
        name = self.layout[number % len(self.layout)]

        def read(medium: bytes) -> Content:
            assert medium == name.encode()
            with self.changed:
                self.reading.append(number)
                self.changed.notify_all()
            assert self.gates[name].wait(WAIT_SECONDS_MAX)
            return Content(memoryview(b"%d" % number))

        return Reading((name.encode(),), FRAME_BYTES, read)

    def wait_reading(self, *numbers: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: {*numbers} <= {*self.reading}, WAIT_SECONDS_MAX)

    def content(self, number: int) -> bytes:
        return bytes(self.frames.payload(frame(number)).data)


@pytest.fixture
def media(request: pytest.FixtureRequest) -> Iterator[Media]:
    made = Media(request.param)
    yield made
    for gate in made.gates.values():
        gate.set()
    made.frames.close()


@pytest.mark.parametrize("media", ["AAB"], indirect=True)
def test_a_medium_that_hangs_keeps_no_other_waiting(media: Media) -> None:
    media.gates["A"].clear()
    entries = media.frames.following([entry(*range(9))])
    next(entries)
    with ThreadPoolExecutor(1) as asking:
        asked = asking.submit(media.content, 0)
        # Both threads of A are stuck, and B reads what is its own.
        media.wait_reading(0, 1, 2)
        assert not asked.done()
        media.gates["A"].set()
        assert asked.result() == b"0"


@pytest.mark.parametrize("media", ["AAAB"], indirect=True)
def test_a_medium_with_every_fourth_frame_always_has_some_to_read(media: Media) -> None:
    entries = media.frames.following([entry(*range(2 * AHEAD_MAX))])
    next(entries)
    for number in range(16):
        assert media.content(number) == b"%d" % number
    assert media.prepared == list(range(16 + AHEAD_MAX))
    # Though A reads nothing more, B reads all that is begun of its own.
    media.gates["A"].clear()
    media.wait_reading(*(number for number in media.prepared if number % 4 == 3))


@pytest.mark.parametrize("media", ["A"], indirect=True)
def test_one_medium_is_read_by_few_at_a_time(media: Media) -> None:
    media.gates["A"].clear()
    entries = media.frames.following([entry(*range(9))])
    next(entries)
    with ThreadPoolExecutor(1) as asking:
        asked = asking.submit(media.content, 0)
        media.wait_reading(*range(READS_AT_A_TIME))
        assert len(media.reading) == READS_AT_A_TIME
        media.gates["A"].set()
        assert asked.result() == b"0"
    assert media.prepared == list(range(1 + FRAMES_FIRST))


@pytest.mark.parametrize("media", ["AB"], indirect=True)
def test_each_frame_is_read_once_in_whatever_order_it_is_needed(media: Media) -> None:
    order = [5, 0, 5, 0, 1, 7, 1]
    entries = media.frames.following([entry(5, 0), entry(5), entry(0, 0, 1), entry(7, 1)])
    given = [media.content(chunk.frame.sequence) for each in entries for chunk in each.chunks]
    assert given == [b"%d" % number for number in [5, 0, 5, 0, 0, 1, 7, 1]]
    assert media.prepared == list(dict.fromkeys(order))


@pytest.mark.parametrize("media", ["AB"], indirect=True)
def test_nothing_is_read_that_no_entry_needs(media: Media) -> None:
    assert media.content(3) == b"3"
    for each in media.frames.following([entry(1), entry(8)]):
        for chunk in each.chunks:
            media.content(chunk.frame.sequence)
    assert media.prepared == [3, 1, 8]


@pytest.mark.parametrize("media", ["AB"], indirect=True)
def test_a_frame_that_cannot_be_had_fails_who_asks_for_it_and_nobody_else(media: Media) -> None:
    media.bad[2] = NotFoundError("nobody has it")
    entries = media.frames.following([entry(*range(6))])
    next(entries)
    assert media.content(0) == b"0"
    assert 2 in media.prepared
    assert media.content(1) == b"1"
    with pytest.raises(NotFoundError, match="nobody has it"):
        media.content(2)
    assert [media.content(number) for number in (3, 4, 5)] == [b"3", b"4", b"5"]


@pytest.mark.parametrize("media", ["A"], indirect=True)
def test_what_was_foreseen_and_left_out_is_forgotten(media: Media) -> None:
    entries = media.frames.following([entry(number) for number in range(8)])
    assert len(list(islice(entries, 6))) == 6
    media.content(0)
    assert media.prepared == [0, 1, 2]
    # Files that are there already: nobody asks for their frames.
    media.frames.restored(5)
    assert media.content(5) == b"5"
    assert media.prepared == [0, 1, 2, 5, 6, 7]
    media.content(1)
    assert media.prepared[-1] == 1


@pytest.mark.parametrize("media", ["A"], indirect=True)
def test_few_frames_are_kept_behind(media: Media) -> None:
    for number in range(FRAMES_KEPT + 1):
        media.content(number)
    for number in range(FRAMES_KEPT, 0, -1):
        media.content(number)
    assert media.prepared == list(range(FRAMES_KEPT + 1))
    media.content(0)
    assert media.prepared[-1] == 0


@pytest.mark.parametrize("media", ["A"], indirect=True)
def test_what_no_entry_needs_any_more_is_not_kept_behind(media: Media) -> None:
    numbers = [0, 1, 0, 2, *range(3, 9)]
    for count, taken in enumerate(media.frames.following(map(entry, numbers)), 1):
        (chunk,) = taken.chunks
        media.content(chunk.frame.sequence)
        media.frames.restored(count)
    assert media.prepared == list(range(9)), "what comes again was kept"
    behind = [7, 6]
    for number in behind:
        media.content(number)
    assert media.prepared[9:] == behind


@pytest.mark.parametrize("media", ["A"], indirect=True)
def test_what_is_needed_again_is_kept_within_a_bound(media: Media) -> None:
    numbers = [*range(FRAMES_KEPT + 2)] * 2
    for count, taken in enumerate(media.frames.following([entry(n, n) for n in numbers]), 1):
        media.content(taken.chunks[0].frame.sequence)
        media.frames.restored(count)
    assert media.prepared.count(0) == 2 and media.prepared.count(FRAMES_KEPT + 1) == 1


@pytest.mark.parametrize("media", ["A"], indirect=True)
def test_what_found_no_room_aside_is_read_again_ahead(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gleaning, "KEPT_BYTES_MAX", 0)
    list(media.frames.following([entry(number) for number in (0, 1, 2, 3, 0)]))
    for number in range(3):
        media.content(number)
        media.frames.restored(number + 1)
    assert media.prepared == [0, 1, 2, 3, 0]


def test_a_frame_is_needed_as_a_whole_for_what_is_no_small_file() -> None:
    upcoming = Upcoming([entry(0), entry(0, 1), entry(1)])
    list(upcoming.entries())
    for restored, needed in enumerate([(0, 1), (0, 1), ()]):
        upcoming.restored(restored)
        assert tuple(n for n in range(2) if upcoming.needs_whole(frame(n))) == needed
    assert upcoming.needs(frame(1))


def test_a_frame_that_is_needed_again_is_told_in_its_turn() -> None:
    upcoming = Upcoming([entry(0), entry(1), entry(0), entry(2)])
    assert upcoming.next_frame() == (1, frame(0))
    assert upcoming.next_frame() == (2, frame(1))
    list(upcoming.entries())
    upcoming.need_again(frame(0), 3)
    assert [upcoming.next_frame() for _ in range(3)] == [(3, frame(0)), (4, frame(2)), None]


def test_frames_are_needed_up_to_the_last_entry_that_has_them() -> None:
    upcoming = Upcoming([entry(0, 1), entry(1), entry(0), entry(2)])
    assert not upcoming.needs(frame(0)), "nobody has looked yet"
    taken = upcoming.entries()
    for number, needed in enumerate([(0, 1, 2), (0, 1, 2), (0, 2), (2,), ()]):
        upcoming.restored(number)
        next(taken, None)
        assert tuple(n for n in range(3) if upcoming.needs(frame(n))) == needed


def test_entries_fail_where_they_should_have_come() -> None:
    def failing() -> Iterator[Entry]:
        yield entry(1)
        yield entry(2)
        raise DamageError("a page of the manifest")

    upcoming = Upcoming(failing())
    entries = upcoming.entries()
    assert next(entries) == entry(1)
    assert [upcoming.next_frame() for _ in range(3)] == [(1, frame(1)), (2, frame(2)), None]
    assert next(entries) == entry(2)
    with pytest.raises(DamageError, match="page"):
        next(entries)


def test_entries_without_content_are_not_gathered_without_end() -> None:
    taken = 0

    def empty() -> Iterator[Entry]:
        nonlocal taken
        for _ in range(3 * ENTRIES_AHEAD_MAX):
            taken += 1
            yield entry()

    upcoming = Upcoming(empty())
    entries = upcoming.entries()
    next(entries)
    assert upcoming.next_frame() is None
    assert taken == ENTRIES_AHEAD_MAX + 1
    assert len(list(entries)) == 3 * ENTRIES_AHEAD_MAX - 1


def test_entries_may_be_taken_far_ahead_of_their_restore() -> None:
    upcoming = Upcoming([entry(number) for number in range(4)])
    assert len(list(upcoming.entries())) == 4
    assert upcoming.next_frame() == (1, frame(0)) and upcoming.place == 1
    upcoming.restored(2)
    # What was passed by is not told any more.
    assert upcoming.next_frame() == (3, frame(2)) and upcoming.place == 3
