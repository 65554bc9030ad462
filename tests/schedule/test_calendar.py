"""Times: what systemd and cron make of them is the same."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from flowbackup.errors import UsageError
from flowbackup.schedule.calendar import WORDS, parse_calendar
from tests.schedule.programs import needed

TIMES = {
    "02:30": "30 2 * * *",
    "Mon..Fri 22:00": "0 22 * * 1,2,3,4,5",
    "sat,Sunday 1:05:00": "5 1 * * 0,6",
    "Sat..Mon 1:00": "0 1 * * 0,1,6",
    "*:0/15": "0-59/15 * * * *",
    "*:*/20": "*/20 * * * *",
    "8..18/2:00": "0 8-18/2 * * *",
    "*-*-01 04:00": "0 4 1 * *",
    "*-1,7-1..7/3": "0 0 1-7/3 1,7 *",
    "Sun": "0 0 * * 0",
    "Mon..Sun 3:00": "0 3 * * *",
    "3,*:00": "0 * * * *",
    **dict.fromkeys(("daily", " Daily "), "0 0 * * *"),
}
NO_TIMES = (
    "", "x", "1", "25:00", "2:60", "Mon *-*-01 1:00", "2026-01-01 1:00", "1:00:30", "1:00 UTC",
    "*:0/0", "5..1:00", "*-0-1 0:00", "*-13-1", "*-*-32", "Mon..", "..Mon", "-", "*..3:00",
    "1:00 2:00", "1::", "--", "1/:00", ":", "٣:00",
)  # fmt: skip


@pytest.mark.parametrize(("text", "cron"), TIMES.items())
def test_a_time_in_the_words_of_cron(text: str, cron: str) -> None:
    assert parse_calendar(text).cron == cron


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_told(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_calendar(text)
    assert f'"{text}"' in caught.value.message and "02:30" in caught.value.remedy


@pytest.mark.parametrize("text", [*TIMES, *WORDS])
def test_systemd_and_cron_mean_the_same_moments(text: str) -> None:
    """The first forty moments that systemd tells are the first forty of a naive cron."""
    needed("systemd-analyze")
    calendar = parse_calendar(text)
    told = subprocess.run(
        ["systemd-analyze", "calendar", "--iterations=40", "--base-time=2026-03-01 00:00:30 UTC",
         calendar.text], capture_output=True, text=True, check=True, env={"TZ": "UTC"},
    ).stdout  # fmt: skip
    marks = ("Next elapse:", "Iter. #", "Iteration #")
    moments = [
        datetime.strptime(line.split(": ")[1].strip()[4:], "%Y-%m-%d %H:%M:%S UTC")
        for line in told.splitlines()
        if line.strip().startswith(marks)
    ]
    assert len(moments) == 40
    assert moments == cron_moments(calendar.cron, 40)


def cron_moments(cron: str, count: int) -> list[datetime]:
    """By looking at each minute, or at one of each day where all lie in the same."""
    minute, hour, *_ = cron.split()
    first = datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None)
    step = timedelta(minutes=1)
    if minute.isdigit() and hour.isdigit():
        first, step = first.replace(hour=int(hour), minute=int(minute)), timedelta(days=1)
    found: list[datetime] = []
    moment = first
    while len(found) < count:
        if moment > datetime(2026, 3, 1) and matches(cron, moment):
            found.append(moment)
        moment += step
    return found


def matches(cron: str, moment: datetime) -> bool:
    values = (
        moment.minute, moment.hour, moment.day, moment.month, moment.isoweekday() % 7
    )  # fmt: skip
    lowest = (0, 0, 1, 1, 0)
    fields = zip(cron.split(), values, lowest, strict=True)
    return all(
        any(in_part(part, value, low) for part in field.split(",")) for field, value, low in fields
    )


def in_part(part: str, value: int, lowest: int) -> bool:
    ends, _, step = part.partition("/")
    first, _, last = ends.partition("-")
    low, high = (lowest, 99) if first == "*" else (int(first), int(last or first))
    return low <= value <= high and (value - low) % int(step or 1) == 0
