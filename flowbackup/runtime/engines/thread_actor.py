"""An actor whose methods block, in this process: so many threads for each group of its calls."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any

from flowbackup.runtime.engines.local_call import Call, OpenCalls, tell_ended
from flowbackup.runtime.engines.port import group_of


class ThreadActor:
    """Calls of a group begin in the order in which they were made."""

    def __init__(
        self, name: str, kind: type, arguments: tuple[object, ...], groups: Mapping[str, int]
    ) -> None:
        """groups: group -> how many of its calls may be under way at once."""
        self._kind = kind
        self._arguments = arguments
        self._actor: Any = None
        self._making = threading.Lock()
        self._calls = OpenCalls()
        self._groups = groups
        self._queues: dict[str, SimpleQueue[Call | None]] = {}
        for group, threads in groups.items():
            queue = self._queues[group] = SimpleQueue()
            for _ in range(threads):
                threading.Thread(target=self._live, args=(queue,), name=name, daemon=True).start()

    def call(self, call: Call) -> None:
        if self._calls.begin(call.reference):
            group = group_of(getattr(self._kind, call.method, None))
            self._queues[group].put(call)

    def end(self) -> None:
        """See Engine.  A thread that is at work ends behind that."""
        if not self._calls.end():
            return
        for group, threads in self._groups.items():
            for _ in range(threads):
                self._queues[group].put(None)
        tell_ended(self._actor)

    def _live(self, queue: SimpleQueue[Call | None]) -> None:
        while (call := queue.get()) is not None:
            if not self._calls.is_ended:
                self._answer(call)

    def _answer(self, call: Call) -> None:
        try:
            answer = getattr(self._made(), call.method)(*call.arguments, **call.named)
        except BaseException as error:  # noqa: BLE001  raised where the answer is taken
            self._calls.fail(call.reference, error)
        else:
            self._calls.answer(call.reference, answer)

    def _made(self) -> Any:
        with self._making:
            if self._actor is None:
                self._actor = self._kind(*self._arguments)
            return self._actor
