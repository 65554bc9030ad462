"""Small chunks kept aside out of frames that a restore will come back to.

A version that shares most of its content with many earlier ones has it here and there: one file in
a frame of the first day, the next in one of yesterday.  So who leaves a frame keeps what the
entries to come need of it, within a bound of memory: a frame is then read and opened once for
thousands of entries, and not for every one of them.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import NamedTuple

from flowbackup.frame.seal import Content
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry
from flowbackup.model.ids import FrameId
from flowbackup.units import MIB

KEPT_BYTES_MAX = 64 * MIB
CHUNK_BYTES_MAX = MIB
"""What is larger is worth the frame that it lies in."""

_Place = tuple[FrameId, int]


class _Want(NamedTuple):
    """place: the number of the entry."""

    place: int
    ref: ChunkRef


@dataclass(slots=True)
class _Kept:
    """place: the number of the last entry that wants it."""

    place: int
    data: bytes
    name_key: bytes


def is_small(entry: Entry) -> bool:
    """A file that is one small chunk: only of such is anything kept."""
    return len(entry.chunks) == 1 and entry.chunks[0].size <= CHUNK_BYTES_MAX


class Gleaning:
    """What entries to come want of frames, and what was kept for them.  Not for several threads."""

    def __init__(self) -> None:
        self._wants: dict[FrameId, list[_Want]] = {}
        self._kept: dict[_Place, _Kept] = {}
        self._passing: list[tuple[int, _Place]] = []
        self.bytes = 0
        """Kept now."""

    def want(self, place: int, ref: ChunkRef) -> bool:
        """Entry `place` will want this chunk.  False if nobody else wanted anything of the frame
        since it was left."""
        wants = self._wants.setdefault(ref.frame, [])
        wants.append(_Want(place, ref))
        return len(wants) > 1

    def kept(self, ref: ChunkRef) -> Content | None:
        """The chunk, not checked; None if it was not kept."""
        kept = self._kept.get((ref.frame, ref.offset))
        return None if kept is None else Content(memoryview(kept.data), kept.name_key)

    def leave(self, frame: FrameId, content: Content | None, place: int) -> int | None:
        """Keeps what entries from `place` on want of a frame that is at hand; of one that could not
        be had (None) nothing.  Those whose turn comes first go first.  Returns the first entry for
        which there is no room."""
        self._let_go(place)
        wants = self._wants.pop(frame, [])
        if content is None:
            return None
        for number, want in enumerate(wants):
            if want.place >= place and not self._keep(want, content):
                self._wants[frame] = wants[number:]
                return want.place
        return None

    def prune(self, place: int) -> None:
        """Forgets what entries before `place` wanted, as those that were left as they are."""
        self._let_go(place)
        over = [frame for frame, wants in self._wants.items() if wants[-1].place < place]
        for frame in over:
            del self._wants[frame]

    def _keep(self, want: _Want, content: Content) -> bool:
        """False if there is no room for it."""
        place, ref = want
        key = ref.frame, ref.offset
        known = self._kept.get(key)
        if known is not None:
            known.place = max(known.place, place)
            return True
        if self.bytes + ref.size > KEPT_BYTES_MAX:
            return False
        data = content.data[ref.offset : ref.offset + ref.size].tobytes()
        self._kept[key] = _Kept(place, data, content.name_key)
        self.bytes += len(data)
        heapq.heappush(self._passing, (place, key))
        return True

    def _let_go(self, place: int) -> None:
        while self._passing and self._passing[0][0] < place:
            _, key = heapq.heappop(self._passing)
            last = self._kept[key].place
            if last < place:
                self.bytes -= len(self._kept.pop(key).data)
            else:
                heapq.heappush(self._passing, (last, key))
