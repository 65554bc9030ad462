"""How far a restore reads ahead of what it is asked for: events in, a yes or no out.

Frames that are to come lie on one medium or on several.  Ahead of the reader there are enough of
them that every medium has some to read, and no more than memory was set aside for.  Who asks for
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
FRAMES_PER_MEDIUM = 4
"""Ahead with several media, for each of them: one that holds every fourth frame has one to read."""
BYTES_MAX = 256 * MIB
"""Content of frames ahead, whatever their number; one frame may always be."""
_FRAMES_MAX = 32
_RECENT = 32
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

    @property
    def has_room(self) -> bool:
        """May one more be begun?"""
        if not self._begun:
            return True
        media = len({medium for media in self._recent for medium in media})
        limit = FRAMES_FIRST if media < 2 else FRAMES_PER_MEDIUM * media
        return len(self._begun) < min(self._depth, limit) and self._bytes < BYTES_MAX

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
            self._depth = min(self._depth + 1, _FRAMES_MAX)

    def passed(self, place: int) -> list[FrameId]:
        """Everything before this place has been asked for, or will not be: those are returned."""
        over = [frame for frame, begun in self._begun.items() if begun.place < place]
        for frame in over:
            self._bytes -= self._begun.pop(frame).size_bytes
            self._depth = FRAMES_FIRST
        return over
