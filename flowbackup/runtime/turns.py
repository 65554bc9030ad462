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
all its caller has died, and so has this call's."""


class AsyncTurns:
    """Turns of one caller in an event loop.  Whoever is inside is alone there."""

    def __init__(self) -> None:
        self._next = 0
        self._moved = asyncio.Condition()

    @asynccontextmanager
    async def take(self, number: int) -> AsyncIterator[None]:
        """Waits for turn `number`, counted from 0.  Raises ProtocolError for one that was taken
        already or does not come."""
        async with self._moved:
            try:
                async with asyncio.timeout(TURN_SECONDS_MAX):
                    await self._moved.wait_for(lambda: self._next >= number)
            except TimeoutError as error:
                raise _missing(self._next, number) from error
        if self._next > number:
            raise ProtocolError(f"call {number} came twice")
        try:
            yield
        finally:
            async with self._moved:
                self._next = number + 1
                self._moved.notify_all()


class ThreadTurns:
    """Turns of one caller among the threads of an actor."""

    def __init__(self) -> None:
        self._next = 0
        self._moved = threading.Condition()

    @contextmanager
    def take(self, number: int) -> Iterator[None]:
        """See AsyncTurns."""
        with self._moved:
            if not self._moved.wait_for(lambda: self._next >= number, TURN_SECONDS_MAX):
                raise _missing(self._next, number)
            if self._next > number:
                raise ProtocolError(f"call {number} came twice")
        try:
            yield
        finally:
            with self._moved:
                self._next = number + 1
                self._moved.notify_all()


def _missing(expected: int, number: int) -> ProtocolError:
    return ProtocolError(f"call {number} waits for call {expected}, which does not come")
