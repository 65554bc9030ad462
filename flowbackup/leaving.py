"""How a command leaves: at its end without taking itself apart, and behind the second signal within
a second, whatever it is doing then.

Python calls handlers of signals between two of its steps, and a step may take long: to import a
library, to start Ray or to end it, to wait for a device.  So a thread of its own hears of signals.
Who can end in order does so meanwhile; a moment later the process is ended as a crash would end it,
which nothing durable is hurt by, and what a crash would leave behind is taken away.  Only the
command line asks for that: a program that has sessions run lives on.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from flowbackup.process import descendants, end_process, identify

END_SECONDS = 0.7
"""Behind the second signal: a session that ends in order has done so by then.  To end what is left
takes a tenth of a second."""
UNDO_SECONDS_MAX = 5.0
"""For who is taking unfinished files away: those of a restore are the user's to find."""
LOOK_SECONDS = 0.02
DIE_SECONDS_MAX = 0.15
"""A killed process is gone in milliseconds; who is not, is on its way."""
ROUNDS = 3
"""Of ending and taking away: what this process is doing meanwhile may begin something anew."""
TELL_SECONDS_MAX = 0.1
"""A pipe that nobody reads takes no last word."""
_HEARD = frozenset((signal.SIGINT, signal.SIGTERM))

_undoing: set[object] = set()
_left: dict[object, Callable[[], object]] = {}


@contextmanager
def undoing() -> Iterator[None]:
    """What is done inside takes its unfinished files away when it is interrupted, and gets time for
    that."""
    key = object()
    _undoing.add(key)
    try:
        yield
    finally:
        _undoing.discard(key)


@contextmanager
def taken_away(take_away: Callable[[], object]) -> Iterator[None]:
    """Something that outlives this process is there inside, unless it is taken away; who leaves in
    order sees to that himself.  take_away: called in any thread, when nobody else is left who could
    make it anew."""
    key = object()
    _left[key] = take_away
    try:
        yield
    finally:
        del _left[key]


def leave(exit_code: int) -> None:
    """Ends this process, if everything that was said can be: what it has in memory goes with
    it, and to take apart what Ray and Arrow have there lasts longer than many a command."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return  # Python tells of it in its own way.
    os._exit(exit_code)


def end_behind_second_signal(exit_code: int, tell: Callable[[], None]) -> None:
    """From now on, for the whole life of this process.  Called in its main thread.  tell: says that
    it was ended so, in another thread."""
    heard, written = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(written, False)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    threading.Thread(
        target=_hear, args=(heard, exit_code, tell), name="leaving", daemon=True
    ).start()


def _hear(heard: int, exit_code: int, tell: Callable[[], None]) -> None:
    # Signals go to threads that listen for them; a library's handler would be called in this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    words = 0
    while words < 2:
        words += sum(number in _HEARD for number in os.read(heard, 1))
    now = time.monotonic()
    while (gone := time.monotonic() - now) < END_SECONDS or (
        _undoing and gone < END_SECONDS + UNDO_SECONDS_MAX
    ):
        time.sleep(LOOK_SECONDS)
    _end(exit_code, tell)


def _end(exit_code: int, tell: Callable[[], None]) -> None:
    latest = time.monotonic() + DIE_SECONDS_MAX
    try:
        for _ in range(ROUNDS):
            _end_others(latest)
            for take_away in list(_left.values()):
                with suppress(OSError):
                    take_away()
        telling = threading.Thread(target=tell, daemon=True)
        telling.start()
        telling.join(TELL_SECONDS_MAX)
    finally:
        os._exit(exit_code)


def _end_others(latest: float) -> None:
    """All that this one has started; waits until then for those that are on their way."""
    processes = [identify(pid) for pid in descendants(os.getpid())]
    for process in processes:
        end_process(process, 0)
    for process in processes:
        end_process(process, max(0.0, latest - time.monotonic()))
