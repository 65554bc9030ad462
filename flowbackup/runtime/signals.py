"""Signals of the user end a command in order, and not the process in the middle of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from flowbackup.runtime.cancel import Cancel


@contextmanager
def cancelled_by_signals() -> Iterator[Cancel]:
    """In the main thread SIGINT and SIGTERM are words of the Cancel as long as this lasts."""
    cancel = Cancel()
    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return

    def tell(number: int, frame: FrameType | None) -> None:
        cancel.tell()

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield cancel
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interruptible_by_signals() -> Iterator[Cancel]:
    """By signals, in the main thread: the first ends what runs in this process at a border, the
    second by KeyboardInterrupt."""
    with cancelled_by_signals() as cancel, cancel.interruptible(2):
        yield cancel
