"""Which versions are kept, and why: versions and a policy in, a decision for each out.

Pure, so that a dry run is the run: the same versions, policy and moment give the same answer.  The
calendar is that of a time zone: a day begins at its midnight, a week on Monday (ISO 8601).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from flowbackup.catalog.rows import VersionRow
from flowbackup.model.report import Outcome
from flowbackup.model.retention import PERIODS, RetentionPolicy

SECOND_NS = 1_000_000_000
FUTURE = "dated in the future"
LAST_COMPLETE = "last complete version"


class Candidate(NamedTuple):
    """A version that is judged.  copies: how many durable ones it has.  tags: what it is called."""

    version: VersionRow
    copies: int
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """reasons: what keeps it, as in "daily 2026-11-27"; none for one that is to go."""

    version: VersionRow
    reasons: tuple[str, ...]

    @property
    def keeps(self) -> bool:
        return bool(self.reasons)


def decide(
    policy: RetentionPolicy, candidates: Iterable[Candidate], now_ns: int,
    zone: tzinfo | None = None,
) -> list[Decision]:  # fmt: skip
    """Of the versions of one object, newest first.  zone: of the calendar, None for that of this
    machine.

    Versions dated in the future, and those with too few copies, stay and count for nothing: no
    other version goes because of them.  So does the last version that is complete."""
    ordered = sorted(candidates, key=_time, reverse=True)
    future = [item for item in ordered if item.version.record.finished_ns > now_ns]
    short = [item for item in ordered if item not in future and item.copies < policy.copies]
    counted = [item for item in ordered if item not in future and item not in short]
    reasons: dict[bytes, list[str]] = {item.version.object_id: [] for item in ordered}
    reasons |= _wanted(policy, counted, now_ns, zone)
    last = last_complete(counted, policy.copies, now_ns)
    if last is not None and not reasons[last.object_id]:
        reasons[last.object_id].append(LAST_COMPLETE)
    for item in future:
        reasons[item.version.object_id].append(FUTURE)
    for item in short:
        reasons[item.version.object_id].append(f"has {item.copies} of {policy.copies} copies")
    return [Decision(item.version, tuple(reasons[item.version.object_id])) for item in ordered]


def last_complete(
    candidates: Iterable[Candidate], copies: int, now_ns: int
) -> VersionRow | None:  # fmt: skip
    """The version that stays whatever a user asks for."""
    ordered = sorted(candidates, key=_time, reverse=True)
    past = [item for item in ordered if item.version.record.finished_ns <= now_ns]
    whole = [item for item in past if item.copies >= copies]
    good = [item for item in whole if item.version.record.outcome == Outcome.SUCCESS]
    found = next(iter((*good, *whole, *past, *ordered)), None)
    return None if found is None else found.version


def _time(item: Candidate) -> tuple[int, int]:
    return item.version.record.finished_ns, item.version.number


def _wanted(
    policy: RetentionPolicy, counted: Sequence[Candidate], now_ns: int, zone: tzinfo | None
) -> dict[bytes, list[str]]:  # fmt: skip
    """What the policy says for each of these, the newest first."""
    reasons: dict[bytes, list[str]] = {item.version.object_id: [] for item in counted}
    for number, item in enumerate(counted[: policy.last], 1):
        reasons[item.version.object_id].append(f"last {number} of {policy.last}")
    for item in counted:
        own = reasons[item.version.object_id]
        if policy.within_seconds and _is_within(item, policy.within_seconds, now_ns):
            own.append("within the time to keep all")
        own += [f"tag {tag}" for tag in item.tags if tag in policy.tags]
    for period in PERIODS:
        for name, item in _newest_of_each(period, counted, zone).items():
            own, ordinal = reasons[item.version.object_id], name.ordinal
            within = policy.span_seconds(period)
            if ordinal < policy.count(period):
                own.append(f"{period} {name.text}")
            elif within and _is_within(item, within, now_ns):
                own.append(f"{period} {name.text}, within the time for it")
    return reasons


class _Span(NamedTuple):
    """One hour, day, ... that has versions.  ordinal: from the newest, which is 0."""

    text: str
    ordinal: int


def _newest_of_each(
    period: str, counted: Sequence[Candidate], zone: tzinfo | None
) -> dict[_Span, Candidate]:  # fmt: skip
    found: dict[str, Candidate] = {}
    for item in counted:
        found.setdefault(_NAMES[period](_moment(item, zone)), item)
    return {_Span(text, ordinal): item for ordinal, (text, item) in enumerate(found.items())}


def _moment(item: Candidate, zone: tzinfo | None) -> datetime:
    seconds = item.version.record.finished_ns // SECOND_NS
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone)


def _is_within(item: Candidate, seconds: int, now_ns: int) -> bool:
    return now_ns - item.version.record.finished_ns <= seconds * SECOND_NS


def _week(moment: datetime) -> str:
    year, week, _ = moment.isocalendar()
    return f"{year:04d}-W{week:02d}"


_NAMES: Mapping[str, Callable[[datetime], str]] = {
    # With the offset: where clocks are put back one hour comes twice.
    "hourly": lambda moment: f"{moment:%Y-%m-%d %Hh%z}",
    "daily": lambda moment: f"{moment:%Y-%m-%d}",
    "weekly": _week,
    "monthly": lambda moment: f"{moment:%Y-%m}",
    "quarterly": lambda moment: f"{moment:%Y}-Q{(moment.month + 2) // 3}",
    "yearly": lambda moment: f"{moment:%Y}",
}
"""How the hour, day, ... of a moment is called; equal for all moments in it."""
