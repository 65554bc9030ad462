"""Large files: written past the page cache, while what comes next is checked."""

from __future__ import annotations

import errno
import fcntl
import os
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from mmap import mmap

from flowbackup.units import MIB

LARGE_BYTES_MIN = 4 * MIB
"""Smaller files are with the page cache sooner than a device has written them."""
UNDER_WAY_MAX = 2
"""Runs that wait or are being written: one more than the device works on."""
_ALIGN = 4096
_BOUNCE_BYTES = 4 * MIB
_O_DIRECT = getattr(os, "O_DIRECT", 0)


class LargeFileWriter:
    """Writes contents in a thread of its own, one file at a time."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write-behind")
        self._bounce = mmap(-1, _BOUNCE_BYTES)

    def fill(self, descriptor: int, pieces: Iterable[tuple[int, memoryview]]) -> int:
        """Writes pieces at their offsets into an open file.  Returns the bytes.  Raises OSError,
        and what `pieces` raises; no write is under way when it is back."""
        file = _OpenFile(descriptor, self._bounce)
        under_way: deque[Future[None]] = deque()
        written = 0
        try:
            for offset, data in pieces:
                if len(under_way) == UNDER_WAY_MAX:
                    under_way.popleft().result()
                under_way.append(self._thread.submit(file.put, offset, data))
                written += len(data)
            while under_way:
                under_way.popleft().result()
        finally:
            wait(under_way)
        return written

    def close(self) -> None:
        """Safe to repeat."""
        self._thread.shutdown()


class _OpenFile:
    """A file as its writing thread sees it: direct, until the file system or a place that is no
    whole block says otherwise."""

    def __init__(self, descriptor: int, bounce: mmap) -> None:
        self._fd = descriptor
        self._bounce = memoryview(bounce)
        self._direct = False
        self._set_direct(True)

    def put(self, offset: int, data: memoryview) -> None:
        """Writes everything.  Raises OSError."""
        while data:
            count = self._put_direct(offset, data) if self._direct else 0
            if not count:
                # The end of the file, or a hole that ends anywhere.
                self._set_direct(False)
                count = os.pwrite(self._fd, data, offset)
            offset, data = offset + count, data[count:]

    def _put_direct(self, offset: int, data: memoryview) -> int:
        """The bytes that went past the page cache; 0 where these cannot."""
        whole = data[: len(data) // _ALIGN * _ALIGN]
        if offset % _ALIGN or not whole:
            return 0
        try:
            return os.pwrite(self._fd, whole, offset)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        # Chunks behind small files seldom begin where direct writing wants memory to begin.
        whole = whole[:_BOUNCE_BYTES]
        self._bounce[: len(whole)] = whole
        try:
            return os.pwrite(self._fd, self._bounce[: len(whole)], offset)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        return 0

    def _set_direct(self, wanted: bool) -> None:
        """File systems that have no direct writing refuse, and stay without."""
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL) & ~_O_DIRECT
        try:
            fcntl.fcntl(self._fd, fcntl.F_SETFL, flags | _O_DIRECT if wanted else flags)
        except OSError:
            wanted = False
        self._direct = wanted and bool(_O_DIRECT)
