"""How far a restore reads ahead of what it is asked for: events in, a yes or no out.

Frames that are to come lie on one medium or on several.  Of one, few are begun ahead of who asks;
of several, so many that every medium has some to read, within a bound of memory.  Who asks for
something else than was foreseen, as a restore that leaves out most files, is read ahead for less.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection
from typing import NamedTuple

from flowbackup.model.ids import FrameId
from flowbackup.units import MIB

FRAMES_FIRST = 2
"""Ahead at first, and of a single medium: one is read while the one before it is opened."""
FRAMES_LEARNING = 4
"""Ahead while nobody knows how fast the media are: what is begun is not given to another one."""
BYTES_MAX = 256 * MIB
"""Content of frames ahead with several media; one frame may always be.  A group divides frames in
runs of a sync, so this has to hold several syncs of the slower ones and what comes between."""
_DEPTH_MAX = 1024
_RECENT = 64
"""So many frames back a medium still counts as one of those that are read."""


class _Begun(NamedTuple):
    place: int
    size_bytes: int


class ReadAhead:
    """The frames that are being read, or have been, and were not asked for yet."""

    def __init__(self) -> None:
        self._begun: OrderedDict[FrameId, _Begun] = OrderedDict()
        self._bytes = 0
        self._depth = FRAMES_FIRST
        self._recent: deque[Collection[bytes]] = deque(maxlen=_RECENT)

    def has_room(self, *, is_learning: bool = False) -> bool:
        """May one more be begun?  is_learning: see Sharing."""
        if not self._begun:
            return True
        media = {medium for media in self._recent for medium in media}
        depth = self._depth if len(media) > 1 else FRAMES_FIRST
        depth = min(depth, FRAMES_LEARNING) if is_learning else depth
        return len(self._begun) < depth and self._bytes < BYTES_MAX

    def __contains__(self, frame: FrameId) -> bool:
        return frame in self._begun

    def begun(self, frame: FrameId, place: int, media: Collection[bytes], size_bytes: int) -> None:
        """place: where in the order of asking it is needed first.  media: those that were as good
        as the one that reads it, with that one."""
        self._recent.append(media)
        self._begun[frame] = _Begun(place, size_bytes)
        self._bytes += size_bytes

    def asked(self, frame: FrameId) -> None:
        """It is not ahead any more.  What was foreseen right allows to foresee more."""
        if frame in self._begun:
            self._bytes -= self._begun.pop(frame).size_bytes
            self._depth = min(2 * self._depth, _DEPTH_MAX)

    def passed(self, place: int) -> list[FrameId]:
        """Everything before this place has been asked for, or will not be: those are returned."""
        over = [frame for frame, begun in self._begun.items() if begun.place < place]
        for frame in over:
            self._bytes -= self._begun.pop(frame).size_bytes
            self._depth = FRAMES_FIRST
        return over
