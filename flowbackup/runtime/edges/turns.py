"""Calls in the order in which they were made.

Ray starts the calls of one caller to an asynchronous or threaded actor in any order.  So callers
number them, and the actor lets each in when it is its turn.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from flowbackup.errors import ProtocolError

TURN_SECONDS_MAX = 30.0
"""A call that was made before this one is at most as late as Ray is slow; if it does not come at
all its caller has died, and so has this call's.  Only while nobody is inside does this count: work
may take as long as its device or network takes."""


class AsyncTurns:
    """Turns of one caller in an event loop.  Whoever is inside is alone there."""

    def __init__(self, seconds_max: float = TURN_SECONDS_MAX) -> None:
        self._seconds_max = seconds_max
        self._next = 0
        self._inside = False
        self._moved = asyncio.Condition()

    @asynccontextmanager
    async def take(self, number: int) -> AsyncIterator[None]:
        """Waits for turn `number`, counted from 0.  Raises ProtocolError for one that was taken
        already or does not come."""
        async with self._moved:
            while not await self._comes(number):
                if not self._inside:
                    raise _missing(self._next, number)
            if self._next > number:
                raise ProtocolError(f"call {number} came twice")
            self._inside = True
        try:
            yield
        finally:
            async with self._moved:
                self._inside = False
                self._next = number + 1
                self._moved.notify_all()

    async def _comes(self, number: int) -> bool:
        try:
            async with asyncio.timeout(self._seconds_max):
                await self._moved.wait_for(lambda: self._is_due(number))
        except TimeoutError:
            return False
        return True

    def _is_due(self, number: int) -> bool:
        return self._next >= number and not self._inside


class ThreadTurns:
    """Turns of one caller among the threads of an actor."""

    def __init__(self, seconds_max: float = TURN_SECONDS_MAX) -> None:
        self._seconds_max = seconds_max
        self._next = 0
        self._inside = False
        self._moved = threading.Condition()

    @contextmanager
    def take(self, number: int) -> Iterator[None]:
        """See AsyncTurns."""
        with self._moved:
            while not self._moved.wait_for(lambda: self._is_due(number), self._seconds_max):
                if not self._inside:
                    raise _missing(self._next, number)
            if self._next > number:
                raise ProtocolError(f"call {number} came twice")
            self._inside = True
        try:
            yield
        finally:
            with self._moved:
                self._inside = False
                self._next = number + 1
                self._moved.notify_all()

    def _is_due(self, number: int) -> bool:
        return self._next >= number and not self._inside


def _missing(expected: int, number: int) -> ProtocolError:
    return ProtocolError(f"call {number} waits for call {expected}, which does not come")
