"""A coupling with a rate limit: its mean is what was asked for, and the hour decides."""

from __future__ import annotations

import random

import pytest

from flowbackup.flow.pace import Moment, Pace
from flowbackup.model.rate import RateSchedule, TimeWindow

MB = 1_000_000


@pytest.mark.parametrize("size_bytes", [MB // 10, MB, 16 * MB])
def test_the_mean_is_the_limit_whatever_wakes_up_late(size_bytes: int) -> None:
    pace, chance, now, sent = Pace(RateSchedule(10 * MB)), random.Random(54), 0.0, 0
    while now < 600:
        now += pace.wait_seconds(Moment(now, 0, 0)) + chance.uniform(0, 0.02)
        pace.sent(size_bytes, Moment(now, 0, 0))
        sent += size_bytes
    assert sent / now / (10 * MB) == pytest.approx(1, rel=0.02)


def test_a_pause_is_not_made_up_for() -> None:
    pace = Pace(RateSchedule(MB))
    pace.sent(MB, Moment(0.0, 0, 0))
    assert pace.wait_seconds(Moment(0.4, 0, 0)) == pytest.approx(0.6)
    pace.sent(MB, Moment(100.0, 0, 0))
    assert pace.wait_seconds(Moment(100.0, 0, 0)) == pytest.approx(0.75)


def test_the_hour_decides() -> None:
    pace = Pace(RateSchedule(0, ((TimeWindow((0,), 480, 1080), MB),)))
    before, within, after = (Moment(10.0, 0, minute) for minute in (479, 480, 1080))
    pace.sent(5 * MB, before)
    assert pace.wait_seconds(before) == pace.wait_seconds(within) == 0
    pace.sent(5 * MB, within)
    assert pace.wait_seconds(within) == pytest.approx(5)
    # What waits goes as soon as the window has passed.
    assert pace.wait_seconds(after) == 0


def test_each_hour_has_its_own_mean_while_frames_go_on() -> None:
    """Row 54: a tenth from 8 to 18 o'clock, and the same frames before, within and after."""
    pace, chance = (
        Pace(RateSchedule(10 * MB, ((TimeWindow((0,), 480, 1080), MB),))),
        random.Random(1),
    )
    now, parts = 0.0, []
    for begin, end, limit in ((470, 480, 10), (480, 500, 1), (1070, 1080, 1), (1080, 1090, 10)):
        now, sent = max(now, begin * 60.0), 0
        while now < end * 60:
            moment = Moment(now, 0, int(now // 60))
            wait = pace.wait_seconds(moment)
            if wait:
                now += wait + chance.uniform(0, 0.02)
            else:
                pace.sent(MB, moment)
                sent += 1
        parts.append(sent / (end - begin) / 60 / limit)
    assert parts == pytest.approx([1] * 4, rel=0.05)
