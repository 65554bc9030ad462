"""The written form of what is kept of an object."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from flowbackup.model.retention import RetentionPolicy
from flowbackup.spec.fields import Count, Duration, Tag
from flowbackup.spec.written import Written, as_tuple

Number = Annotated[int, Field(ge=0, le=1_000_000)]


class RetentionSpec(Written):
    """Which versions `flowbackup forget --graph` keeps: those that one of these wants."""

    last: Number = Field(default=0, description="The newest so many.")
    hourly: Number = Field(default=0, description="Of so many hours the newest of each.")
    daily: Number = Field(default=0, description="Of so many days the newest of each.")
    weekly: Number = Field(default=0, description="Of so many weeks the newest of each.")
    monthly: Number = Field(default=0, description="Of so many months the newest of each.")
    quarterly: Number = Field(default=0, description="Of so many quarters the newest of each.")
    yearly: Number = Field(default=0, description="Of so many years the newest of each.")
    within: Duration = Field(default=0, description="All that are not older.")
    within_hourly: Duration = Field(default=0, description="One of each hour, not older.")
    within_daily: Duration = Field(default=0, description="One of each day, not older.")
    within_weekly: Duration = Field(default=0, description="One of each week, not older.")
    within_monthly: Duration = Field(default=0, description="One of each month, not older.")
    within_quarterly: Duration = Field(default=0, description="One of each quarter, not older.")
    within_yearly: Duration = Field(default=0, description="One of each year, not older.")
    tags: Annotated[tuple[Tag, ...], BeforeValidator(as_tuple)] = Field(
        default=(), description="All whose run had one of these, as in run --tag release."
    )
    copies: Count | None = Field(
        default=None, description="Durable copies with which a version counts, one with fewer "
        "stays; without it, those that make an object complete in this graph, or 1.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _keeps_something(self) -> RetentionSpec:
        if self.policy().is_empty:
            raise ValueError("has no rule that keeps a version|Write one, as in last: 7")
        return self

    def policy(self, copies: int = 1) -> RetentionPolicy:
        """As a value.  copies: where none are written."""
        return RetentionPolicy(
            last=self.last, hourly=self.hourly, daily=self.daily, weekly=self.weekly,
            monthly=self.monthly, quarterly=self.quarterly, yearly=self.yearly,
            within_seconds=self.within, within_hourly_seconds=self.within_hourly,
            within_daily_seconds=self.within_daily, within_weekly_seconds=self.within_weekly,
            within_monthly_seconds=self.within_monthly,
            within_quarterly_seconds=self.within_quarterly,
            within_yearly_seconds=self.within_yearly,
            tags=self.tags, copies=self.copies or copies,
        )  # fmt: skip
