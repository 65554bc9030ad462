"""A Device that reads and writes no faster than it is told: the same port around another device."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from flowbackup.media.port import (
    Device,
    DeviceQueue,
    FrameReader,
    FrameWriter,
    StoredFrame,
    WriterStatistics,
)
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.frame import FrameHeader

CATCH_UP_SECONDS = 0.25
"""A sync, or a sleep that lasts longer than asked, takes nothing from the mean: so much of what is
behind is made up for.  A longer pause, in which nothing was to be written, counts for nothing."""


class RateLimitedWriter:
    """A FrameWriter that returns from `append` no sooner than its bytes were due."""

    def __init__(
        self,
        writer: FrameWriter,
        bytes_per_second: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._writer = writer
        self._bytes_per_second = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._due = clock()

    def append(self, header: FrameHeader, payload: memoryview) -> FramePlace:
        begun = max(self._due, self._clock() - CATCH_UP_SECONDS)
        place = self._writer.append(header, payload)
        self._due = begun + header.payload_bytes / self._bytes_per_second
        wait = self._due - self._clock()
        if wait > 0:
            self._sleep(wait)
        return place

    def commit(self) -> tuple[StoredFrame, ...]:
        return self._writer.commit()

    def finish(self) -> WriterStatistics:
        return self._writer.finish()

    def close(self) -> None:
        self._writer.close()

    def statistics(self) -> WriterStatistics:
        return self._writer.statistics()


class RateLimitedReader:
    """A FrameReader that returns from `read` no sooner than the bytes were due.  Threads share its
    limit; what only looks for frames is not limited."""

    def __init__(
        self, reader: FrameReader, bytes_per_second: float, clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:  # fmt: skip
        self._reader = reader
        self._bytes_per_second = bytes_per_second
        self._clock = clock
        self._sleep = sleep
        self._due = clock()
        self._counting = threading.Lock()

    def info(self) -> MediumInfo:
        return self._reader.info()

    def frames(self) -> Iterator[StoredFrame]:
        return self._reader.frames()

    def written_by(self, session: bytes) -> Iterator[StoredFrame]:
        return self._reader.written_by(session)

    def read(self, header: FrameHeader | None, place: FramePlace) -> tuple[FrameHeader, memoryview]:
        begun = self._clock()
        found, payload = self._reader.read(header, place)
        with self._counting:
            self._due = max(self._due, begun) + len(payload) / self._bytes_per_second
            wait = self._due - self._clock()
        if wait > 0:
            self._sleep(wait)
        return found, payload


class RateLimitedDevice:
    """A Device whose writers and readers share nothing but their limit."""

    def __init__(
        self,
        device: Device,
        bytes_per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if bytes_per_second <= 0:
            raise ValueError("a rate is more than 0 bytes per second")
        self.name = device.name
        self._device = device
        self._bytes_per_second = bytes_per_second
        self._clock = clock
        self._sleep = sleep

    def info(self) -> MediumInfo:
        return self._device.info()

    def media(self) -> tuple[MediumInfo, ...]:
        return self._device.media()

    def lock(self, holder: str) -> None:
        self._device.lock(holder)

    def holder(self) -> str:
        return self._device.holder()

    def queue(self) -> DeviceQueue:
        return self._device.queue()

    def check_writable(self, need_bytes: int, *, frame_bytes: int = 0) -> None:
        self._device.check_writable(need_bytes, frame_bytes=frame_bytes)

    def writer(self, session: bytes, epoch: int) -> FrameWriter:
        writer = self._device.writer(session, epoch)
        return RateLimitedWriter(writer, self._bytes_per_second, self._clock, self._sleep)

    def reader(self, *, cached: bool = True) -> FrameReader:
        reader = self._device.reader(cached=cached)
        return RateLimitedReader(reader, self._bytes_per_second, self._clock, self._sleep)

    def close(self) -> None:
        self._device.close()
