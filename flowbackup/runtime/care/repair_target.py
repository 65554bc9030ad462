"""One medium that a repair completes: what it takes, and how it fails without harm to others."""

from __future__ import annotations

from collections.abc import Callable

from flowbackup.errors import DeviceError
from flowbackup.media.port import FrameWriter, StoredFrame, WritableDevice, WriterStatistics
from flowbackup.model.device import MediumInfo
from flowbackup.model.frame import FrameHeader

Keep = Callable[[tuple[StoredFrame, ...]], None]
"""Hears of frames when they are durable."""


class RepairTarget:
    """A locked device and the writer of this session on it.

    The first failure is the last: what was committed before it counts, and nothing is written
    behind it.  Damage stays where it is: frames go to a new segment."""

    def __init__(self, info: MediumInfo, device: WritableDevice, keep: Keep) -> None:
        self.info = info
        self.failure: DeviceError | None = None
        self.frames = 0
        self.payload_bytes = 0
        self._device = device
        self._writer: FrameWriter | None = None
        self._keep = keep

    @property
    def has_written(self) -> bool:
        return self._writer is not None

    def append(self, session: bytes, header: FrameHeader, payload: memoryview) -> None:
        """Takes a frame, which must stay in memory until `commit` has returned."""
        if self.failure is not None:
            return
        try:
            if self._writer is None:
                size = header.payload_bytes
                self._device.check_writable(size, frame_bytes=size)
                self._writer = self._device.writer(session, 0)
            self._writer.append(header, payload)
        except DeviceError as error:
            self._fail(error)

    def commit(self) -> None:
        """Makes durable what was taken."""
        if self.failure is not None or self._writer is None:
            return
        try:
            self._committed(self._writer.commit())
        except DeviceError as error:
            self._fail(error)

    def finish(self, session: bytes, record: FrameHeader, payload: memoryview) -> None:
        """Writes the session's record and seals the segment.  One that was found full is sealed
        without the record, in room that was kept."""
        if self._writer is None:
            return
        frames, payload_bytes = self.frames, self.payload_bytes
        self.append(session, record, payload)
        self.commit()
        self.frames, self.payload_bytes = frames, payload_bytes
        try:
            self._writer.finish()
        except DeviceError as error:
            self.failure = self.failure or error

    def statistics(self) -> WriterStatistics:
        return WriterStatistics() if self._writer is None else self._writer.statistics()

    def close(self) -> None:
        """Gives the device back; what was not committed is not believed by anyone."""
        try:
            if self._writer is not None:
                self._writer.close()
        finally:
            self._device.close()

    def _committed(self, stored: tuple[StoredFrame, ...]) -> None:
        self._keep(stored)
        self.frames += len(stored)
        self.payload_bytes += sum(frame.header.payload_bytes for frame in stored)

    def _fail(self, error: DeviceError) -> None:
        """A device that was found full still commits what it had taken before; every other failure
        has poisoned the writer, which then refuses."""
        self.failure = error
        if self._writer is None:
            return
        try:
            self._committed(self._writer.commit())
        except DeviceError:
            # What could not be made durable was not counted; `failure` says why.
            pass
