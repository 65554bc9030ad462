"""A restore of content that lies here and there: how often a frame is read for it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from flowbackup.errors import DamageError
from flowbackup.frame.seal import Content
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.digest import chunk_digest
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.ids import FrameId
from flowbackup.restore.content import ContentSource
from flowbackup.runtime.reading.ahead import FramesAhead, Reading
from flowbackup.runtime.reading.gleaning import CHUNK_BYTES_MAX, KEPT_BYTES_MAX, Gleaning
from flowbackup.runtime.reading.upcoming import ENTRIES_AHEAD_MAX
from flowbackup.units import KIB

DAYS = 30
FILES = 2 * ENTRIES_AHEAD_MAX
"""Of which every fourth was changed on one of the days: as often as frames change without."""
SIZE = 4


class Medium:
    """Frames of known content; counts how often each is read."""

    def __init__(self) -> None:
        self.data: dict[FrameId, bytearray] = {}
        self.reads: Counter[FrameId] = Counter()
        self.frames = FramesAhead(self._prepare, clock=lambda: 0.0)

    def add(self, number: int, content: bytes) -> ChunkRef:
        """A chunk at the end of a frame."""
        frame = FrameId(b"s" * 16, 1, number)
        data = self.data.setdefault(frame, bytearray())
        data += content
        return ChunkRef(chunk_digest(content), len(content), frame, len(data) - len(content))

    def _prepare(self, frame: FrameId) -> Reading:
        def read(_: bytes) -> Content:
            self.reads[frame] += 1
            return Content(memoryview(bytes(self.data[frame])))

        return Reading((b"medium",), len(self.data[frame]), read)


@pytest.fixture
def medium() -> Iterator[Medium]:
    made = Medium()
    yield made
    made.frames.close()


def file(*chunks: ChunkRef) -> Entry:
    size = sum(chunk.size for chunk in chunks)
    return Entry(b"file", EntryKind.FILE, 0o600, size=size, chunks=chunks)


def restored(medium: Medium, entries: Sequence[Entry]) -> Iterator[bytes]:
    """Their contents, as a restore asks for them."""
    source = ContentSource(medium.frames, medium.frames)
    for number, entry in enumerate(medium.frames.following(entries), 1):
        data = source.at_once(entry)
        yield bytes(data) if data is not None else b"".join(source.runs(entry.chunks))
        medium.frames.restored(number)


def test_frames_of_many_days_are_read_a_few_times_and_not_for_every_file(medium: Medium) -> None:
    chance = random.Random(1)
    contents = [chance.randbytes(SIZE) for _ in range(FILES)]
    days = [chance.randrange(1, DAYS) if chance.random() < 0.25 else 0 for _ in range(FILES)]
    entries = [file(medium.add(*each)) for each in zip(days, contents, strict=True)]
    assert list(restored(medium, entries)) == contents
    assert len(medium.reads) == DAYS
    # Once for as many entries as are looked at beforehand, and at the beginning.
    assert max(medium.reads.values()) <= FILES // ENTRIES_AHEAD_MAX + 2


def test_what_lies_in_its_order_is_not_copied(medium: Medium) -> None:
    contents = [b"%04d" % number for number in range(4000)]
    entries = [file(medium.add(number // 100, each)) for number, each in enumerate(contents)]
    most = 0
    for content, given in zip(contents, restored(medium, entries), strict=True):
        assert given == content
        most = max(most, medium.frames.kept_bytes)
    assert most == 0
    assert set(medium.reads.values()) == {1}


def test_the_frame_from_which_a_restore_looks_aside_is_not_copied(medium: Medium) -> None:
    changed = 40
    entries = [
        file(medium.add(1 + number // 10 % 4 if number % 10 == 0 else 0, b"%04d" % number))
        for number in range(10 * changed)
    ]
    most = 0
    for number, given in enumerate(restored(medium, entries)):
        assert given == b"%04d" % number
        most = max(most, medium.frames.kept_bytes)
    assert 0 < most <= SIZE * changed
    # Once more where nobody knew yet that a restore would come back.
    assert medium.reads[entries[1].chunks[0].frame] == 1 and max(medium.reads.values()) <= 2


def test_a_file_of_several_chunks_gets_each_out_of_its_frame(medium: Medium) -> None:
    shared, other = medium.add(1, b"both"), medium.add(2, b"only")
    entries = [file(shared), file(other), file(shared), file(shared, other), file(other, shared)]
    expected = [b"both", b"only", b"both", b"bothonly", b"onlyboth"]
    assert list(restored(medium, entries)) == expected


def test_what_is_kept_is_checked_like_all_else(medium: Medium) -> None:
    first, second = medium.add(1, b"good"), medium.add(1, b"evil")
    between = medium.add(2, b"else")
    medium.data[second.frame][second.offset] ^= 1
    given = restored(medium, [file(first), file(between), file(second)])
    assert [next(given), next(given)] == [b"good", b"else"]
    with pytest.raises(DamageError, match="does not hold the chunk at 4"):
        next(given)
    assert medium.reads[second.frame] == 1


def refs(frame: FrameId, count: int, size: int) -> list[ChunkRef]:
    return [ChunkRef(bytes(32), size, frame, number * size) for number in range(count)]


def test_no_more_is_kept_than_there_is_room_for_and_first_what_is_wanted_first() -> None:
    gleaning, frame = Gleaning(), FrameId(b"s" * 16, 1, 1)
    count = KEPT_BYTES_MAX // CHUNK_BYTES_MAX
    wanted = refs(frame, count + 5, CHUNK_BYTES_MAX)
    content = Content(memoryview(bytes((count + 5) * CHUNK_BYTES_MAX)))
    heard = [gleaning.want(place, ref) for place, ref in enumerate(wanted, 1)]
    assert heard == [False] + [True] * (count + 4)
    assert gleaning.leave(frame, content, 1) == count + 1
    assert gleaning.bytes == KEPT_BYTES_MAX
    assert [gleaning.kept(ref) is not None for ref in wanted] == [True] * count + [False] * 5
    # The rest is wanted still, and finds room when the first ones are through.
    gleaning.leave(frame, content, 4)
    assert [gleaning.kept(ref) is not None for ref in wanted[:3]] == [False] * 3
    assert [gleaning.kept(ref) is not None for ref in wanted[-5:]] == [True] * 3 + [False] * 2
    assert gleaning.leave(frame, content, count + 6) is None
    assert gleaning.bytes == 0


def test_what_several_want_stays_for_the_last_of_them() -> None:
    gleaning, frame = Gleaning(), FrameId(b"s" * 16, 1, 1)
    (ref,) = refs(frame, 1, KIB)
    for place in (2, 9):
        gleaning.want(place, ref)
    gleaning.leave(frame, Content(memoryview(bytes(KIB))), 1)
    gleaning.prune(3)
    assert gleaning.kept(ref) is not None and gleaning.bytes == KIB
    gleaning.prune(10)
    assert gleaning.kept(ref) is None and gleaning.bytes == 0


def test_what_nobody_came_for_is_forgotten_with_its_turn() -> None:
    gleaning, frame = Gleaning(), FrameId(b"s" * 16, 1, 1)
    first, second = refs(frame, 2, KIB)
    gleaning.want(1, first)
    gleaning.prune(2)
    # As the first that is heard of its frame.
    assert gleaning.want(5, second) is False
    gleaning.leave(frame, None, 3)
    assert gleaning.kept(second) is None
