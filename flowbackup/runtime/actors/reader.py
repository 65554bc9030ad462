"""The Reader actor: a restore agent that feeds copy groups.

In the graph it stands where a client stands in a backup, so it answers the same questions.  What it
reads lies in slots of its own until everybody who is to have it has released it; were it to die,
another restore agent would read again what is missing, so nobody but it needs to keep that memory.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from flowbackup.errors import DeviceError, InterruptedSessionError, PeerLostError, ProtocolError
from flowbackup.flow.actions import Forward
from flowbackup.flow.spread import SpreadMachine
from flowbackup.media.open import open_device
from flowbackup.media.port import Device, FrameReader
from flowbackup.model.device import MediumInfo
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.model.rate import RateSchedule
from flowbackup.process import ProcessIdentity, identify
from flowbackup.runtime.actors.client import ClientProgress
from flowbackup.runtime.actors.heads import Heads
from flowbackup.runtime.actors.spread_sink import SpreadSink
from flowbackup.runtime.edges.pumps import EdgePump
from flowbackup.runtime.edges.slab import Slab, create_slab, remove_stale_slabs
from flowbackup.runtime.edges.transport import Transports
from flowbackup.runtime.edges.wiring import EdgeSettings, Handle, ReaderSettings, Readings, ReadTask


class Reader:
    """One restore agent of a session.  `open`, `wire`, `read`; `close` in the end."""

    def __init__(self, settings: ReaderSettings) -> None:
        self._settings = settings
        self._device: Device | None = None
        self._reader: FrameReader | None = None
        self._slab: Slab | None = None
        self._sink: SpreadSink | None = None
        self._pumps: dict[str, EdgePump] = {}
        self._heads: Heads | None = None
        self._transports = Transports()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining = threading.Event()
        self._bytes_read = 0
        self._first_frame_at = 0.0

    async def open(self) -> tuple[ProcessIdentity, tuple[MediumInfo, ...]]:
        """Looks at the media, without a lock, and reserves memory.  Raises DeviceError,
        MemoryBudgetError."""
        remove_stale_slabs()
        slab = self._settings.slab
        self._slab = create_slab(
            Path(slab.path), slab.slots, slab.slot_bytes, slab.owner, slab.memory
        )  # fmt: skip
        self._device = open_device(self._settings.target)
        media = await asyncio.to_thread(self._device.media)
        return identify(), media

    async def wire(self, agents: Sequence[tuple[EdgeSettings, Handle]]) -> None:
        """Couples it with the buffers that it feeds.  What is read is what is committed now."""
        if self._slab is None or self._device is None:
            raise ProtocolError(f"restore agent {self._settings.agent} is not open")
        self._loop = asyncio.get_running_loop()
        self._reader = self._device.reader(cached=False)
        machine = SpreadMachine(range(self._slab.slots), self._settings.ways)
        sink = self._sink = SpreadSink(machine, self._forward)
        self._heads = Heads(sink, self._transports, self._pumps)
        for edge, target in agents:
            await self._heads.couple(edge, target, self._slab)

    async def replace_successor(self, edge: str, target: Handle, epoch: int) -> None:
        """Another buffer goes on behind an edge: what it has not released goes to it again."""
        if self._heads is not None:
            await self._heads.replace(edge, target, epoch, self._slab)

    async def limit(self, edge: str, rate: RateSchedule) -> None:
        """How fast this edge may be from now on."""
        if self._heads is not None:
            self._heads.limit(edge, rate)

    async def detach(self, edge: str) -> None:
        """Nobody goes on behind this edge: another agent of its group gets what was not released,
        if one is left."""
        if self._heads is not None:
            self._heads.give_up(edge)

    async def read(self, tasks: Sequence[ReadTask]) -> Readings:
        """Reads these frames in this order, once each, and returns when all of them are safe in
        the groups that are left.  One call at a time."""
        return await asyncio.to_thread(self._read_all, tasks)

    async def progress(self) -> ClientProgress:
        """See ClientProgress; a restore agent knows no files and no objects."""
        edges = tuple((name, pump.bytes_moved) for name, pump in self._pumps.items())
        failures = self._heads.failures if self._heads is not None else ()
        return ClientProgress(0, self._bytes_read, edges, (), (), self._first_frame_at, failures)

    async def cancel(self, *, drain: bool) -> None:
        """drain: begin no frame more; else wait for nothing more either."""
        self._draining.set()
        if not drain and self._sink is not None:
            self._sink.cancel()

    async def close(self) -> None:
        """Lets go of device and memory."""
        if self._device is not None:
            self._device.close()
        self._transports.close()
        if self._slab is not None:
            self._slab.remove()
            self._slab.close()
            self._slab = None

    def abandon(self) -> None:
        """From any thread, where nobody can end it: it reads no further, and sends nothing."""
        self._draining.set()
        if self._sink is not None:
            self._sink.cancel()

    def _forward(self, forward: Forward) -> None:
        if not self._first_frame_at:
            self._first_frame_at = time.time()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._pumps[forward.edge].put, forward)

    def _read_all(self, tasks: Sequence[ReadTask]) -> Readings:
        if self._sink is None or self._reader is None or self._slab is None:
            raise ProtocolError(f"restore agent {self._settings.agent} is not wired yet")
        failures: list[tuple[FrameId, DeviceError]] = []
        unread: list[FrameId] = []
        for task in tasks:
            try:
                self._read(task, self._sink, self._reader, self._slab)
            except DeviceError as error:
                failures.append((task.header.frame_id, error))
            except (InterruptedSessionError, PeerLostError):
                unread.append(task.header.frame_id)
        try:
            self._sink.wait_released()
        except InterruptedSessionError:
            # What was not released is not durable, and is counted as that.
            pass
        return Readings(tuple(failures), tuple(unread))

    def _read(self, task: ReadTask, sink: SpreadSink, reader: FrameReader, slab: Slab) -> None:
        if self._draining.is_set():
            raise InterruptedSessionError("the session is ending")
        slot = sink.borrow(task.groups)
        try:
            header, payload = reader.read(task.header, task.place)
            slab.payload(slot, len(payload))[:] = payload
        except BaseException:
            sink.give_back(slot)
            raise
        self._bytes_read += len(payload)
        frame = FrameDescriptor(header, slab.path.name, slot)
        sink.send(frame, task.groups, dict(task.named))
