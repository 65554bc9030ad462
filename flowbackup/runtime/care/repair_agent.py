"""The RepairAgent actor: cares for ONE device on its node, and writes there what a repair sends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flowbackup.media.checks.inventory import FoundSegment, inventory
from flowbackup.media.labels.mending import faults, mend
from flowbackup.media.open import open_device
from flowbackup.media.port import FrameWriter, StoredFrame, WriterStatistics
from flowbackup.model.device import DeviceTarget, FramePlace, MediumInfo
from flowbackup.model.frame import FrameHeader
from flowbackup.model.freed import FreedSegment
from flowbackup.model.queue import Ticket, Waiting
from flowbackup.runtime.care.group_memory import GroupMemory
from flowbackup.runtime.reading.freed_media import looking_at

Payload = NDArray[np.uint8]
"""Travels through Ray's object store without being copied on the way."""


class Committed(NamedTuple):
    """What a commit has made durable, and what the writer has done by then."""

    frames: tuple[StoredFrame, ...]
    statistics: WriterStatistics


class RepairAgent:
    """A device, its place in the queue and one writer.  With its process the lock goes, and what
    was not committed."""

    def __init__(self, target: DeviceTarget) -> None:
        self._device = open_device(target)
        self._queue = self._device.queue()
        self._writer: FrameWriter | None = None
        self._memory = GroupMemory()

    # The device

    def info(self) -> MediumInfo:
        return self._device.info()

    def media(self) -> tuple[MediumInfo, ...]:
        return self._device.media()

    def holder(self) -> str:
        return self._device.holder()

    def standing(self) -> tuple[Waiting, ...]:
        return self._queue.standing()

    def enter(self, ticket: Ticket, holder: str) -> None:
        self._queue.enter(ticket, holder)

    def leave(self) -> None:
        self._queue.leave()

    def lock(self, holder: str) -> None:
        self._device.lock(holder)

    def check_writable(self, need_bytes: int, frame_bytes: int) -> None:
        self._device.check_writable(need_bytes, frame_bytes=frame_bytes)

    def close(self) -> None:
        """Gives the lock back, after what was being written."""
        self.close_writer()
        self._device.close()

    # The writer

    def begin(self, session: bytes, epoch: int) -> None:
        """See Device.writer."""
        self._writer = self._device.writer(session, epoch)

    def append(self, header: FrameHeader, payload: Payload) -> FramePlace:
        """Keeps the payload until `commit`: what travelled is gone when this returns."""
        return self._begun().append(header, self._memory.copy(payload.data))

    def commit(self) -> Committed:
        writer = self._begun()
        try:
            return Committed(writer.commit(), writer.statistics())
        finally:
            self._memory.clear()

    def finish(self) -> WriterStatistics:
        return self._begun().finish()

    def close_writer(self) -> None:
        """Safe to repeat."""
        if self._writer is not None:
            self._writer.close()
        self._memory.clear()

    # A look at one medium of it

    def sizes(self, location: str) -> Mapping[tuple[int, int], int]:
        sizes, _ = looking_at(location, self._device.name)
        return sizes

    def freed(self, location: str, segments: Sequence[tuple[int, int]]) -> tuple[FreedSegment, ...]:
        _, look = looking_at(location, self._device.name)
        return tuple(look(segments))

    def inventory(
        self, location: str, known: Collection[tuple[int, int]]
    ) -> tuple[FoundSegment, ...]:
        return tuple(inventory(location, self._device.name, known))

    def faults(self, location: str) -> tuple[str, ...]:
        return faults(location, self._device.name)

    def mend(self, location: str) -> tuple[str, ...]:
        return mend(location, self._device.name)

    def _begun(self) -> FrameWriter:
        assert self._writer is not None, "begin comes first"
        return self._writer
