"""Admission: when a session may take its devices.  All or none, first come, first served.

A session stands in the queue of each of its devices with one ticket, whose number is higher than
any that it saw in any of them.  It may try as soon as nobody with a lower ticket stands at any of
its devices and nobody writes to one.  It takes them in one order that is the same for everybody
(by medium), and gives all back when one is refused; so nobody holds a device and waits.

Why that never deadlocks: of those who wait, the one with the lowest ticket waits for nobody else
who waits, only for sessions that run.  Why nobody starves: whoever comes later draws a higher
number wherever the two meet.  Why two who try at the same time do not both fail: of those who
meet, the one that has got furthest in the order can only be refused by one that runs.
Tickets need no clock.  Two who look at the same moment may draw one number: the session decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flowbackup.model.queue import DoorView, Ticket, Waiting

LOOK_SECONDS = 0.5
"""So long a free device may stand idle while somebody waits for it."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a session cannot go on: a device, and who is in the way.  is_waiting: he does not have it
    either, but came first."""

    device: str
    holder: str
    is_waiting: bool = False

    def describe(self) -> str:
        if self.is_waiting:
            return f'device "{self.device}" is kept for {self.holder}, which came first'
        return f'device "{self.device}" is in use by {self.holder or "a session elsewhere"}'


class Enter(NamedTuple):
    """Stand in every queue under this ticket, then look again."""

    ticket: Ticket


class Take(NamedTuple):
    """Lock all devices, in this order of the doors that were looked at.  If one is refused, give
    back those that were taken and say `refused`; else the session is let in."""

    order: tuple[int, ...]


class Wait(NamedTuple):
    """Look again after so long."""

    seconds: float
    obstacles: tuple[Obstacle, ...]


class GiveUp(NamedTuple):
    """The time is over.  Leave every queue."""

    seconds: float
    obstacles: tuple[Obstacle, ...]


Step = Enter | Take | Wait | GiveUp


class Admission:
    """Of one session, until it is let in or gives up.  Holds nothing itself; a shell looks, waits
    and locks."""

    def __init__(self, session: bytes, seconds_max: float, now: float) -> None:
        """seconds_max: how long it waits; 0 tries once.  now: seconds of any steady clock."""
        self._session = session
        self._seconds_max = seconds_max
        self._begun = now
        self.ticket: Ticket | None = None

    def looked(self, doors: Sequence[DoorView], now: float) -> Step:
        """All doors were looked at, one after the other: what next?"""
        found = [self._obstacle(door) for door in doors]
        obstacles = tuple(obstacle for obstacle in found if obstacle is not None)
        if obstacles and (self.ticket is not None or self._seconds_max <= 0):
            return self._wait(obstacles, now)
        if self.ticket is None:
            numbers = [waiting.ticket.number for door in doors for waiting in door.standing]
            self.ticket = Ticket(1 + max(numbers, default=0), self._session)
            return Enter(self.ticket)
        return Take(tuple(sorted(range(len(doors)), key=lambda place: doors[place].medium)))

    def refused(self, device: str, holder: str, now: float) -> Step:
        """A device was taken by somebody else at that very moment; nothing is held now."""
        return self._wait((Obstacle(device, holder),), now)

    def _obstacle(self, door: DoorView) -> Obstacle | None:
        """Who writes now, or else the one who is next; those behind do not matter yet."""
        if door.holder:
            return Obstacle(door.device, door.holder)
        first = min((w for w in door.standing if self._is_before(w)), default=None)
        return None if first is None else Obstacle(door.device, first.holder, is_waiting=True)

    def _is_before(self, other: Waiting) -> bool:
        return self.ticket is None or other.ticket < self.ticket

    def _wait(self, obstacles: tuple[Obstacle, ...], now: float) -> Step:
        left = self._begun + self._seconds_max - now
        if left <= 0:
            return GiveUp(now - self._begun, obstacles)
        return Wait(min(LOOK_SECONDS, left), obstacles)
