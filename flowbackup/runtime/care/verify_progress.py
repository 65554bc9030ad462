"""Where a verification stands: what several threads read, told to one Monitor in turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from flowbackup.model.device import MediumInfo
from flowbackup.monitor import EdgeState, Monitor, Problem, Progress

PROGRESS_SECONDS = 0.5


class VerifyProgress:
    """One edge for each medium.  Its totals are unknown until all media were looked at."""

    def __init__(self, monitor: Monitor, media: Iterable[MediumInfo]) -> None:
        self._monitor = monitor
        self._inside = threading.Lock()
        self._told_at = 0.0
        self._edges = {
            info.medium: EdgeState(info.device, 0, 0, 0, 0, 0, state="waiting") for info in media
        }
        self._due: dict[bytes, int] = {}

    def begin(self, info: MediumInfo, bytes_due: int) -> None:
        """The reading of a medium begins; so much of it is due."""
        with self._inside:
            self._due[info.medium] = bytes_due
            self._change(info, 0, "running")

    def read(self, info: MediumInfo, bytes_read: int) -> None:
        with self._inside:
            self._change(info, bytes_read, "running")

    def end(self, info: MediumInfo, state: str) -> None:
        """sound, damaged or failed."""
        with self._inside:
            self._due.setdefault(info.medium, 0)
            self._change(info, self._edges[info.medium].bytes_moved, state)

    def problem(self, problem: Problem) -> None:
        """See Monitor."""
        with self._inside:
            self._monitor.problem(problem)

    def _change(self, info: MediumInfo, bytes_read: int, state: str) -> None:
        edge = EdgeState(info.device, 0, bytes_read, 0, 0, 0, state=state)
        self._edges[info.medium] = edge
        now = time.monotonic()
        if now - self._told_at < PROGRESS_SECONDS:
            return
        self._told_at = now
        edges = tuple(self._edges.values())
        known = len(self._due) == len(edges)
        self._monitor.progress(
            Progress(
                "verify",
                bytes_read=sum(edge.bytes_moved for edge in edges),
                bytes_total=sum(self._due.values()) if known else None,
                edges=edges,
            )
        )
