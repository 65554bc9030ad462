"""Where the time of a session went: a table behind its summary."""

from __future__ import annotations

from flowbackup.cli.columns import table
from flowbackup.model.profile import NOTEWORTHY_SECONDS, Profile, Role, Spent
from flowbackup.units import format_seconds

HEADS = ("who", "spent on", ">seconds", ">share")


def profile_text(profile: Profile) -> str:
    """One line for each work that took time; shares are of the whole session."""
    rows = [
        _cells(spent, profile.seconds)
        for spent in profile.spent
        if spent.seconds >= NOTEWORTHY_SECONDS
    ]
    return f"  where {format_seconds(profile.seconds)} went\n" + "\n".join(
        f"    {line}" for line in table(HEADS, rows).splitlines()
    )


def _cells(spent: Spent, whole_seconds: float) -> tuple[str, ...]:
    who = "session" if spent.role is Role.SESSION else f"{spent.role} {spent.name}"
    work = f"waiting for {spent.target}" if spent.target else str(spent.work)
    share = f"{spent.seconds / whole_seconds:.0%}" if whole_seconds else ""
    return who, work, f"{spent.seconds:.3f}", share
