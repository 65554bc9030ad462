"""Which versions are kept: a table of policies over a calendar, and a naive model."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbackup.catalog.retention import (
    FUTURE,
    LAST_COMPLETE,
    Candidate,
    decide,
    last_complete,
)
from flowbackup.catalog.rows import VersionRow
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.ids import FrameId
from flowbackup.model.record import VersionRecord
from flowbackup.model.retention import PERIODS, RetentionPolicy, is_tag

SECOND_NS = 10**9
DAY = timedelta(days=1)
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def version(
    number: int, time: datetime, *, outcome: str = "success", copies: int = 1,
    tags: tuple[str, ...] = (),
) -> Candidate:  # fmt: skip
    time_ns = round(time.timestamp() * SECOND_NS)
    root = ChunkRef(bytes(32), 1, FrameId(bytes(16), 1, 0), 0)
    record = VersionRecord(
        number.to_bytes(16, "big"), bytes(16), "web", "site", b"/srv", time_ns, time_ns, outcome,
        1, 1, 1, 1, 1, 0, root,
    )  # fmt: skip
    return Candidate(VersionRow(number, record), copies, tags)


def each(step: timedelta, count: int) -> list[Candidate]:
    """So many versions, the newest at NOW."""
    return [version(count - place, NOW - place * step) for place in range(count)]


def kept(
    policy: RetentionPolicy, candidates: list[Candidate], zone: tzinfo = UTC
) -> dict[int, tuple[str, ...]]:
    now_ns = round(NOW.timestamp() * SECOND_NS)
    decisions = decide(policy, candidates, now_ns, zone)
    assert [d.version.number for d in decisions] == [
        c.version.number for c in sorted(candidates, key=_time, reverse=True)
    ]
    return {d.version.number: d.reasons for d in decisions if d.keeps}


def _time(item: Candidate) -> tuple[int, int]:
    return item.version.record.finished_ns, item.version.number


def test_the_newest_so_many() -> None:
    found = kept(RetentionPolicy(last=2), each(DAY, 5))
    assert found == {5: ("last 1 of 2",), 4: ("last 2 of 2",)}


def test_reasons_name_the_hour_the_day_and_so_on() -> None:
    policy = RetentionPolicy(hourly=1, daily=1, weekly=1, monthly=1, quarterly=1, yearly=1)
    assert kept(policy, each(DAY, 3)) == {
        3: (
            "hourly 2026-11-27 12h+0000", "daily 2026-11-27", "weekly 2026-W48", "monthly 2026-11",
            "quarterly 2026-Q4", "yearly 2026",
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("policy", "numbers"),
    [
        (RetentionPolicy(daily=3), {60, 59, 58}),
        (RetentionPolicy(weekly=3), {60, 55, 48}),
        (RetentionPolicy(monthly=3), {60, 33, 2}),
        (RetentionPolicy(quarterly=2), {60, 2}),
        (RetentionPolicy(yearly=5), {60}),
        (RetentionPolicy(daily=2, weekly=2), {60, 59, 55}),
        (RetentionPolicy(within_seconds=2 * 86_400), {60, 59, 58}),
        (RetentionPolicy(within_weekly_seconds=8 * 86_400), {60, 55}),
        (RetentionPolicy(daily=1, within_daily_seconds=86_400), {60, 59}),
    ],
)
def test_policies_over_sixty_days(policy: RetentionPolicy, numbers: set[int]) -> None:
    assert set(kept(policy, each(DAY, 60))) == numbers


def test_days_without_a_version_do_not_count() -> None:
    assert set(kept(RetentionPolicy(daily=3), each(5 * DAY, 10))) == {10, 9, 8}


def test_of_an_hour_or_day_the_newest_stays() -> None:
    every = each(timedelta(minutes=20), 9)
    assert set(kept(RetentionPolicy(hourly=2), every)) == {9, 8}
    assert set(kept(RetentionPolicy(daily=2), every)) == {9}


def test_the_calendar_is_that_of_the_zone() -> None:
    """Half past eleven in the evening in London is the next day in Berlin."""
    late = [version(1, datetime(2026, 11, 25, 22, 30, tzinfo=UTC)),
            version(2, datetime(2026, 11, 25, 23, 30, tzinfo=UTC))]  # fmt: skip
    assert kept(RetentionPolicy(daily=5), late) == {2: ("daily 2026-11-25",)}
    assert kept(RetentionPolicy(daily=5), late, BERLIN) == {
        1: ("daily 2026-11-25",), 2: ("daily 2026-11-26",),
    }  # fmt: skip


def test_the_hour_that_comes_twice_is_two() -> None:
    twice = [version(n, datetime(2026, 10, 25, n - 1, 30, tzinfo=UTC)) for n in (1, 2)]
    assert set(kept(RetentionPolicy(hourly=5), twice, BERLIN)) == {1, 2}
    fixed = timezone(timedelta(hours=1))
    assert set(kept(RetentionPolicy(hourly=5), twice, fixed)) == {1, 2}


def test_the_turn_of_the_year_is_in_one_week() -> None:
    days = [version(1, datetime(2025, 12, 29, tzinfo=UTC)),
            version(2, datetime(2026, 1, 2, tzinfo=UTC))]  # fmt: skip
    assert kept(RetentionPolicy(weekly=2), days) == {2: ("weekly 2026-W01",)}


def test_tags_keep() -> None:
    tagged = [version(1, NOW - 9 * DAY, tags=("release", "x")), *each(DAY, 3)[:2]]
    policy = RetentionPolicy(last=1, tags=("release",))
    assert kept(policy, tagged) == {3: ("last 1 of 1",), 1: ("tag release",)}


# What is protected


def test_the_last_complete_version_always_stays() -> None:
    every = [version(1, NOW - 3 * DAY), version(2, NOW - 2 * DAY)]
    every += [version(3, NOW - DAY, outcome="incomplete")]
    found = kept(RetentionPolicy(last=1), every)
    assert found == {3: ("last 1 of 1",), 2: (LAST_COMPLETE,)}
    assert kept(RetentionPolicy(tags=("none",)), every) == {2: (LAST_COMPLETE,)}


def test_where_none_is_complete_the_newest_stays() -> None:
    every = [version(n, NOW - DAY * (3 - n), outcome="incomplete") for n in (1, 2)]
    assert kept(RetentionPolicy(tags=("none",)), every) == {2: (LAST_COMPLETE,)}


def test_versions_of_the_future_stay_and_push_no_other_out() -> None:
    every = [*each(DAY, 3), version(9, NOW + 400 * DAY), version(10, NOW + 500 * DAY)]
    found = kept(RetentionPolicy(last=2), every)
    assert found == {
        10: (FUTURE,), 9: (FUTURE,), 3: ("last 1 of 2",), 2: ("last 2 of 2",),
    }  # fmt: skip


def test_versions_with_too_few_copies_stay_and_push_no_other_out() -> None:
    every = [version(1, NOW - 3 * DAY, copies=2), version(2, NOW - 2 * DAY, copies=2)]
    every += [version(3, NOW - DAY, copies=1), version(4, NOW, copies=0)]
    found = kept(RetentionPolicy(last=1, copies=2), every)
    assert found == {4: ("has 0 of 2 copies",), 3: ("has 1 of 2 copies",), 2: ("last 1 of 1",)}


def test_nothing_is_decided_of_nothing() -> None:
    assert kept(RetentionPolicy(last=1), []) == {}
    assert last_complete([], 1, 5) is None


def test_a_policy_that_keeps_nothing_says_so() -> None:
    assert RetentionPolicy().is_empty and RetentionPolicy(copies=3).is_empty
    for period in PERIODS:
        assert not replace(RetentionPolicy(), **{period: 1}).is_empty
        assert not replace(RetentionPolicy(), **{f"within_{period}_seconds": 1}).is_empty


def test_a_tag_is_a_word() -> None:
    assert is_tag("release-1.0")
    assert not any(map(is_tag, ["", "a b", "a,b", "a\n", "x" * 65]))


# A naive model

policies = st.builds(
    RetentionPolicy,
    **dict.fromkeys(("last", *PERIODS), st.integers(0, 4)),
    within_seconds=st.sampled_from([0, 86_400, 864_000]),
    tags=st.sampled_from([(), ("a",), ("a", "b")]),
    copies=st.integers(1, 2),
)
candidates_lists = st.lists(
    st.tuples(
        st.integers(-50, 2000), st.sampled_from(["success", "incomplete"]), st.integers(0, 2),
        st.sampled_from([(), ("a",), ("b",)]),
    ),
    max_size=25,
)  # fmt: skip


@given(policies, candidates_lists)
def test_it_is_what_a_naive_reader_of_the_rules_says(
    policy: RetentionPolicy, drawn: list[tuple[int, str, int, tuple[str, ...]]]
) -> None:
    every = [
        version(n, NOW - timedelta(hours=hours), outcome=outcome, copies=copies, tags=tags)
        for n, (hours, outcome, copies, tags) in enumerate(drawn, 1)
    ]
    assert set(kept(policy, every)) == naive(policy, every)


def naive(policy: RetentionPolicy, every: list[Candidate]) -> set[int]:
    def time(item: Candidate) -> datetime:
        return datetime.fromtimestamp(item.version.record.finished_ns / SECOND_NS, UTC)

    good = [c for c in every if time(c) <= NOW and c.copies >= policy.copies]
    good.sort(key=lambda c: (time(c), c.version.number), reverse=True)
    found = {c.version.number for c in every if c not in good}
    found |= {c.version.number for c in good[: policy.last]}
    found |= {c.version.number for c in good if set(c.tags) & set(policy.tags)}
    if policy.within_seconds:
        limit = timedelta(seconds=policy.within_seconds)
        found |= {c.version.number for c in good if NOW - time(c) <= limit}
    for period, form in {"hourly": "%F %H", "daily": "%F", "weekly": "%G %V", "monthly": "%Y %m",
                         "yearly": "%Y"}.items():  # fmt: skip
        newest: dict[str, int] = {}
        for item in good:
            newest.setdefault(time(item).strftime(form), item.version.number)
        found |= {*list(newest.values())[: getattr(policy, period)]}
    quarters: dict[tuple[int, int], int] = {}
    for item in good:
        quarters.setdefault((time(item).year, (time(item).month - 1) // 3), item.version.number)
    found |= {*list(quarters.values())[: policy.quarterly]}
    whole = [c for c in good if c.version.record.outcome == "success"] or good
    return found | {c.version.number for c in whole[:1]}
