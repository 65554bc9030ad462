"""Looking at what may never answer: a mount of which the server is gone keeps who asks it for ever,
and no signal wakes him."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

from flowbackup.errors import DeviceError
from flowbackup.model.location import TAPE, kind_at

T = TypeVar("T")
LOOK_SECONDS_MAX = 30.0
"""For labels and lists of names: a sleeping disk needs ten seconds, a busy one is slow."""
TAPE_SECONDS_MAX = 3600.0
"""The right tape may have to be fetched, after others, and wound to where the names stand."""


def within(device: str, place: str, look: Callable[[], T]) -> T:
    """What `look` returns or raises.  Raises DeviceError naming device and place when that takes
    longer than LOOK_SECONDS_MAX, or what a tape may take; the thread that waits is left to the end
    of the process then."""
    seconds_max = TAPE_SECONDS_MAX if kind_at(place) == TAPE else LOOK_SECONDS_MAX
    answer = asked(look)
    if wait([answer], seconds_max).not_done:
        raise DeviceError(
            f'device "{device}": {place} has not answered for {seconds_max:.0f} s',
            remedy="look whether the disk is well, and the server of a mount is there",
            device=device,
        )
    return answer.result(0)


def asked(look: Callable[[], T]) -> Future[T]:
    """The answer to come, by a thread that keeps no process from ending."""
    answer: Future[T] = Future()

    def ask() -> None:
        try:
            answer.set_result(look())
        except BaseException as error:  # noqa: BLE001  raised where the answer is taken
            answer.set_exception(error)

    threading.Thread(target=ask, name="look", daemon=True).start()
    return answer
