"""A segment file opened for reading: bounded reads, from the device itself where asked."""

from __future__ import annotations

import errno
import os
from concurrent.futures import Future, ThreadPoolExecutor
from mmap import mmap
from types import TracebackType
from typing import Self

from flowbackup.errors import DamageError, DeviceError
from flowbackup.media.failure import device_error
from flowbackup.media.layout import FILE_BYTES_MAX, PAYLOAD_BYTES_MAX, SegmentName
from flowbackup.media.regular import NotRegularError, open_regular
from flowbackup.media.segments.memory import FrameMemory, io_memory
from flowbackup.media.segments.record_file import O_DIRECT
from flowbackup.units import MIB, round_up

_ALIGN = 4096


class SegmentSource:
    """One file of a medium.  `name` is what its path promises, `sealed` whether it was finished.

    cached=False reads from the device and not from the page cache: with O_DIRECT, or by dropping
    the pages first.  One thread uses a source at a time.  `bytes_read` counts what it has asked of
    the file, blocks of its own for a direct read included.
    """

    def __init__(
        self,
        path: str,
        name: SegmentName,
        *,
        sealed: bool,
        device: str = "",
        cached: bool = True,
    ) -> None:
        """Raises DeviceError; DamageError for what is no regular file, or too long."""
        self.path = path
        self.name = name
        self.sealed = sealed
        self.device = device
        self.bytes_read = 0
        self._direct = not cached and bool(O_DIRECT)
        self._buffer: mmap | None = None
        self._held = (0, 0)
        self._spare: mmap | None = None
        self._ahead: tuple[int, Future[int]] | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._fd = -1
        try:
            self.size = self._begin(cached)
            if self.size > FILE_BYTES_MAX:
                self.close()
                raise DamageError(f"{path} is longer than any segment", device=device)
        except NotRegularError as error:
            raise DamageError(f"{path} is no regular file", device=device) from error
        except OSError as error:
            raise device_error(device, f"opening {path}", error) from error

    def _begin(self, cached: bool) -> int:
        """Opens the file; its length.  Raises OSError."""
        self._fd = self._open()
        if not cached:
            os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return os.fstat(self._fd).st_size

    def _read_at(self, view: memoryview, offset: int) -> int:
        """Fills a part of `view` from there, none at the end of the file.  Raises OSError."""
        return os.preadv(self._fd, [view], offset)

    def _open(self) -> int:
        if self._direct:
            try:
                return open_regular(self.path, O_DIRECT)
            except NotRegularError:
                raise
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                self._direct = False
        return open_regular(self.path)

    def read(self, offset: int, size_bytes: int) -> memoryview:
        """The bytes of the file from `offset`, fewer at its end; valid until the next call.

        Raises DeviceError; DamageError where the device says that it cannot read the place, and
        for sizes that no record has.
        """
        size_bytes = min(size_bytes, self.size - offset)
        if size_bytes > PAYLOAD_BYTES_MAX + MIB:
            raise DamageError(f"{size_bytes} bytes in one piece are over the limit")
        if size_bytes <= 0:
            return memoryview(b"")
        # Direct reads need whole sectors, also at the end of the file and at odd offsets.
        begin = offset // _ALIGN * _ALIGN if self._direct else offset
        end = offset + size_bytes
        if not self._holds(offset, end):
            self._take_ahead()
        if self._buffer is not None and self._holds(offset, end):
            return memoryview(self._buffer)[offset - self._held[0] : end - self._held[0]]
        view = self._read_into(begin, (round_up(end, _ALIGN) if self._direct else end) - begin)
        return view[offset - begin : end - begin]

    def read_ahead(self, offset: int, size_bytes: int) -> None:
        """Begins to read what will be asked for next, while the caller works on what it has.  A
        guess: whatever goes wrong with it is left to the `read` that needs the bytes."""
        begin = offset // _ALIGN * _ALIGN
        size_bytes = round_up(min(offset + size_bytes, self.size), _ALIGN) - begin
        if not self._direct or self._ahead is not None or offset >= self.size or size_bytes <= 0:
            return
        if self._spare is None or len(self._spare) < size_bytes:
            self._spare = io_memory(size_bytes)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "read-ahead")
        view = memoryview(self._spare)[:size_bytes]
        self._ahead = begin, self._thread.submit(self._read_at, view, begin)

    def _holds(self, begin: int, end: int) -> bool:
        return self._held[0] <= begin and end <= self._held[1]

    def _take_ahead(self) -> None:
        """What was read ahead takes the place of what was read last."""
        ahead, self._ahead = self._ahead, None
        if ahead is None:
            return
        begin, reading = ahead
        if reading.exception() is None:
            self._buffer, self._spare = self._spare, self._buffer
            self._held = begin, begin + reading.result()
            self.bytes_read += reading.result()

    def read_kept(self, offset: int, size_bytes: int, memory: FrameMemory) -> memoryview:
        """As `read`, for bytes that are kept: in memory of their own."""
        size_bytes = min(size_bytes, self.size - offset)
        if not 0 < size_bytes <= PAYLOAD_BYTES_MAX:
            return self.read(offset, size_bytes)
        begin = offset // _ALIGN * _ALIGN
        view = memory.take(round_up(offset + size_bytes, _ALIGN) - begin)
        self._fill(view, begin)
        return view[offset - begin : offset - begin + size_bytes]

    def next_data(self, offset: int) -> int:
        """The first place from `offset` on that may hold something other than a hole."""
        try:
            return os.lseek(self._fd, offset, os.SEEK_DATA)
        except OSError as error:
            return self.size if error.errno == errno.ENXIO else offset

    def _read_into(self, begin: int, size_bytes: int) -> memoryview:
        self._held = (0, 0)
        if self._buffer is None or len(self._buffer) < size_bytes:
            self._buffer = io_memory(size_bytes)
        view = memoryview(self._buffer)[:size_bytes]
        self._fill(view, begin)
        return view

    def _fill(self, view: memoryview, begin: int) -> None:
        """Reads until `view` is full or the file ends.  Raises DamageError, DeviceError."""
        done, size_bytes = 0, len(view)
        while done < size_bytes:
            try:
                count = self._read_at(view[done:], begin + done)
            except OSError as error:
                if error.errno == errno.EINVAL and self._direct:
                    self._leave_direct()
                    continue
                raise self._unreadable(begin + done, error) from error
            if count == 0:
                break
            done += count
            self.bytes_read += count
            if self._direct and begin + done >= self.size:
                break
        if begin + done < min(begin + size_bytes, self.size):
            raise DamageError(f"{self.path} became shorter while it was read", device=self.device)

    def _leave_direct(self) -> None:
        self._direct = False
        os.close(self._fd)
        self._fd = -1
        try:
            self._fd = open_regular(self.path)
            os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            raise device_error(self.device, f"opening {self.path}", error) from error

    def _unreadable(self, offset: int, error: OSError) -> DeviceError:
        text = device_error(self.device, f"reading {self.path} at {offset}", error)
        return DamageError(
            text.message, remedy=text.remedy, device=self.device, errno=error.errno or 0
        )

    def close(self) -> None:
        """Safe to repeat."""
        if self._thread is not None:
            self._thread.shutdown()
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
