"""When a session began, for its user: before Ray was started and anything was imported for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Beginning:
    """When the user began to wait: Unix time in ns for people, monotonic seconds for durations."""

    started_ns: int = field(default_factory=time.time_ns)
    monotonic: float = field(default_factory=time.monotonic)

    def seconds(self) -> float:
        return time.monotonic() - self.monotonic
