"""How fast something is now, from what was counted at different moments."""

from __future__ import annotations

from collections import deque

from flowbackup.monitor import Progress

READ = "read"
"""The name under which the meter keeps the bytes read from the sources."""


class RateMeter:
    """Bytes per second of reading and of each edge, over the last `window_seconds`.

    What appears stood at zero at the snapshot before, the first at `started`; the time until its
    first byte does not make it slower.  The window only says how far back to look: two moments
    further apart than it still give the rate between them.
    """

    def __init__(self, started: float, window_seconds: float) -> None:
        self._absent_at = started
        self._window_seconds = window_seconds
        self._samples: dict[str, deque[tuple[float, int]]] = {}

    def rates(self, progress: Progress, now: float) -> dict[str, float]:
        """Takes a snapshot into account; the rate of reading under READ, of each edge by name."""
        rates = {READ: self._rate(READ, progress.bytes_read, now)}
        for edge in progress.edges:
            rates[edge.name] = self._rate(edge.name, edge.bytes_moved, now)
        self._absent_at = now
        return rates

    def _rate(self, name: str, count: int, now: float) -> float:
        samples = self._samples.setdefault(name, deque([(self._absent_at, 0)]))
        if not count:
            samples.clear()
        samples.append((now, count))
        while len(samples) > 2 and samples[1][0] <= now - self._window_seconds:
            samples.popleft()
        (first_time, first_count) = samples[0]
        return (count - first_count) / (now - first_time) if now > first_time else 0.0
