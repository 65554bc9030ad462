"""What serves those who come in the order of their coming: a disk, a link, the cores of a node."""

from __future__ import annotations

import heapq


class Server:
    """places: how many it serves at once; 0 for everybody, and then nobody waits."""

    __slots__ = ("_busy_until",)

    def __init__(self, places: int = 1) -> None:
        self._busy_until = [0.0] * places

    def book(self, now: float, seconds: float) -> float:
        """Takes the first place that is free from now on; returns when it is done."""
        if not self._busy_until:
            return now + seconds
        done = max(now, self._busy_until[0]) + seconds
        heapq.heapreplace(self._busy_until, done)
        return done


def seconds_of(size_bytes: float, rate: float) -> float:
    """What bytes take; nothing where the rate is without limit (0)."""
    return size_bytes / rate if rate else 0.0
