"""Hours of the week as written: "08:00-18:00", "mon-fri 22:00-06:00", "sat,sun 00:00-24:00"."""

from __future__ import annotations

import re

from flowbackup.model.rate import DAYS, MINUTES_PER_DAY, TimeWindow
from flowbackup.spec.names import shown

_WINDOW = re.compile(
    r"\s*(?:([a-z]{3}(?:[-,][a-z]{3})*)\s+)?(\d{2}):(\d{2})\s*-\s*(\d{2}):(\d{2})\s*", re.IGNORECASE
)
_TEXT_MAX = 64
_REMEDY = 'Write it as in "mon-fri 08:00-18:00"'


def parse_window(text: str) -> TimeWindow:
    """Raises ValueError "reason|remedy"."""
    match = _WINDOW.fullmatch(text) if len(text) <= _TEXT_MAX else None
    if match is None:
        raise ValueError(f'"{shown(text)}" names no hours|{_REMEDY}')
    days, *clock = match.groups()
    first, last = _minute(clock[0], clock[1], text), _minute(clock[2], clock[3], text)
    if first == last:
        raise ValueError(f'"{shown(text)}" begins when it ends|Write 00:00-24:00 for whole days')
    return TimeWindow(_days(days.lower(), text) if days else tuple(range(len(DAYS))), first, last)


def _minute(hour: str, minute: str, text: str) -> int:
    value = int(hour) * 60 + int(minute)
    if value > MINUTES_PER_DAY or int(minute) > 59:
        raise ValueError(f'"{shown(text)}" names a time that no clock shows|{_REMEDY}')
    return value


def _days(written: str, text: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in written.split(","):
        ends = [_day(name, text) for name in part.split("-")]
        if len(ends) > 2:
            raise ValueError(f'"{shown(text)}" names no days|{_REMEDY}')
        length = (ends[-1] - ends[0]) % len(DAYS)
        found.update((ends[0] + step) % len(DAYS) for step in range(length + 1))
    return tuple(sorted(found))


def _day(name: str, text: str) -> int:
    if name not in DAYS:
        raise ValueError(f'"{shown(text)}" names the day "{name}"|Write {", ".join(DAYS)}')
    return DAYS.index(name)
