"""How fast a coupling may be: a limit, and other limits at certain hours."""

from __future__ import annotations

from dataclasses import dataclass

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_PER_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Hours of some days of the week, by the clock of the machine that sends.

    days: from 0 for Monday.  Minutes of the day [first, last); last <= first goes on over midnight
    into the day after."""

    days: tuple[int, ...]
    first_minute: int
    last_minute: int

    def covers(self, day: int, minute: int) -> bool:
        if self.first_minute < self.last_minute:
            return day in self.days and self.first_minute <= minute < self.last_minute
        if minute >= self.first_minute:
            return day in self.days
        return minute < self.last_minute and (day - 1) % len(DAYS) in self.days


@dataclass(frozen=True, slots=True)
class RateSchedule:
    """Bytes per second; 0 is without limit.  The first window that covers a moment decides, else
    `limit` does."""

    limit: int = 0
    windows: tuple[tuple[TimeWindow, int], ...] = ()

    def rate_at(self, day: int, minute: int) -> int:
        return next(
            (rate for window, rate in self.windows if window.covers(day, minute)), self.limit
        )

    @property
    def is_limited(self) -> bool:
        return bool(self.limit or self.windows)


NO_LIMIT = RateSchedule()
