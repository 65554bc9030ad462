"""Chunk digests on a second core while the first one reads.

BLAKE3 and preadv both let go of the interpreter, so one thread that hashes what was read before
overlaps the next read; at the end of a frame the reader helps with what is left.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from queue import SimpleQueue
from time import perf_counter
from typing import NamedTuple

from flowbackup.model.digest import chunk_digest


class _Job(NamedTuple):
    digests: list[bytes]
    place: int
    data: memoryview


@dataclass(slots=True)
class HashSeconds:
    """own: in which the thread that reads has hashed; beside: in which the other one has."""

    own: float = 0.0
    beside: float = 0.0


class HashCrew:
    """Fills places of lists with digests.  Used by one thread, which is the second of the crew."""

    def __init__(self, seconds: HashSeconds | None = None) -> None:
        self._seconds = seconds or HashSeconds()
        self._jobs: deque[_Job] = deque()
        self._handed_over = 0
        self._calls: SimpleQueue[bool] = SimpleQueue()
        self._answers: SimpleQueue[BaseException | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def digest(self, data: memoryview) -> bytes:
        """At once, in the thread that calls."""
        begun = perf_counter()
        digest = chunk_digest(data)
        self._seconds.own += perf_counter() - begun
        return digest

    def add(self, digests: list[bytes], place: int, data: memoryview) -> None:
        """Will set digests[place]; `data` must stay as it is until `drain`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="chunk-digests", daemon=True)
            self._thread.start()
        self._handed_over += 1
        self._jobs.append(_Job(digests, place, data))
        self._calls.put(True)

    def drain(self) -> None:
        """Returns when every digest is set and no data is held any more."""
        begun = perf_counter()
        while self._do_one():
            self._handed_over -= 1
        while self._handed_over:
            self._handed_over -= 1
            error = self._answers.get()
            if error is not None:
                raise error
        self._seconds.own += perf_counter() - begun

    def close(self) -> None:
        """Ends the thread; what was not drained is dropped.  Safe to repeat."""
        self._jobs.clear()
        if self._thread is not None:
            self._calls.put(False)
            self._thread.join()
            self._thread = None

    def _do_one(self) -> bool:
        try:
            digests, place, data = self._jobs.popleft()
        except IndexError:
            return False
        digests[place] = chunk_digest(data)
        return True

    def _work(self) -> None:
        while self._calls.get():
            begun = perf_counter()
            try:
                if self._do_one():
                    self._seconds.beside += perf_counter() - begun
                    self._answers.put(None)
            except BaseException as error:  # noqa: BLE001  it is raised again in the reader's thread
                self._answers.put(error)
