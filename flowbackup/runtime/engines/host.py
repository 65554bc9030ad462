"""An actor without a class yet: a warm Ray has some, started before anybody asks for them.

Who takes one says what it is to be.  From then on it is that, and ends with the process that has
taken it, if nobody has ended it before: the Ray goes on, and a device must not stay locked.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import select
import threading
from collections.abc import Mapping
from typing import Any

from flowbackup.process import ProcessIdentity
from flowbackup.runtime.engines.local_call import Call, LocalReference
from flowbackup.runtime.engines.port import CallFailedError
from flowbackup.runtime.engines.thread_actor import ThreadActor


class Host:
    """Its calls are coroutines.  Those of what it has become are under way as its class says."""

    def __init__(self) -> None:
        self._taken = asyncio.Event()
        self._made: Any = None
        self._threads: ThreadActor | None = None
        self._failure: BaseException | None = None

    async def wait_taken(self) -> None:
        """Returns when somebody has taken it."""
        await self._taken.wait()

    async def wait_end(self) -> None:
        """Never returns; fails when it has ended."""
        await asyncio.Event().wait()

    async def take(self, taker: ProcessIdentity) -> bool:
        """Whether it is his now; of several who ask, one gets it."""
        if self._taken.is_set() or not taker.is_alive():
            return False
        self._taken.set()
        threading.Thread(target=_end_behind, args=(taker,), name="taker", daemon=True).start()
        return True

    async def become(
        self, kind: type, arguments: tuple[object, ...], groups: Mapping[str, int]
    ) -> None:  # fmt: skip
        """Before any call.  groups: as those of a ThreadActor."""
        if not inspect.getmembers(kind, inspect.iscoroutinefunction):
            self._threads = ThreadActor(kind.__name__, kind, arguments, groups)
            return
        try:
            self._made = kind(*arguments)
        except BaseException as error:  # noqa: BLE001  raised where answers are taken
            self._failure = error

    async def call(
        self, method: str, arguments: tuple[object, ...], named: Mapping[str, object]
    ) -> object:  # fmt: skip
        """Raises what the method does."""
        if self._failure is not None:
            raise self._failure
        if self._threads is None:
            answer = getattr(self._made, method)(*arguments, **named)
            return await answer if inspect.isawaitable(answer) else answer
        reference = LocalReference()
        self._threads.call(Call(reference, method, arguments, named))
        try:
            return await reference
        except CallFailedError as error:
            raise error.cause or error from None


def _end_behind(taker: ProcessIdentity) -> None:
    try:
        fd = os.pidfd_open(taker.pid)
        if not taker.is_dead():
            select.select([fd], [], [])
    except ProcessLookupError:
        pass
    os._exit(1)
