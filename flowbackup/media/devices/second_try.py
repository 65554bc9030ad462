"""A FrameWriter that begins a new segment where one has failed: once, on the same device."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from typing import NoReturn, TypeVar

from flowbackup.errors import DeviceError
from flowbackup.media.port import FrameWriter, StoredFrame, WriterStatistics
from flowbackup.model.device import FramePlace
from flowbackup.model.frame import FrameHeader

_T = TypeVar("_T")


class SecondTryWriter:
    """Behind an I/O error (EIO), of a write or a sync, the writer that failed is closed and never
    used again; what it had not committed goes, from the memory of the caller, to a new one.

    A device that is full, read-only or gone is so for a new segment, too; and one that fails twice
    in a session is broken: then it refuses as the port says.  `failure`: what was made good, from
    the next commit on.  What `append` returns is the place of a frame only if nothing has failed
    until its commit.
    """

    def __init__(
        self, begin: Callable[[], FrameWriter], left: Callable[[], Iterable[StoredFrame]]
    ) -> None:
        """begin: a new writer of the device, for the same session and epoch.  left: what writers of
        this session have left under a commit, as `FrameReader.written_by`."""
        self.failure: DeviceError | None = None
        self._has_tried = False
        self._unproven: DeviceError | None = None
        """What failed, until a commit of the new segment shows that it was made good."""
        self._begin = begin
        self._left = left
        self._writer = begin()
        self._before = WriterStatistics()
        self._waiting: list[tuple[FrameHeader, memoryview]] = []
        """Since the last commit."""
        self._told_late: list[StoredFrame] = []

    def append(self, header: FrameHeader, payload: memoryview) -> FramePlace:
        place = self._twice(lambda: self._writer.append(header, payload))
        self._waiting.append((header, payload))
        return place

    def commit(self) -> tuple[StoredFrame, ...]:
        durable = self._twice(lambda: self._writer.commit())
        if self._unproven is not None:
            self.failure, self._unproven = self._unproven, None
        durable = (*self._told_late, *durable)
        self._told_late.clear()
        self._waiting.clear()
        return durable

    def finish(self) -> WriterStatistics:
        self.commit()
        return self._before + self._writer.finish()

    def close(self) -> None:
        self._writer.close()
        self._waiting.clear()

    def statistics(self) -> WriterStatistics:
        return self._before + self._writer.statistics()

    def _twice(self, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except DeviceError as error:
            self._begin_again(error)
        try:
            return call()
        except DeviceError as second:
            self._raise_both(second)

    def _begin_again(self, error: DeviceError) -> None:
        """Raises `error` where that is of no use, and what began it where a new segment fails."""
        if self._unproven is not None:
            self._raise_both(error)
        if error.errno != errno.EIO or self._has_tried:
            raise error
        self._has_tried, self._unproven = True, error
        self._writer.close()
        try:
            self._write_again()
        except DeviceError as second:
            self._raise_both(second)

    def _raise_both(self, second: DeviceError) -> NoReturn:
        """The new segment failed before anything was durable in it."""
        first, self._unproven = self._unproven, None
        if first is None:
            raise second
        first.message = f"{first.message}; a new segment failed, too: {second.message}"
        raise first from second

    def _write_again(self) -> None:
        """What is durable all the same, as on a medium that was full meanwhile, is only told."""
        there = {stored.header.frame_id: stored for stored in self._left()}
        statistics = self._writer.statistics()
        self._writer = self._begin()
        self._before = self._before + statistics
        waiting, self._waiting = self._waiting, []
        for header, payload in waiting:
            if header.frame_id in there:
                self._told_late.append(there[header.frame_id])
                continue
            self._writer.append(header, payload)
            self._waiting.append((header, payload))
