"""An open segment file, to which records are appended: aligned, direct, without short writes.

It knows records and blocks, not sessions, groups or commits (`segment`).  Large records are written
in other threads, so that the device has its next work while the caller checks the frame after it.
Every method raises OSError; after one the file must not be written again.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from mmap import mmap
from typing import ParamSpec, TypeVar

from flowbackup.media.calls import SystemCalls, Writable
from flowbackup.media.failure import FULL
from flowbackup.media.layout import HEADER_BYTES, RecordHeader, pack_header
from flowbackup.units import MIB

O_DIRECT = getattr(os, "O_DIRECT", 0)
RESERVE_STEP_MIN = 32 * MIB
RESERVE_STEP_MAX = 256 * MIB
"""Space is reserved ahead in steps: small at first, because a killed session leaves what it
reserved, then large, because each step costs a transaction."""
ASIDE_BYTES_MIN = MIB
"""From here on writing takes so much longer than waking a thread that it is done in one."""
UNDER_WAY_MAX = 2
"""Large records being written at a time.  One would leave the device idle while its thread wakes
and the next frame is checked; three measured no faster."""
INTERRUPTIONS_MAX = 100
"""A call that is interrupted more often than this in a row is an I/O error: every wait ends."""

P = ParamSpec("P")
T = TypeVar("T")


class _Blocks:
    """Memory for what of a record is not in its payload: header and last partial block."""

    def __init__(self, block_bytes: int) -> None:
        self.header = mmap(-1, block_bytes)
        self.tail = mmap(-1, block_bytes)


class RecordFile:
    """Appends records to a new file; the caller makes it durable and renames it."""

    def __init__(self, calls: SystemCalls, folder: int, name: str, block_bytes: int) -> None:
        """folder: a descriptor of the directory in which the file is made."""
        self._calls = calls
        self._folder = folder
        self._block_bytes = block_bytes
        self._free = [_Blocks(block_bytes) for _ in range(UNDER_WAY_MAX)]
        self._under_way: deque[tuple[_Blocks, Future[None]]] = deque()
        self._threads: ThreadPoolExecutor | None = None
        self._can_reserve = True
        self._reserved_bytes = 0
        self.name = name
        self.end = 0
        self.direct = bool(O_DIRECT)
        self._fd = self._open()

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        if not self.direct:
            return self._calls.open(self.name, flags, folder=self._folder)
        try:
            return self._calls.open(self.name, flags | O_DIRECT, folder=self._folder)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        # Some kernels make the name before the file system refuses the flag.
        self.direct = False
        try:
            return self._calls.open(self.name, flags, folder=self._folder)
        except FileExistsError:
            return self._calls.open(self.name, os.O_RDWR, folder=self._folder)

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
            _uninterrupted(self._calls.fallocate, self._fd, start, end - start)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV, errno.ENOSYS):
                raise
            self._can_reserve = False
            return
        self._reserved_bytes = end

    def append(self, record: RecordHeader, payload: Writable) -> bytes:
        """Puts a record at the end and returns its chain value.  A large one may still be under
        way then, and so may the one before: `wait` tells how they ended, or the next call that
        raises.  A page-aligned payload goes to the device without being copied, but for a last
        partial block."""
        if not self._free:
            self._wait_oldest()
        blocks = self._free.pop()
        head, chain = pack_header(record)
        buffers = self._buffers(blocks, head, record.payload_bytes, payload)
        offset, size = self.end, record.total_bytes
        self.end += size
        if size < ASIDE_BYTES_MIN:
            self._write(buffers, size, offset)
            self._free.append(blocks)
            return chain
        if self._threads is None:
            self._threads = ThreadPoolExecutor(UNDER_WAY_MAX, "segment")
        writing = self._threads.submit(self._write, buffers, size, offset)
        self._under_way.append((blocks, writing))
        return chain

    def wait(self) -> None:
        """Returns when nothing is under way any more.  Raises the first error, after the end of
        all writes: no payload is in use when this has returned or raised."""
        failure = None
        while self._under_way:
            try:
                self._wait_oldest()
            except OSError as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def _wait_oldest(self) -> None:
        blocks, writing = self._under_way.popleft()
        self._free.append(blocks)
        writing.result()

    def _buffers(
        self, blocks: _Blocks, head: bytes, payload_bytes: int, payload: Writable
    ) -> list[Writable]:
        """The whole blocks of a record: header, payload, last partial block."""
        blocks.header[:HEADER_BYTES] = head
        buffers: list[Writable] = [blocks.header]
        view = memoryview(payload)
        whole = payload_bytes // self._block_bytes * self._block_bytes
        if whole:
            buffers.append(view[:whole])
        rest = payload_bytes - whole
        if rest:
            blocks.tail[:rest] = view[whole:].tobytes()
            blocks.tail[rest:] = bytes(self._block_bytes - rest)
            buffers.append(blocks.tail)
        return buffers

    def _write(self, buffers: Sequence[Writable], size_bytes: int, offset: int) -> None:
        done = 0
        while done < size_bytes:
            direct = self.direct
            try:
                left = _behind(buffers, done) if done else buffers
                count = _uninterrupted(self._calls.pwritev, self._fd, left, offset + done)
            except OSError as error:
                if error.errno != errno.EINVAL or not direct:
                    raise
                # Not aligned as this device wants it: go through the page cache from here on.
                self._leave_direct()
                continue
            if count <= 0:
                raise OSError(errno.EIO, "the device took no bytes")
            done += count

    def _leave_direct(self) -> None:
        flags = fcntl.fcntl(self._fd, fcntl.F_GETFL)
        fcntl.fcntl(self._fd, fcntl.F_SETFL, flags & ~O_DIRECT)
        self.direct = False

    def sync(self) -> None:
        """Data and size to the device.  One that fails must never be tried again."""
        self.wait()
        self._calls.fdatasync(self._fd)

    def seal(self) -> None:
        """Cuts off what was reserved, takes the right to write away, syncs everything."""
        self.wait()
        self._calls.truncate(self._fd, self.end)
        self._calls.chmod(self._fd, 0o444)
        self._calls.fsync(self._fd)

    def cut(self) -> None:
        """Gives back what was reserved and not used."""
        self.wait()
        if self._reserved_bytes > self.end:
            self._calls.truncate(self._fd, self.end)

    def cut_back(self, end: int) -> None:
        """Takes away all that stands behind `end`, where `end` is what is durable: after a failed
        sync the page cache still shows the rest, and the device may not have it."""
        with suppress(OSError):
            self.wait()
        self._calls.truncate(self._fd, end)

    def close(self) -> None:
        """Safe to repeat.  Waits for what is under way; how it ended matters to nobody any more."""
        with suppress(OSError):
            self.wait()
        if self._threads is not None:
            self._threads.shutdown()
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            self._calls.close(fd)


def _uninterrupted(call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """What the call returns when no signal interrupts it.  Raises OSError."""
    for _ in range(INTERRUPTIONS_MAX):
        try:
            return call(*args, **options)
        except InterruptedError:
            continue
    raise OSError(errno.EIO, "interrupted without end")


def _behind(buffers: Sequence[Writable], done: int) -> list[Writable]:
    """What is left of the buffers after `done` bytes."""
    left: list[Writable] = []
    for buffer in buffers:
        size = len(buffer)
        if done < size:
            left.append(memoryview(buffer)[done:])
        done = max(0, done - size)
    return left
