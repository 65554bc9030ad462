"""How a session comes to its devices: the shell around the machine of `flow.admission`.

Between being let in and the locks of its media agents a session keeps its tickets: they say to
everybody that its devices are taken, while Ray and the agents start.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from typing import Protocol

from flowbackup.errors import DeviceError, DeviceLockedError, InterruptedSessionError
from flowbackup.flow.admission import Admission, Enter, GiveUp, Obstacle, Step, Take, Wait
from flowbackup.media.bounded import asked
from flowbackup.model.queue import DoorView, Ticket
from flowbackup.monitor import WAITING, EdgeState, Monitor, Progress
from flowbackup.runtime.cancel import Cancel
from flowbackup.units import format_seconds

CANCEL_SECONDS = 0.1
"""How often who waits for a door looks whether he was interrupted."""


class Door(Protocol):
    """A device of the session, on whichever node; see `media.door`."""

    def look(self) -> DoorView: ...

    def enter(self, ticket: Ticket) -> None: ...

    def leave(self) -> None: ...

    def lock(self) -> None: ...

    def unlock(self) -> None: ...


class Entrance:
    """All doors of one session.  `wait`, lock the devices, `leave`; or `take`, which does all of
    that.  Nothing is held while it waits."""

    def __init__(
        self, session: bytes, doors: Sequence[Door], seconds_max: float, monitor: Monitor, *,
        cancel: Cancel | None = None,
        clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        """seconds_max: how long all calls of `wait` may take; 0 tries once.  cancel: ends it."""
        self._doors = doors
        self._monitor = monitor
        self._cancel = cancel or Cancel()
        self._clock = clock
        self._sleep = sleep
        self._admission = Admission(session, seconds_max, clock())
        self._told: tuple[Obstacle, ...] = ()
        self._told_at = 0.0

    def wait(self) -> None:
        """Until the session is let in: its devices are free, and everybody else waits for it.
        Raises DeviceLockedError naming devices and who has them, InterruptedSessionError,
        DeviceError; the session does not stand anywhere then."""
        try:
            self._wait()
            self._unlock()
        except BaseException:
            self.leave()
            raise

    def take(self) -> None:
        """As `wait`, but the devices are locked when it returns."""
        try:
            self._wait()
        finally:
            self.leave()

    def try_again(self, refused: DeviceLockedError) -> None:
        """Waits again after a device was locked by somebody else behind `wait`, if there is time
        left.  Raises as `wait`."""
        try:
            self._follow(self._refused(refused))
            self.wait()
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        """Gives every ticket back; safe to repeat."""
        for door in self._doors:
            door.leave()

    def _wait(self) -> None:
        while True:
            self._refuse_if_cancelled()
            if self._follow(self._admission.looked(self._look(), self._clock())):
                return

    def _refuse_if_cancelled(self) -> None:
        if self._cancel.is_told:
            raise InterruptedSessionError("interrupted while it waited for devices")

    def _look(self) -> list[DoorView]:
        """At all doors at a time: a disk that sleeps takes long to wake, a node to answer.  Raises
        the first fault, with the others in its message."""
        faults: list[DeviceError] = []

        views: list[DoorView] = []
        answers = [asked(door.look) for door in self._doors]
        while wait(answers, CANCEL_SECONDS).not_done:
            self._refuse_if_cancelled()
        for answer in answers:
            try:
                views.append(answer.result(0))
            except DeviceError as error:
                faults.append(error)
        if faults:
            faults[0].message = "; ".join(fault.message for fault in faults)
            raise faults[0]
        return views

    def _follow(self, step: Step) -> bool:
        """Does what the machine says; True if the session holds its devices now."""
        match step:
            case Enter(ticket):
                for door in self._doors:
                    door.enter(ticket)
            case Wait(seconds, obstacles):
                self._tell(obstacles)
                self._sleep(seconds)
            case GiveUp(seconds, obstacles):
                raise _locked(seconds, obstacles)
            case Take(order):
                return self._take(order)
        return False

    def _take(self, order: Sequence[int]) -> bool:
        try:
            for place in order:
                self._doors[place].lock()
        except DeviceLockedError as error:
            self._unlock()
            return self._follow(self._refused(error))
        except BaseException:
            self._unlock()
            raise
        return True

    def _refused(self, error: DeviceLockedError) -> Step:
        return self._admission.refused(error.device, error.holder, self._clock())

    def _unlock(self) -> None:
        for door in self._doors:
            door.unlock()

    def _tell(self, obstacles: tuple[Obstacle, ...]) -> None:
        now = self._clock()
        if obstacles != self._told:
            self._told, self._told_at = obstacles, now
            self._monitor.message(f"waiting: {'; '.join(map(Obstacle.describe, obstacles))}")
        edges = tuple(
            EdgeState(o.device, 0, 0, 0, 0, 0, "waiting", o.holder, now - self._told_at)
            for o in obstacles
        )
        self._monitor.progress(Progress(WAITING, edges=edges))


def _locked(seconds: float, obstacles: tuple[Obstacle, ...]) -> DeviceLockedError:
    first = obstacles[0]
    text = "; ".join(map(Obstacle.describe, obstacles))
    waited = f", after waiting for {format_seconds(seconds)}" if seconds >= 1 else ""
    return DeviceLockedError(
        f"{text}{waited}",
        remedy="wait until it has finished, as --retry-lock does for a given time, or end it",
        device=first.device,
        holder=first.holder,
    )
