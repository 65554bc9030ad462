"""Which of several media that hold the same frames reads the next one.

At first they take turns.  Once it shows how fast each is, a frame goes to the one that will have
read it first with what it has to read already: so they are read at the sum of their rates, and one
that is so slow that the others would wait for it is left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from flowbackup.units import MIB

LEARN_BYTES = 2 * MIB
"""Less says nothing about a rate.  The first frame of a medium, which may have to spin up or to be
found on a far node, is not measured."""
REMEMBERED_BYTES = 256 * MIB
"""Older measures count less and less: a disk that others use, too, is not always as fast."""


@dataclass(slots=True)
class _Medium:
    owes_bytes: int = 0
    frames: int = 0
    measured_bytes: float = 0.0
    busy_seconds: float = 0.0
    busy_since: float = 0.0


class Sharing:
    """The media of one restore.  Times are of a clock that only goes forward."""

    def __init__(self) -> None:
        self._media: defaultdict[bytes, _Medium] = defaultdict(_Medium)
        self._offered: Sequence[bytes] = ()

    @property
    def is_learning(self) -> bool:
        """Of the media that could have had the last frame, one is too new to say how fast it is."""
        return any(self._media[medium].measured_bytes < LEARN_BYTES for medium in self._offered)

    def pick(self, media: Sequence[bytes], size_bytes: int) -> bytes:
        """media: equal ones, in the order of their turn.  One of unknown rate is given little at a
        time."""
        self._offered = media if len(media) > 1 else ()
        seconds = {medium: self._seconds(medium, size_bytes) for medium in media}
        unknown = [medium for medium in media if seconds[medium] is None]
        for medium in unknown:
            if self._media[medium].owes_bytes < LEARN_BYTES:
                return medium
        known = [(value, turn) for turn, m in enumerate(media) if (value := seconds[m]) is not None]
        if known:
            return media[min(known)[1]]
        return max(media, key=lambda m: (self._media[m].frames, -self._media[m].owes_bytes))

    def begun(self, medium: bytes, size_bytes: int, now: float) -> None:
        """It has this to read, too."""
        state = self._media[medium]
        if not state.owes_bytes:
            state.busy_since = now
        state.owes_bytes += size_bytes

    def done(self, medium: bytes, size_bytes: int, now: float) -> None:
        """It has read that, or failed to."""
        state = self._media[medium]
        state.owes_bytes -= size_bytes
        state.frames += 1
        if state.frames > 1:
            state.measured_bytes += size_bytes
            state.busy_seconds += now - state.busy_since
        state.busy_since = now
        if state.measured_bytes > REMEMBERED_BYTES:
            state.measured_bytes /= 2
            state.busy_seconds /= 2

    def dropped(self, medium: bytes, size_bytes: int) -> None:
        """It need not read that any more."""
        self._media[medium].owes_bytes -= size_bytes

    def _seconds(self, medium: bytes, size_bytes: int) -> float | None:
        """Until it would have read so much more, None while nobody knows."""
        state = self._media[medium]
        if state.measured_bytes < LEARN_BYTES:
            return None
        rate = state.busy_seconds / state.measured_bytes
        return (state.owes_bytes + size_bytes) * rate
