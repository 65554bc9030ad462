"""Patience: how long somebody who owes work may do none of it."""

from __future__ import annotations


class Patience:
    """Slow is not stalled: only time without any progress counts, and only while there is work."""

    __slots__ = ("_seconds_max", "_since")

    def __init__(self, seconds_max: float) -> None:
        self._seconds_max = seconds_max
        self._since: dict[str, tuple[object, float]] = {}

    def is_over(self, name: str, *, owes: bool, done: object, now: float) -> bool:
        """done: any value that changes with progress."""
        before, since = self._since.get(name, (None, now))
        if not owes or before != done:
            self._since[name] = done, now
            return False
        return now - since >= self._seconds_max
