"""Entries on their way to a restore, and the frames that it will ask for because of them."""

from __future__ import annotations

import threading
from bisect import insort
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from flowbackup.model.entry import Entry
from flowbackup.model.ids import FrameId
from flowbackup.runtime.reading.gleaning import Gleaning, is_small

ENTRIES_AHEAD_MAX = 1 << 15
"""Looked at before their turn, which takes some 40 MiB: frames that are needed here and there are
read once for so many entries."""
_ENTRIES_AT_A_TIME = 64
_PRUNED_EVERY = 4096


class Needed(NamedTuple):
    """A frame, and the number of the entry that needs it first."""

    place: int
    frame: FrameId


class Upcoming:
    """Gives entries on in their order, and tells what those need that are not restored yet.  One
    thread takes the entries; any may ask for what is ahead.  gleaning: hears what small files want,
    under the lock of who asks."""

    def __init__(self, entries: Iterable[Entry], gleaning: Gleaning | None = None) -> None:
        self._source = iter(entries)
        self._gleaning = gleaning or Gleaning()
        self._lock = threading.Lock()
        self._waiting: deque[Entry] = deque()
        self._needed: deque[Needed] = deque()
        # The frame of the last chunk that was seen, and the number of the last entry that needs it;
        # the same of those before it, in the order of these numbers.
        self._last: FrameId | None = None
        self._last_place = 0
        self._behind: OrderedDict[FrameId, int] = OrderedDict()
        # The same of entries of which nothing is kept aside.
        self._whole: dict[FrameId, int] = {}
        self._pulled = self._restored = 0
        self._failure: BaseException | None = None

    @property
    def place(self) -> int:
        """The number of the first entry that is not restored yet."""
        return self._restored + 1

    def restored(self, count: int) -> None:
        """What so many entries needed has been asked for, or never will be."""
        self._restored = count

    def entries(self) -> Iterator[Entry]:
        """Each once.  Raises what their source raised, behind the last that it gave."""
        while self._waiting or self._fill():
            yield self._waiting.popleft()
        if self._failure is not None:
            raise self._failure

    def next_frame(self) -> Needed | None:
        """The next frame that was not told yet; None if there is none, or too far ahead."""
        with self._lock:
            self._forget()
            while not self._needed:
                if len(self._waiting) >= ENTRIES_AHEAD_MAX or not self._pull():
                    return None
            return self._needed.popleft()

    def look_far(self) -> None:
        """Takes in as many entries as may wait."""
        with self._lock:
            self._forget()
            while len(self._waiting) < ENTRIES_AHEAD_MAX and self._pull():
                pass

    def need_again(self, frame: FrameId, place: int) -> None:
        """The frame is told once more, for the entry of that number."""
        with self._lock:
            insort(self._needed, Needed(place, frame))

    def needs(self, frame: FrameId) -> bool:
        """Will an entry that is not restored yet need it, as far as they are looked at?"""
        with self._lock:
            here = frame == self._last
            return (self._last_place if here else self._behind.get(frame, 0)) > self._restored

    def needs_whole(self, frame: FrameId) -> bool:
        """As `needs`, but not for files that gleaning hears of."""
        with self._lock:
            return self._whole.get(frame, 0) > self._restored

    def _fill(self) -> bool:
        """Some entries more, if there are any: for the cost of one lock."""
        with self._lock:
            self._forget()
            for _ in range(_ENTRIES_AT_A_TIME):
                if not self._pull():
                    break
            return bool(self._waiting)

    def _forget(self) -> None:
        while self._needed and self._needed[0].place <= self._restored:
            self._needed.popleft()
        while self._behind and next(iter(self._behind.values())) <= self._restored:
            self._behind.popitem(last=False)

    def _pull(self) -> bool:
        """One entry more, if there is one."""
        if self._failure is not None:
            return False
        try:
            entry = next(self._source, None)
        except Exception as error:  # noqa: BLE001  raised again where its entry should have come
            self._failure = error
            return False
        if entry is None:
            return False
        self._pulled += 1
        self._waiting.append(entry)
        if self._pulled % _PRUNED_EVERY == 0:
            self._prune()
        is_heard_of = False
        if is_small(entry):
            is_heard_of = self._gleaning.want(self._pulled, entry.chunks[0])
        else:
            self._whole.update((chunk.frame, self._pulled) for chunk in entry.chunks)
        for chunk in entry.chunks:
            if chunk.frame != self._last:
                if self._last is not None:
                    self._behind[self._last] = self._last_place
                    self._behind.move_to_end(self._last)
                self._last, self._last_place = chunk.frame, self._pulled
                if not is_heard_of:
                    self._needed.append(Needed(self._pulled, chunk.frame))
        if entry.chunks:
            self._last_place = self._pulled
        return True

    def _prune(self) -> None:
        self._gleaning.prune(self.place)
        for frame in [frame for frame, last in self._whole.items() if last <= self._restored]:
            del self._whole[frame]
