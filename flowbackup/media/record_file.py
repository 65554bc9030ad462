"""An open segment file, to which records are appended: aligned, direct, without short writes.

It knows records and blocks, not sessions, groups or commits (`segment`).  Every method raises
OSError; after one the file must not be written again.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence
from mmap import mmap

from flowbackup.media.calls import SystemCalls, Writable
from flowbackup.media.failure import FULL
from flowbackup.media.layout import HEADER_BYTES, RecordHeader, pack_header
from flowbackup.units import MIB

O_DIRECT = getattr(os, "O_DIRECT", 0)
RESERVE_STEP_MIN = 32 * MIB
RESERVE_STEP_MAX = 256 * MIB
"""Space is reserved ahead in steps, so that a sync has no sizes to write: small at first, because
a killed session leaves what it reserved, then large, because each step costs a transaction."""
INTERRUPTIONS_MAX = 100
"""A call that is interrupted more often than this in a row is an I/O error: every wait ends."""


class RecordFile:
    """Appends records to a new file at `path`; the caller makes it durable and renames it."""

    def __init__(self, calls: SystemCalls, path: str, block_bytes: int) -> None:
        self._calls = calls
        self._block_bytes = block_bytes
        self._header_block = mmap(-1, block_bytes)
        self._tail_block = mmap(-1, block_bytes)
        self._can_reserve = True
        self._reserved_bytes = 0
        self.path = path
        self.end = 0
        self.direct = bool(O_DIRECT)
        self._fd = self._open()

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        if not self.direct:
            return self._calls.open(self.path, flags)
        try:
            return self._calls.open(self.path, flags | O_DIRECT)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        # Some kernels make the name before the file system refuses the flag.
        self.direct = False
        try:
            return self._calls.open(self.path, flags)
        except FileExistsError:
            return self._calls.open(self.path, os.O_RDWR)

    def reserve(self, need_bytes: int) -> None:
        """Makes sure that `need_bytes` behind the end will find space.  ENOSPC or EDQUOT here
        leave the file as it was: what was reserved before can still be written."""
        need_end = self.end + need_bytes
        if need_end <= self._reserved_bytes or not self._can_reserve:
            return
        step = min(max(self.end, RESERVE_STEP_MIN), RESERVE_STEP_MAX)
        try:
            self._reserve_to(max(need_end, self.end + step))
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._reserve_to(need_end)

    def _reserve_to(self, end: int) -> None:
        start = self._reserved_bytes
        try:
            self._calls.fallocate(self._fd, start, end - start)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV):
                raise
            self._can_reserve = False
            return
        self._reserved_bytes = end

    def append(self, record: RecordHeader, payload: Writable) -> bytes:
        """Writes a record at the end and returns its chain value.  A page-aligned payload goes to
        the device without being copied, but for a last partial block."""
        head, chain = pack_header(record)
        self._header_block[:HEADER_BYTES] = head
        buffers: list[Writable] = [self._header_block]
        view = memoryview(payload)
        whole = record.payload_bytes // self._block_bytes * self._block_bytes
        if whole:
            buffers.append(view[:whole])
        rest = record.payload_bytes - whole
        if rest:
            self._tail_block[:rest] = view[whole:].tobytes()
            self._tail_block[rest:] = bytes(self._block_bytes - rest)
            buffers.append(self._tail_block)
        self._write(buffers, record.total_bytes)
        self.end += record.total_bytes
        return chain

    def take_back(self, record: RecordHeader) -> None:
        """Unwrites the record that was appended last: zeros stand where its header was."""
        self.end -= record.total_bytes
        self._header_block[:HEADER_BYTES] = bytes(HEADER_BYTES)
        self._write([self._header_block], self._block_bytes)

    def _write(self, buffers: Sequence[Writable], size_bytes: int) -> None:
        done = 0
        interruptions = 0
        while done < size_bytes:
            try:
                count = self._calls.pwritev(
                    self._fd, _behind(buffers, done) if done else buffers, self.end + done
                )
            except InterruptedError:
                interruptions += 1
                if interruptions > INTERRUPTIONS_MAX:
                    raise OSError(errno.EIO, "interrupted without end") from None
                continue
            except OSError as error:
                if error.errno != errno.EINVAL or not self.direct:
                    raise
                # Not aligned as this device wants it: go through the page cache from here on.
                self._leave_direct()
                continue
            if count <= 0:
                raise OSError(errno.EIO, "the device took no bytes")
            done += count
            interruptions = 0

    def _leave_direct(self) -> None:
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        fcntl.fcntl(self._fd, fcntl.F_SETFL, flags & ~O_DIRECT)
        self.direct = False

    def sync(self) -> None:
        """Data and size to the device.  One that fails must never be tried again."""
        self._calls.fdatasync(self._fd)

    def seal(self) -> None:
        """Cuts off what was reserved, takes the right to write away, syncs everything."""
        self._calls.truncate(self._fd, self.end)
        self._calls.chmod(self._fd, 0o444)
        self._calls.fsync(self._fd)

    def cut(self) -> None:
        """Gives back what was reserved and not used."""
        if self._reserved_bytes > self.end:
            self._calls.truncate(self._fd, self.end)

    def close(self) -> None:
        """Safe to repeat."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            self._calls.close(fd)


def _behind(buffers: Sequence[Writable], done: int) -> list[Writable]:
    """What is left of the buffers after `done` bytes."""
    left: list[Writable] = []
    for buffer in buffers:
        size = len(buffer)
        if done < size:
            left.append(memoryview(buffer)[done:])
        done = max(0, done - size)
    return left
