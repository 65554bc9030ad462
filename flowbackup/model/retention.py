"""What is to be kept of a data object: how many of its versions, and which."""

from __future__ import annotations

from dataclasses import dataclass

TAG_CHARACTERS_MAX = 64
PERIODS = ("hourly", "daily", "weekly", "monthly", "quarterly", "yearly")


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """A version is kept if one of these wants it.

    last: the newest so many.  hourly to yearly: of so many hours (days, ISO weeks, months,
    quarters, years) that have a version the newest of each.  within_seconds: all that are not
    older.  within_hourly_seconds to within_yearly_seconds: of what is not older the newest of each
    hour and so on.  tags: those whose session bears one of them.

    copies: a version counts only with so many durable copies; one that has fewer is kept, and takes
    the place of none that has them.
    """

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    quarterly: int = 0
    yearly: int = 0
    within_seconds: int = 0
    within_hourly_seconds: int = 0
    within_daily_seconds: int = 0
    within_weekly_seconds: int = 0
    within_monthly_seconds: int = 0
    within_quarterly_seconds: int = 0
    within_yearly_seconds: int = 0
    tags: tuple[str, ...] = ()
    copies: int = 1

    @property
    def is_empty(self) -> bool:
        """It wants nothing, so that only what is protected would stay."""
        return not (
            self.last
            or self.within_seconds
            or self.tags
            or any(self.count(period) or self.span_seconds(period) for period in PERIODS)
        )

    def count(self, period: str) -> int:
        """Of how many of these periods a version is kept."""
        count: int = getattr(self, period)
        return count

    def span_seconds(self, period: str) -> int:
        """Over what time a version of each of these periods is kept, 0 for none."""
        seconds: int = getattr(self, f"within_{period}_seconds")
        return seconds


def is_tag(text: str) -> bool:
    """Whether a text may be a tag: short, of one word, as it stands in lists."""
    is_word = text.isprintable() and not set(text) & set(" ,") and bool(text)
    return is_word and len(text) <= TAG_CHARACTERS_MAX
