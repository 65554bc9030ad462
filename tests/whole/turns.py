"""Threads that take turns: one of them runs at a time, and who is next a seed decides.

What reads and sends blocks while it waits for credit, as it does in its process.  Here it stands in
a thread of its own, which goes on only when it is let, so that each run is the same again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

TURN_SECONDS_MAX = 60.0
"""A turn takes milliseconds; one that takes so long waits for something that does not come."""


class _Ended(BaseException):
    """Thrown into a worker that is not to go on."""


class Worker:
    """Somebody who blocks.  `go_on` until `has_ended`; a failure of it is raised there."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self.name = name
        self.is_waiting = False
        self.has_ended = False
        self._is_abandoned = False
        self._work = work
        self._failure: BaseException | None = None
        self._mine, self._others = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def can_go_on(self) -> bool:
        return not self.has_ended and not self.is_waiting

    @property
    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    def go_on(self) -> None:
        """Lets it run until it pauses or ends."""
        self._mine.release()
        assert self._others.acquire(timeout=TURN_SECONDS_MAX), f"{self.name} does not come back"
        if self._failure is not None:
            raise self._failure

    def pause(self) -> None:
        """Called by the worker itself: it is somebody else's turn."""
        self._others.release()
        self._mine.acquire()
        if self._is_abandoned:
            raise _Ended

    def abandon(self) -> None:
        """It does not go on; safe to repeat."""
        if not self.has_ended:
            self._is_abandoned = True
            self._mine.release()
            self._thread.join(TURN_SECONDS_MAX)

    def _run(self) -> None:
        self._mine.acquire()
        try:
            if not self._is_abandoned:
                self._work()
        except _Ended:
            pass
        except BaseException as failure:  # noqa: BLE001  raised again by `go_on`
            self._failure = failure
        self.has_ended = True
        self._others.release()


class TurnCondition(threading.Condition):
    """What a worker waits at.  Taking it is a turn for everybody else; who waits at it goes on when
    it is notified, and not before."""

    def __init__(self) -> None:
        super().__init__()
        self.worker: Worker | None = None

    def __enter__(self) -> bool:
        if self.worker is not None and self.worker.is_current:
            self.worker.pause()
        return True

    def __exit__(self, *_: object) -> None:
        """Nobody else was let in."""

    def wait(self, timeout: float | None = None) -> bool:
        assert self.worker is not None and self.worker.is_current
        self.worker.is_waiting = True
        self.worker.pause()
        return True

    def notify_all(self) -> None:
        if self.worker is not None:
            self.worker.is_waiting = False
