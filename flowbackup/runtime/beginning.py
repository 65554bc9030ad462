"""When a session began, for its user: before Ray was started and anything was imported for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from flowbackup.model.profile import Role, Spent, Work


@dataclass(frozen=True, slots=True)
class Beginning:
    """When the user began to wait: Unix time in ns for people, monotonic seconds for durations; and
    what has been done since then, one kind of work behind the other."""

    started_ns: int = field(default_factory=time.time_ns)
    monotonic: float = field(default_factory=time.monotonic)
    _works: list[tuple[Work, float]] = field(default_factory=list)

    def seconds(self) -> float:
        return time.monotonic() - self.monotonic

    def turn_to(self, work: Work) -> None:
        """What was done until now has ended, and this begins."""
        self._works.append((work, time.monotonic()))

    def spent(self, until: float) -> tuple[Spent, ...]:
        """All of it.  until: seconds since the beginning."""
        works = [*self._works, (Work.RECORDING, self.monotonic + until)]
        begun = self.monotonic
        seconds: dict[Work, float] = {}
        for (work, _), (_, ended) in zip([(Work.CHECKING, begun), *works[:-1]], works, strict=True):
            seconds[work] = seconds.get(work, 0.0) + max(0.0, ended - begun)
            begun = ended
        return tuple(Spent(Role.SESSION, "", work, spent) for work, spent in seconds.items())
