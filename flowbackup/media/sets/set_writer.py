"""Writing to a set of media: one writer after the other, each as long as its medium has room."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass

from flowbackup.errors import DeviceError
from flowbackup.media.failure import FULL
from flowbackup.media.port import StoredFrame, WriterStatistics
from flowbackup.media.segments.object_writer import ObjectWriter
from flowbackup.media.segments.segment import SegmentWriter, check_intact
from flowbackup.model.device import FramePlace
from flowbackup.model.frame import FrameHeader
from flowbackup.units import format_size


@dataclass(frozen=True, slots=True)
class OpenMedium:
    """A medium that is written on.  bytes_before: what its files took before its writer began;
    media_bytes: what they may take together.  is_new: nothing was ever written on it."""

    writer: SegmentWriter | ObjectWriter
    bytes_before: int
    media_bytes: int
    is_new: bool

    def holds(self, header: FrameHeader) -> bool:
        """Is there room for the frame, and for commit, index and footer behind it?"""
        return self.bytes_before + self.writer.bytes_with(header) <= self.media_bytes

    @property
    def knows_room(self) -> bool:
        """`holds` is sure; else a medium may still be found full when a frame is given to it."""
        return True

    @property
    def is_empty(self) -> bool:
        return self.is_new and not self.writer.statistics().frames


class SetWriter:
    """A FrameWriter over the media of a set; one thread at a time.

    A medium is full when the next frame, with all that must follow it, would make it larger than it
    may be.  Then its last group is committed and its segment sealed before the next medium is made:
    whatever goes wrong with that, what was taken before is safe, and the next `commit` tells of it.
    """

    def __init__(
        self, device: str, first: OpenMedium | None, begin: Callable[[], OpenMedium]
    ) -> None:
        """first: the newest medium, None where a new one is to be begun.  begin: makes the next
        one; raises DeviceError."""
        self._device = device
        self._medium = first
        self._begin = begin
        self._told_late: list[StoredFrame] = []
        """Made durable by a change of the medium."""
        self._failure: DeviceError | None = None
        self._before = WriterStatistics()
        """Of the media before the present one."""

    def append(self, header: FrameHeader, payload: memoryview) -> FramePlace:
        self._check_usable()
        medium = self._medium
        if medium is None or not medium.holds(header):
            # What is refused anyway begins no medium.
            check_intact(header, payload, self._device)
            medium = self._change(header)
        try:
            return medium.writer.append(header, payload)
        except DeviceError as error:
            if medium.knows_room or error.errno not in FULL or medium.holds(header):
                raise
        return self._change(header).writer.append(header, payload)

    def commit(self) -> tuple[StoredFrame, ...]:
        self._check_usable()
        durable = self._medium.writer.commit() if self._medium is not None else ()
        durable = (*self._told_late, *durable)
        self._told_late.clear()
        return durable

    def finish(self) -> WriterStatistics:
        self._check_usable()
        if self._medium is not None:
            self._medium.writer.finish()
        return self.statistics()

    def close(self) -> None:
        if self._medium is not None:
            self._medium.writer.close()
        if self._failure is None:
            self._failure = DeviceError(
                f'device "{self._device}": the writer is closed', device=self._device
            )

    def statistics(self) -> WriterStatistics:
        if self._medium is None:
            return self._before
        return self._before + self._medium.writer.statistics()

    def _change(self, header: FrameHeader) -> OpenMedium:
        """Ends the present medium, and begins the next one."""
        if self._medium is not None and self._medium.is_empty:
            raise self._too_large(header, self._medium)
        try:
            self._end_medium()
            medium = self._medium = self._begin()
        except DeviceError as error:
            # No room to make a medium: this frame is refused, and nothing else has failed.
            if error.errno not in FULL or self._medium is not None:
                self._failure = error
            raise
        if not medium.holds(header):
            raise self._too_large(header, medium)
        return medium

    def _end_medium(self) -> None:
        if self._medium is None:
            return
        writer = self._medium.writer
        self._told_late += writer.commit()
        self._before = self._before + writer.finish()
        writer.close()
        self._medium = None

    def _too_large(self, header: FrameHeader, medium: OpenMedium) -> DeviceError:
        return DeviceError(
            f'device "{self._device}": frame {header.frame_id} of '
            f"{format_size(header.payload_bytes)} does not fit on a medium of "
            f"{format_size(medium.media_bytes)}",
            remedy="raise the media_size of the device, or lower the frame_size of the graph",
            device=self._device,
            errno=errno.ENOSPC,
        )

    def _check_usable(self) -> None:
        failure = self._failure
        if failure is not None:
            raise DeviceError(
                f"no further writing after: {failure.message}",
                remedy=failure.remedy,
                device=self._device,
                errno=failure.errno,
            )
