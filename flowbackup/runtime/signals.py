"""Signals of the user end a session in order, and not the process in the middle of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol


class Cancellable(Protocol):
    """What can be ended: in order when it is told once, at once when it is told twice."""

    is_running: bool

    @property
    def is_to_end_now(self) -> bool:
        """It was told twice."""

    def cancel(self) -> None:
        """Called in a signal handler."""


@contextmanager
def cancelled_by_signals(session: Cancellable) -> Iterator[None]:
    """In the main thread SIGINT and SIGTERM cancel the session as long as this lasts.  One that is
    told twice before it runs raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def cancel(number: int, frame: FrameType | None) -> None:
        session.cancel()
        if session.is_to_end_now and not session.is_running:
            # Nothing but Ray has been started, and that is ended on the way out.
            raise KeyboardInterrupt

    before = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
