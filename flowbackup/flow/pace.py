"""When the next frame may go over a coupling with a rate limit."""

from __future__ import annotations

from typing import NamedTuple

from flowbackup.model.rate import RateSchedule

CATCH_UP_SECONDS = 0.25
"""Who wakes up late makes up for it, so that the mean is what was asked for; a longer pause, in
which nothing was there to send, counts for nothing."""


class Moment(NamedTuple):
    """now: seconds of a clock that only goes forward.  day, minute: by the clock on the wall."""

    now: float
    day: int
    minute: int


class Pace:
    """One coupling.  Bytes that were sent push the time at which the next may go."""

    __slots__ = ("_due", "_schedule")

    def __init__(self, schedule: RateSchedule) -> None:
        self._schedule = schedule
        self._due = 0.0

    @property
    def is_limited(self) -> bool:
        return self._schedule.is_limited

    def wait_seconds(self, moment: Moment) -> float:
        """How long until the next frame may go; 0 if it may go now."""
        if not self._schedule.rate_at(moment.day, moment.minute):
            return 0.0
        return max(0.0, self._due - moment.now)

    def sent(self, size_bytes: int, moment: Moment) -> None:
        """So much goes now."""
        rate = self._schedule.rate_at(moment.day, moment.minute)
        begun = max(self._due, moment.now - CATCH_UP_SECONDS)
        self._due = begun + size_bytes / rate if rate else moment.now
