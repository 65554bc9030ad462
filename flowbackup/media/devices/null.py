"""NullDevice: swallows and counts.  For measuring everything but a device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flowbackup.errors import DamageError, DeviceError, DeviceLockedError
from flowbackup.media.layout import FORMAT_MAJOR, FORMAT_MINOR
from flowbackup.media.locks.queue import NoQueue
from flowbackup.media.port import StoredFrame, WriterStatistics
from flowbackup.model.device import DeviceTarget, FramePlace, MediumInfo
from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import new_id
from flowbackup.units import round_up


class NullWriter:
    """A FrameWriter that checks digests, counts, and keeps nothing."""

    def __init__(self, medium: bytes, epoch: int, block_bytes: int, device: str) -> None:
        self._medium = medium
        self._epoch = epoch
        self._block_bytes = block_bytes
        self._device = device
        self._end = 0
        self._group: list[StoredFrame] = []
        self._closed = False
        self._statistics = WriterStatistics()

    def append(self, header: FrameHeader, payload: memoryview) -> FramePlace:
        self._check_open()
        if payload.nbytes != header.payload_bytes or frame_digest(payload) != header.digest:
            raise DamageError(
                f'device "{self._device}": frame {header.frame_id} does not match its digest '
                "before it was written",
                remedy="the memory of this machine or the sender is faulty; run a memory test",
                device=self._device,
            )
        place = FramePlace(self._medium, 1, self._epoch, self._end)
        size = self._block_bytes + round_up(header.payload_bytes, self._block_bytes)
        self._end += size
        old = self._statistics
        self._statistics = replace(
            old,
            bytes_written=old.bytes_written + size,
            bytes_payload=old.bytes_payload + header.payload_bytes,
            frames=old.frames + 1,
        )
        self._group.append(StoredFrame(header, place))
        return place

    def commit(self) -> tuple[StoredFrame, ...]:
        self._check_open()
        durable = tuple(self._group)
        self._group.clear()
        if durable:
            self._statistics = replace(self._statistics, syncs=self._statistics.syncs + 1)
        return durable

    def finish(self) -> WriterStatistics:
        self.commit()
        segments = 1 if self._statistics.frames else 0
        self._statistics = replace(self._statistics, segments=segments)
        return self._statistics

    def close(self) -> None:
        self._closed = True

    def statistics(self) -> WriterStatistics:
        return self._statistics

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceError(f'device "{self._device}": the writer is closed', device=self._device)


class NullReader:
    """A FrameReader that has nothing."""

    def __init__(self, info: MediumInfo) -> None:
        self._info = info

    def info(self) -> MediumInfo:
        return self._info

    def frames(self) -> Iterator[StoredFrame]:
        return iter(())

    def written_by(self, session: bytes) -> Iterator[StoredFrame]:
        return iter(())

    def read(self, header: FrameHeader | None, place: FramePlace) -> tuple[FrameHeader, memoryview]:
        raise DamageError(
            f'device "{self._info.device}" swallows what it is given and can return nothing',
            remedy="use another copy",
            device=self._info.device,
        )


class NullDevice:
    """A Device without a place; each instance is a new medium."""

    def __init__(self, target: DeviceTarget) -> None:
        self.name = target.name
        self._block_bytes = target.block_bytes
        self._medium = new_id()
        self._holder = ""

    def info(self) -> MediumInfo:
        return MediumInfo(
            self._medium, self.name, "null", "", FORMAT_MAJOR, FORMAT_MINOR, self._block_bytes
        )

    def media(self) -> tuple[MediumInfo, ...]:
        return (self.info(),)

    def lock(self, holder: str) -> None:
        if self._holder and self._holder != holder:
            raise DeviceLockedError(
                f'device "{self.name}" is in use by {self._holder}',
                device=self.name,
                holder=self._holder,
            )
        self._holder = holder

    def holder(self) -> str:
        """Nobody else can reach an instance."""
        return ""

    def queue(self) -> NoQueue:
        return NoQueue()

    def check_writable(self, need_bytes: int, *, frame_bytes: int = 0) -> None:
        """Everything fits."""

    def writer(self, session: bytes, epoch: int) -> NullWriter:
        if not self._holder:
            raise DeviceError(
                f'device "{self.name}" was not locked before writing', device=self.name
            )
        return NullWriter(self._medium, epoch, self._block_bytes, self.name)

    def reader(self, *, cached: bool = True) -> NullReader:
        return NullReader(self.info())

    def close(self) -> None:
        self._holder = ""
