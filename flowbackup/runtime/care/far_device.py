"""A device of another node as a repair writes to it: a RepairAgent there does what is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DeviceError
from flowbackup.media.port import StoredFrame, WriterStatistics
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.frame import FrameHeader
from flowbackup.model.freed import FreedSegment
from flowbackup.model.queue import Ticket, Waiting
from flowbackup.runtime.care.repair_agent import Committed, RepairAgent
from flowbackup.runtime.engines.far_agent import DeviceAgent
from flowbackup.runtime.engines.port import Engine
from flowbackup.runtime.reading.freed_media import take_over_freed
from flowbackup.runtime.reading.known_media import device_of
from flowbackup.runtime.reading.looking import take_over_found

CALL_SECONDS_MAX = 300
"""A frame, a sync, or the indexes of a medium: a device or network slower than that hangs."""
CLOSE_SECONDS_MAX = 5


@contextmanager
def far_devices(engine: Engine) -> Iterator[Callable[[MediumInfo], FarDevice]]:
    """Opens the devices of media of other nodes, each once; their agents end with it."""
    opened: dict[tuple[str, str], FarDevice] = {}

    def open_far(info: MediumInfo) -> FarDevice:
        place = info.node, info.device_location
        if place not in opened:
            opened[place] = FarDevice(engine, info)
        return opened[place]

    try:
        yield open_far
    finally:
        for device in opened.values():
            device.end()


class FarDevice:
    """A WritableDevice, and the care for its media.  All that its node or agent does wrong is a
    fault of the device, so that a repair goes on with the others."""

    def __init__(self, engine: Engine, info: MediumInfo) -> None:
        """Begins to make its agent.  Raises DeviceError for a node that is not there."""
        self.name = info.device
        self._agent = DeviceAgent(engine, info, "repair agent", RepairAgent, device_of(info))

    def info(self) -> MediumInfo:
        info: MediumInfo = self.ask("info")
        return info

    def media(self) -> tuple[MediumInfo, ...]:
        media: tuple[MediumInfo, ...] = self.ask("media")
        return media

    def lock(self, holder: str) -> None:
        self.ask("lock", holder)

    def holder(self) -> str:
        holder: str = self.ask("holder")
        return holder

    def queue(self) -> FarQueue:
        return FarQueue(self)

    def check_writable(self, need_bytes: int, *, frame_bytes: int = 0) -> None:
        self.ask("check_writable", need_bytes, frame_bytes)

    def writer(self, session: bytes, epoch: int) -> FarWriter:
        self.ask("begin", session, epoch)
        return FarWriter(self)

    def close(self) -> None:
        self.let_go("close")

    def end(self) -> None:
        """Ends the agent, and with it whatever it holds."""
        self._agent.end()

    def look(self, catalog: Catalog, info: MediumInfo) -> int:
        """See look_at."""
        where = info.location

        def freed(segments: Sequence[tuple[int, int]]) -> tuple[FreedSegment, ...]:
            found: tuple[FreedSegment, ...] = self.ask("freed", where, segments)
            return found

        take_over_freed(catalog, info.medium, self.ask("sizes", where), freed)
        known = set(catalog.segments(info.medium))
        return take_over_found(catalog, info.medium, known, self.ask("inventory", where, known))

    def faults(self, info: MediumInfo) -> tuple[str, ...]:
        """See mending.faults."""
        faults: tuple[str, ...] = self.ask("faults", info.location)
        return faults

    def mend(self, info: MediumInfo) -> tuple[str, ...]:
        """See mending.mend."""
        mended: tuple[str, ...] = self.ask("mend", info.location)
        return mended

    def ask(self, verb: str, *arguments: object) -> Any:
        """Raises DeviceError."""
        return self._agent.ask(verb, *arguments, seconds_max=CALL_SECONDS_MAX)

    def let_go(self, verb: str) -> None:
        """Never raises: of an agent that does not answer everything is let go by its end."""
        with suppress(DeviceError):
            self._agent.ask(verb, seconds_max=CLOSE_SECONDS_MAX)


class FarQueue:
    """The DeviceQueue of a FarDevice."""

    def __init__(self, device: FarDevice) -> None:
        self._device = device

    def standing(self) -> tuple[Waiting, ...]:
        standing: tuple[Waiting, ...] = self._device.ask("standing")
        return standing

    def enter(self, ticket: Ticket, holder: str) -> None:
        self._device.ask("enter", ticket, holder)

    def leave(self) -> None:
        self._device.let_go("leave")


class FarWriter:
    """The FrameWriter of a FarDevice.  Its statistics are those of the last commit, so that they
    can be had when the node is gone."""

    def __init__(self, device: FarDevice) -> None:
        self._device = device
        self._statistics = WriterStatistics()

    def append(self, header: FrameHeader, payload: memoryview) -> FramePlace:
        data = np.frombuffer(payload, dtype=np.uint8)
        place: FramePlace = self._device.ask("append", header, data)
        return place

    def commit(self) -> tuple[StoredFrame, ...]:
        committed: Committed = self._device.ask("commit")
        self._statistics = committed.statistics
        return committed.frames

    def finish(self) -> WriterStatistics:
        statistics: WriterStatistics = self._device.ask("finish")
        self._statistics = statistics
        return statistics

    def close(self) -> None:
        self._device.let_go("close_writer")

    def statistics(self) -> WriterStatistics:
        return self._statistics
