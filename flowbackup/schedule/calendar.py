"""When a graph runs: a time as systemd's OnCalendar= has it, and the same for cron.

Only what both can say: who reads "Mon..Fri 02:30" need not know which of them runs it.
See systemd.time(7) and crontab(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowbackup.errors import UsageError

WORDS = {
    "minutely": "*:*",
    "hourly": "*:00",
    "daily": "*-*-* 00:00",
    "weekly": "Mon *-*-* 00:00",
    "monthly": "*-*-01 00:00",
    "quarterly": "*-01,04,07,10-01 00:00",
    "semiannually": "*-01,07-01 00:00",
    "yearly": "*-01-01 00:00",
    "annually": "*-01-01 00:00",
}
EXAMPLES = 'write it as in "02:30", "Mon..Fri 22:00", "*:0/15", "*-*-01 04:00" or "daily"'
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PART = re.compile(r"(\*|\d{1,2})(?:\.\.(\d{1,2}))?(?:/(\d{1,2}))?", re.ASCII)
_LIMITS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12)}


@dataclass(frozen=True, slots=True)
class Calendar:
    """cron: its five fields, minute, hour, day, month and weekday."""

    cron: str

    @property
    def text(self) -> str:
        """The same for OnCalendar=, in the forms that every systemd reads."""
        minute, hour, day, month, weekday = self.cron.split()
        numbers = [] if weekday == "*" else [int(number) for number in weekday.split(",")]
        days = ",".join(_DAYS[number - 1][:3].title() for number in numbers)
        date = f"*-{_for_systemd(month, 'month')}-{_for_systemd(day, 'day')}"
        time = f"{_for_systemd(hour, 'hour')}:{_for_systemd(minute, 'minute')}:00"
        return " ".join(part for part in (days, date, time) if part)


def parse_calendar(text: str) -> Calendar:
    """Raises UsageError for what is no time, or one that cron cannot say."""
    plain = " ".join(text.split())
    words = WORDS.get(plain.lower(), plain).split(" ")
    weekday = _weekdays(words.pop(0), text) if words[0][:1].isalpha() else "*"
    date = words.pop(0) if words and "-" in words[0] else "*-*"
    time = words.pop(0) if words and ":" in words[0] else ("00:00" if not words else "")
    if words or not time or not plain:
        raise _fault(text, "is no time")
    day, month = _date(date, text)
    hour, minute = _time(time, text)
    if day != "*" and weekday != "*":
        raise _fault(text, "names a weekday and a day of the month, of which cron takes either")
    return Calendar(" ".join((minute, hour, day, month, weekday)))


def _fault(text: str, why: str) -> UsageError:
    return UsageError(f'"{text}" {why}', remedy=EXAMPLES)


def _for_systemd(field: str, kind: str) -> str:
    """A step of systemd's begins at a number."""
    return field.replace("*/", f"{_LIMITS[kind][0]}/").replace("-", "..")


def _date(date: str, text: str) -> tuple[str, str]:
    parts = date.split("-")
    if len(parts) == 3 and parts.pop(0) != "*":
        raise _fault(text, "names a year, of which cron knows none")
    if len(parts) != 2:
        raise _fault(text, "is no time")
    return _field("day", parts[1], text), _field("month", parts[0], text)


def _time(time: str, text: str) -> tuple[str, str]:
    parts = time.split(":")
    if len(parts) == 3 and parts.pop() not in ("0", "00"):
        raise _fault(text, "names seconds, of which cron knows none")
    if len(parts) != 2:
        raise _fault(text, "is no time")
    return _field("hour", parts[0], text), _field("minute", parts[1], text)


def _field(kind: str, written: str, text: str) -> str:
    """One field of cron.  A step behind a number goes on to the end of the field."""
    low, high = _LIMITS[kind]
    parts: list[str] = []
    for part in written.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _fault(text, "is no time")
        first, last, step = match.groups()
        numbers = [int(number) for number in (first, last) if number not in (None, "*")]
        is_every = first == "*"
        if (
            (is_every and last is not None)
            or not all(low <= number <= high for number in numbers)
            or numbers != sorted(numbers)
            or (step is not None and int(step) == 0)
        ):
            raise _fault(text, f"has no {kind} {part}")
        ends = "*" if is_every else "-".join(map(str, numbers))
        if step is None:
            parts.append(ends)
        else:
            parts.append(f"{ends if is_every or last else f'{ends}-{high}'}/{int(step)}")
    return "*" if "*" in parts else ",".join(parts)


def _weekdays(written: str, text: str) -> str:
    """Sunday is 0; "Sat..Mon" goes over the end of the week."""
    found: set[int] = set()
    for part in written.split(","):
        first, dots, last = part.partition("..")
        begin = _weekday(first, text)
        end = _weekday(last, text) if dots else begin
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    numbers = sorted((number + 1) % 7 for number in found)
    return "*" if len(numbers) == 7 else ",".join(map(str, numbers))


def _weekday(written: str, text: str) -> int:
    """From Monday, which is 0."""
    name = written.lower()
    for number, day in enumerate(_DAYS):
        if name in (day, day[:3]):
            return number
    raise _fault(text, f"has no weekday {written}" if written else "is no time")
