"""The virtual clock: events in the order of their time, and of their making where that is equal.

Two times: `now` is that of the machines, in which nothing is left out; `seconds` is that of the
session, which leaps ahead where a time is left out in which nothing would change.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from math import inf

Happening = Callable[[], None]


class Clock:
    """Events of the machines by `now`, appointments by `seconds`."""

    def __init__(self) -> None:
        self.now = 0.0
        self._leapt = 0.0
        self._made = 0
        self._events: list[tuple[float, int, Happening]] = []
        self._appointments: list[tuple[float, int, Happening]] = []

    @property
    def seconds(self) -> float:
        return self.now + self._leapt

    def after(self, seconds: float, happening: Happening) -> None:
        self.at(self.now + seconds, happening)

    def at(self, now: float, happening: Happening) -> None:
        self._made += 1
        heapq.heappush(self._events, (max(now, self.now), self._made, happening))

    def appoint(self, seconds: float, happening: Happening) -> None:
        """By the time of the session: no leap goes over it, and none makes it late."""
        self._made += 1
        heapq.heappush(self._appointments, (seconds, self._made, happening))

    @property
    def next_appointment(self) -> float:
        return self._appointments[0][0] if self._appointments else inf

    def leap(self, seconds: float) -> None:
        """So much is left out."""
        self._leapt += seconds

    def step(self) -> bool:
        """The next thing happens; False when nothing of the machines is left to happen."""
        if not self._events:
            return False
        if self._appointments and self._appointments[0][0] - self._leapt <= self._events[0][0]:
            seconds, _, happening = heapq.heappop(self._appointments)
            self.now = max(self.now, seconds - self._leapt)
        else:
            self.now, _, happening = heapq.heappop(self._events)
        happening()
        return True
