"""Threads that keep no process from ending, whatever they hang in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class DaemonThreads(ThreadPoolExecutor):
    """One for each call: what `asyncio.to_thread` asks for lasts.  A pool like any other for its
    callers, but for one thing: the end of the process does not wait for it."""

    def submit(
        self, work: Callable[..., Any], /, *arguments: Any, **named: Any
    ) -> Future[Any]:  # fmt: skip
        answer: Future[Any] = Future()

        def run() -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(work(*arguments, **named))
            except BaseException as error:  # noqa: BLE001  raised where the answer is taken
                answer.set_exception(error)

        threading.Thread(target=run, name="to-thread", daemon=True).start()
        return answer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing stands ready that could be ended."""
