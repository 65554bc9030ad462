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
    batch: Batch
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
        self._urgent: deque[_Job] = deque()
        self._others: deque[_Job] = deque()
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    @property
    def hands(self) -> int:
        """How many work at the same time, with the one that uses it."""
        return self._threads_max + 1

    def at_once(self, work: Callable[[memoryview], _Result], data: memoryview) -> _Result:
        """What is made of data, by the thread that calls."""
        begun = perf_counter()
        result = work(data)
        self._seconds.own += perf_counter() - begun
        return result

    def batch(self, *, is_urgent: bool = False) -> Batch:
        """Without any jobs yet.  Urgent ones are done before all others."""
        return Batch(self, self._urgent if is_urgent else self._others, self._seconds)

    def call(self) -> None:
        """There is one job more to do."""
        waiting = len(self._urgent) + len(self._others)
        if len(self._threads) < min(self._threads_max, waiting):
            thread = threading.Thread(target=self._work, name="chunks", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._calls.put(True)

    def close(self) -> None:
        """Ends the threads; what was not drained is dropped.  Safe to repeat."""
        self._urgent.clear()
        self._others.clear()
        for _ in self._threads:
            self._calls.put(False)
        while self._threads:
            self._threads.pop().join()

    def _work(self) -> None:
        while self._calls.get():
            begun = perf_counter()
            job = _taken(self._urgent) or _taken(self._others)
            if job is not None:
                batch, error = job.batch, _done(job)
                del job
                batch.answer(error)
                self._seconds.beside += perf_counter() - begun


class Batch:
    """Jobs of a crew for whose end somebody waits together."""

    def __init__(self, crew: HashCrew, waiting: deque[_Job], seconds: CrewSeconds) -> None:
        """waiting: of the crew, for these jobs and those of other batches."""
        self._crew = crew
        self._waiting = waiting
        self._seconds = seconds
        self._unanswered = 0
        self._answers: SimpleQueue[BaseException | None] = SimpleQueue()

    def add(
        self,
        work: Callable[[memoryview], _Result],
        results: list[_Result],
        place: int,
        data: memoryview,
    ) -> None:
        """Will set results[place]; `data` must stay as it is until `drain`."""
        self._unanswered += 1
        self._waiting.append(_Job(self, work, results, place, data))
        self._crew.call()

    def drain(self) -> None:
        """Returns when every place is set and no data is held any more.  Raises what a job has
        raised."""
        begun = perf_counter()
        while self._unanswered and (job := _taken(self._waiting)) is not None:
            job.batch.answer(_done(job))
            del job
        while self._unanswered:
            error = self._answers.get()
            self._unanswered -= 1
            if error is not None:
                raise error
        self._seconds.own += perf_counter() - begun

    def answer(self, error: BaseException | None) -> None:
        """A job of this batch is done, and its data is let go; called in any thread."""
        self._answers.put(error)


def _done(job: _Job) -> BaseException | None:
    """Does it; what it raised."""
    try:
        job.results[job.place] = job.work(job.data)
    except BaseException as error:  # noqa: BLE001  it is raised again in the reader's thread
        return error
    return None


def _taken(waiting: deque[_Job]) -> _Job | None:
    """The next job, which nobody else will do."""
    try:
        return waiting.popleft()
    except IndexError:
        return None
