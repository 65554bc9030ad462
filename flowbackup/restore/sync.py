"""Making what was restored durable, while the rest is still being restored."""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import Future, ThreadPoolExecutor

from flowbackup.units import MIB

STEP_BYTES = 64 * MIB
"""After so many bytes the disk begins: the system by itself would let seconds of work gather, all
of which the end would have to wait for."""

_syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


class RunningSync:
    """Syncs the file system that `descriptor` is on, again and again, in a thread of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sync")
        self._running: Future[None] | None = None
        self._begun_at_bytes = 0

    def reached(self, bytes_written: int) -> None:
        """So many bytes were left to the page cache until now.  Never waits.  Raises OSError of the
        sync before."""
        if bytes_written - self._begun_at_bytes < STEP_BYTES:
            return
        if self._running is not None and not self._running.done():
            return
        self._wait()
        self._begun_at_bytes = bytes_written
        self._running = self._thread.submit(sync_file_system, self._descriptor)

    def finish(self) -> None:
        """Waits until the disk has everything.  Raises OSError for what could not be written: the
        system tells each failure once, so that of an earlier sync counts too."""
        self._wait()
        sync_file_system(self._descriptor)

    def close(self) -> None:
        """Safe to repeat."""
        self._thread.shutdown()

    def _wait(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.result()


def sync_file_system(descriptor: int) -> None:
    """Waits until the disk has everything.  Raises OSError for what could not be written."""
    if _syncfs is None:
        os.sync()
    elif _syncfs(descriptor):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
