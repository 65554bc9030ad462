"""The user's word that a command is to end, and how long each part of it may take from then on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, IntEnum

from flowbackup.errors import InterruptedSessionError

AFTER_SECONDS_MAX = 5.0
"""Behind the first word, for hooks and notices behind a session, where its graph has some: what a
hook has stopped is to run again, and a session that takes its whole time leaves two seconds."""


class Part(Enum):
    """Of a session.  Value: so many seconds behind the first word, and behind the second, it is
    over.  With what Ray needs to stop, 0.3 s on two idle cores, the last makes 3 s and 1 s."""

    BEGIN = (0.0, 0.0)
    """Waiting for devices, starting and opening: nothing has been written yet."""
    READ = (1.0, 0.0)
    """Objects that end until then are finished; longer ones are cut off behind a frame."""
    WRITE = (1.8, 0.2)
    """The frame that a device is writing, and the commit behind it."""
    SEAL = (2.2, 0.4)
    """The record of the session, index and footer: what is durable is valid without them."""
    LEAVE = (2.5, 0.6)
    """Devices and memory are given back; who has not done so then is ended, which does the same."""


class Word(IntEnum):
    """What is asked of those who read."""

    NONE = 0
    DRAIN = 1
    """End at the next border of an object."""
    CUT = 2
    """End at the next border of a frame."""


class Cancel:
    """Of one command, for all of its sessions.  `tell` may be called in a signal handler, or from
    another thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: any steady one, in seconds; `latest` speaks of its moments."""
        self._clock = clock
        self._told: tuple[float, ...] = ()
        self._words_raising = 0

    def tell(self, *, at_once: bool = False) -> None:
        """Once: end in order.  Twice, or at_once: end now.  Raises KeyboardInterrupt where
        `interruptible` says so."""
        words = 2 if at_once else len(self._told) + 1
        now = self._clock()
        self._told += (now,) * (words - len(self._told))
        self._raise_if_due()

    @property
    def is_told(self) -> bool:
        return bool(self._told)

    @property
    def is_now(self) -> bool:
        """It was told twice."""
        return len(self._told) > 1

    @property
    def is_over(self) -> bool:
        """Does nobody wait any more for what stands behind a session?"""
        return self.is_now or (self.is_told and self._clock() - self._told[0] >= AFTER_SECONDS_MAX)

    @property
    def word(self) -> Word:
        """For those who read, as it is now."""
        if not self._told:
            return Word.NONE
        return Word.CUT if self._clock() >= self.latest(Part.READ, math.inf) else Word.DRAIN

    def latest(self, part: Part, otherwise: float) -> float:
        """When this part is over at the latest; `otherwise`: if nobody says a word."""
        moments = (told + after for told, after in zip(self._told, part.value, strict=False))
        return min(otherwise, *moments) if self._told else otherwise

    def refuse(self, doing: str) -> None:
        """Raises InterruptedSessionError if it was told: what was about to be done is not begun."""
        if self._told:
            raise InterruptedSessionError(f"interrupted before {doing}")

    @contextmanager
    def interruptible(self, words: int) -> Iterator[None]:
        """What is done inside cannot look whether it was told: so many words raise
        KeyboardInterrupt in the middle of it, also those that came before."""
        before, self._words_raising = self._words_raising, words
        try:
            self._raise_if_due()
            yield
        finally:
            self._words_raising = before

    def _raise_if_due(self) -> None:
        if 0 < self._words_raising <= len(self._told):
            raise KeyboardInterrupt
