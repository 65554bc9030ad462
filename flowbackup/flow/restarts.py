"""How often something that dies is started again: often enough for bad luck, and not for ever."""

from __future__ import annotations

RESTARTS_MAX = 3
RESTART_SECONDS = 3600.0
"""What has died so often within so long dies of something that starting again does not cure.  A
session of many hours may have more bad luck than a short one."""


class Restarts:
    """What was started again, and when."""

    def __init__(
        self, times_max: int = RESTARTS_MAX, seconds: float = RESTART_SECONDS
    ) -> None:  # fmt: skip
        self._times_max = times_max
        self._seconds = seconds
        self._times: dict[str, list[float]] = {}

    def may(self, name: str, now: float) -> bool:
        """Shall it be started again?  If so that counts as done."""
        lately = [time for time in self._times.get(name, ()) if now - time < self._seconds]
        if len(lately) >= self._times_max:
            return False
        self._times[name] = [*lately, now]
        return True
