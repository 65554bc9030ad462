"""Digests and compression on other cores while the first one reads.

BLAKE3, zstd and preadv all let go of the interpreter, so threads that work on what was read before
overlap the next read; at the end of a frame the reader helps with what is left.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

_Result = TypeVar("_Result")

THREADS_MAX = 7
"""With the reader eight, which compress faster than a device takes it; more only share one
interpreter."""


class _Job(NamedTuple):
    work: Callable[[memoryview], Any]
    results: list[Any]
    place: int
    data: memoryview


@dataclass(slots=True)
class CrewSeconds:
    """own: in which the thread that reads has hashed and compressed itself, or waited for the
    others to; beside: in which the others have, together."""

    own: float = 0.0
    beside: float = 0.0


class HashCrew:
    """Fills places of lists with what is made of data.  Used by one thread, which is one of the
    crew; there is another for each further processor."""

    def __init__(
        self, seconds: CrewSeconds | None = None, threads_max: int | None = None
    ) -> None:  # fmt: skip
        """seconds: are counted on.  threads_max: besides the one that uses it; those of this
        machine without it."""
        processors = len(os.sched_getaffinity(0))
        self._threads_max = threads_max or max(1, min(processors - 1, THREADS_MAX))
        self._seconds = seconds or CrewSeconds()
        self._jobs: deque[_Job] = deque()
        self._handed_over = 0
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._answers: SimpleQueue[BaseException | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def at_once(self, work: Callable[[memoryview], _Result], data: memoryview) -> _Result:
        """What is made of data, by the thread that calls."""
        begun = perf_counter()
        result = work(data)
        self._seconds.own += perf_counter() - begun
        return result

    def add(
        self,
        work: Callable[[memoryview], _Result],
        results: list[_Result],
        place: int,
        data: memoryview,
    ) -> None:
        """Will set results[place]; `data` must stay as it is until `drain`."""
        if len(self._threads) < min(self._threads_max, self._handed_over + 1):
            thread = threading.Thread(target=self._work, name="chunks", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._handed_over += 1
        self._jobs.append(_Job(work, results, place, data))
        self._calls.put(True)

    def drain(self) -> None:
        """Returns when every place is set and no data is held any more."""
        begun = perf_counter()
        while self._do_one(is_own=True):
            pass
        while self._handed_over:
            self._handed_over -= 1
            error = self._answers.get()
            if error is not None:
                raise error
        self._seconds.own += perf_counter() - begun

    def close(self) -> None:
        """Ends the threads; what was not drained is dropped.  Safe to repeat."""
        self._jobs.clear()
        for _ in self._threads:
            self._calls.put(False)
        while self._threads:
            self._threads.pop().join()

    def _do_one(self, *, is_own: bool) -> bool:
        """Holds no data any more when it returns.  is_own: nobody else will answer for it."""
        try:
            work, results, place, data = self._jobs.popleft()
        except IndexError:
            return False
        self._handed_over -= is_own
        results[place] = work(data)
        return True

    def _work(self) -> None:
        while self._calls.get():
            begun = perf_counter()
            try:
                if self._do_one(is_own=False):
                    self._seconds.beside += perf_counter() - begun
                    self._answers.put(None)
            except BaseException as error:  # noqa: BLE001  it is raised again in the reader's thread
                self._answers.put(error)
