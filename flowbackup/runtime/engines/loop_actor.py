"""An actor whose methods are coroutines, in this process: a thread with an event loop."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import Any

from flowbackup.runtime.engines.daemon_threads import DaemonThreads
from flowbackup.runtime.engines.local_call import Call, OpenCalls, tell_ended

CANCEL_SECONDS_MAX = 1.0
"""Tasks that are cancelled end at their next step; one that does not is left alone."""


class LoopActor:
    """All calls are under way at once, each a task of the loop."""

    def __init__(self, name: str, kind: type, arguments: tuple[object, ...]) -> None:
        self._kind = kind
        self._arguments = arguments
        self._actor: Any = None
        self._calls = OpenCalls()
        self._ending = threading.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(DaemonThreads())
        threading.Thread(target=self._live, name=name, daemon=True).start()

    def call(self, call: Call) -> None:
        with self._ending:
            if self._calls.begin(call.reference):
                self._loop.call_soon_threadsafe(self._begin, call)

    def end(self) -> None:
        """See Engine."""
        with self._ending:
            if not self._calls.end():
                return
            self._loop.call_soon_threadsafe(self._loop.stop)
        tell_ended(self._actor)

    def _live(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._cancel_all())
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()

    def _begin(self, call: Call) -> None:
        if self._calls.is_ended:
            return
        task = self._loop.create_task(self._answer(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, call: Call) -> None:
        try:
            if self._actor is None:
                self._actor = self._kind(*self._arguments)
            answer = getattr(self._actor, call.method)(*call.arguments, **call.named)
            if inspect.isawaitable(answer):
                answer = await answer
        except BaseException as error:  # noqa: BLE001  raised where the answer is taken
            self._calls.fail(call.reference, error)
        else:
            self._calls.answer(call.reference, answer)

    async def _cancel_all(self) -> None:
        """Those of calls, and those that they have started."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CANCEL_SECONDS_MAX)
