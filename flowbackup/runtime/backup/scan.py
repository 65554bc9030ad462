"""Counting what will be read while Ray starts: totals are known early, and names are warm."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

from flowbackup.errors import SourceError
from flowbackup.plan.decided import ObjectPlan
from flowbackup.source.scan import scan

STOP_SECONDS_MAX = 0.5
UNASKED_SECONDS = 1.5
"""In one process a count takes time from the reader, and so short a session needs no totals."""


class SourceScan:
    """A thread that counts the objects of this machine; totals are None until it has ended, and
    for ever where an object lies on another node, or is a stream."""

    def __init__(self, objects: Iterable[ObjectPlan], here: Iterable[str]) -> None:
        """here: names of the nodes that are this machine."""
        near = set(here)
        everything = list(objects)
        self._near = [o for o in everything if o.node in near and o.stream is None]
        self._whole = len(self._near) == len(everything)
        self._totals: tuple[int, int] | None = None
        self._stop = threading.Event()
        self._after_seconds = 0.0
        self._thread = threading.Thread(target=self._count, name="scan", daemon=True)

    def start(self, after_seconds: float = 0.0) -> None:
        """after_seconds: how long the session may take without anybody asking for totals."""
        self._after_seconds = after_seconds
        self._thread.start()

    def stop(self) -> None:
        """Ends the count, finished or not.  A source that does not answer keeps nobody."""
        self._stop.set()
        self._thread.join(STOP_SECONDS_MAX)

    def totals(self) -> tuple[int | None, int | None]:
        """Files and bytes, or None and None while they are unknown."""
        return self._totals or (None, None)

    def _count(self) -> None:
        if self._stop.wait(self._after_seconds):
            return
        files = size_bytes = 0
        for plan in self._near:
            try:
                total = scan(os.fsencode(plan.path), self._stop.is_set, plan.rules)
            except SourceError:
                # The client meets the same and reports it; here it only leaves the total unknown.
                return
            if total is None:
                return
            files += total.files
            size_bytes += total.size_bytes
        if self._whole:
            self._totals = (files, size_bytes)
