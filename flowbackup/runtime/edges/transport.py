"""How a frame crosses an edge: two ways behind one protocol.

On one node the descriptor is enough.  Between nodes the bytes go once through Ray's object store
into a slot of the receiver, and their digest is checked there before anyone believes them.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import numpy as np
import ray

from flowbackup.errors import ProtocolError
from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import FrameDescriptor
from flowbackup.plan.decided import Transport
from flowbackup.runtime.edges.slab import Slab, Slabs


class FrameTransport(Protocol):
    """One edge's way."""

    def dispatch(self, frame: FrameDescriptor) -> tuple[object, ...]:
        """Makes the bytes reachable for the receiver; returns what it needs to get them."""

    async def collect(
        self, frame: FrameDescriptor, refs: tuple[object, ...], slab: Slab, slot: int
    ) -> FrameDescriptor:
        """The frame as the receiver has it: in `slot` of its own slab where bytes moved."""


class SharedMemory:
    """Both ends see the same slab."""

    copies = False

    def dispatch(self, frame: FrameDescriptor) -> tuple[object, ...]:
        return ()

    async def collect(
        self, frame: FrameDescriptor, refs: tuple[object, ...], slab: Slab, slot: int
    ) -> FrameDescriptor:
        return frame


class ObjectStore:
    """Bytes travel as one object, which the sender's process owns until the frame is released."""

    copies = True

    def __init__(self, slab: Slab | None = None) -> None:
        self._slabs = Slabs()
        if slab is not None:
            self._slabs.add(slab.path, slab)

    def dispatch(self, frame: FrameDescriptor) -> tuple[object, ...]:
        slab = self._slabs.named(frame.slab)
        payload = slab.payload(frame.slot, frame.header.payload_bytes)
        return (ray.put(np.frombuffer(payload, dtype=np.uint8)),)

    async def collect(
        self, frame: FrameDescriptor, refs: tuple[object, ...], slab: Slab, slot: int
    ) -> FrameDescriptor:
        data = await refs[0]  # type: ignore[misc]  # Ray's references are awaitable, untyped
        await asyncio.to_thread(_copy_checked, memoryview(data), frame, slab, slot)
        return frame._replace(slab=slab.path.name, slot=slot)


def open_transport(kind: Transport, slab: Slab | None) -> SharedMemory | ObjectStore:
    """The one table of transports.  `slab`: the sender's, for those that move bytes."""
    return SharedMemory() if kind is Transport.SHARED_MEMORY else ObjectStore(slab)


def _copy_checked(data: memoryview, frame: FrameDescriptor, slab: Slab, slot: int) -> None:
    header = frame.header
    if data.nbytes != header.payload_bytes:
        raise ProtocolError(
            f"frame {header.frame_id} arrived with {data.nbytes} bytes, {header.payload_bytes} sent"
        )
    target = slab.payload(slot, header.payload_bytes)
    target[:] = data
    if frame_digest(target) != header.digest:
        raise ProtocolError(f"frame {header.frame_id} was damaged on its way between nodes")
