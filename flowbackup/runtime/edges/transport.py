"""How a frame crosses an edge: three ways behind one protocol.

On one node the descriptor is enough.  Between nodes the bytes go once, into a slot of the receiver,
and their digest is checked there before anyone believes them: straight from slot to slot, or
through Ray's object store where nodes reach each other over Ray's own ports only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, cast

from flowbackup.errors import PeerLostError, ProtocolError
from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import FrameDescriptor
from flowbackup.plan.decided import Transport
from flowbackup.runtime.edges.slab import Slab, Slabs
from flowbackup.runtime.edges.wiring import EdgeSettings, Handle

if TYPE_CHECKING:
    from flowbackup.runtime.edges.direct import FramePuller, FrameServer, Place
    from flowbackup.runtime.edges.passport import Passport

PASSPORT_SECONDS_MAX = 60.0
"""A buffer that has just been opened shows its passport at once, on a loaded host later."""


class SendingTransport(Protocol):
    """The way out over one edge.  copies: bytes move, so that `dispatch` is needed."""

    copies: bool

    def dispatch(self, frame: FrameDescriptor) -> tuple[object, ...]:
        """Makes the bytes reachable for the receiver; returns what it needs to get them.  Blocks
        as long as a copy takes."""


class ReceivingTransport(Protocol):
    """The way in over one edge."""

    async def collect(
        self, frame: FrameDescriptor, refs: tuple[object, ...], slab: Slab, slot: int
    ) -> FrameDescriptor:
        """The frame as the receiver has it: in `slot` of its own slab, its digest checked.  Raises
        ProtocolError for other bytes than were announced, PeerLostError."""


class SharedMemory:
    """Both ends see the same slab."""

    copies = False

    def dispatch(self, frame: FrameDescriptor) -> tuple[object, ...]:
        return ()


class ObjectStoreSender:
    """Bytes travel as one object, which the sender's process owns until the frame is released."""

    copies = True

    def __init__(self, slabs: Slabs) -> None:
        self._slabs = slabs

    def dispatch(self, frame: FrameDescriptor) -> tuple[object, ...]:
        slab = self._slabs.named(frame.slab)
        payload = slab.payload(frame.slot, frame.header.payload_bytes)
        # Imported where Ray runs already.
        from flowbackup.runtime.engines.ray_nodes import stored  # noqa: PLC0415

        return (stored(payload),)


class ObjectStoreReceiver:
    """The object is pulled to this node by Ray."""

    async def collect(
        self, frame: FrameDescriptor, refs: tuple[object, ...], slab: Slab, slot: int
    ) -> FrameDescriptor:
        data = await refs[0]  # type: ignore[misc]  # Ray's references are awaitable, untyped
        await asyncio.to_thread(_copy_checked, memoryview(data), frame, slab, slot)
        return frame._replace(slab=slab.path.name, slot=slot)


class DirectSender:
    """Bytes stay in their slot until the receiver asks this process for them."""

    copies = True

    def __init__(self, server: FrameServer) -> None:
        self._server = server

    def dispatch(self, frame: FrameDescriptor) -> tuple[object, ...]:
        self._server.share(frame.slab)
        return (self._server.place,)


class DirectReceiver:
    """Bytes are fetched from the sender's process."""

    def __init__(self, puller: FramePuller) -> None:
        self._puller = puller

    async def collect(
        self, frame: FrameDescriptor, refs: tuple[object, ...], slab: Slab, slot: int
    ) -> FrameDescriptor:
        place = cast("Place", refs[0])
        fetch = partial(self._fetch, place, frame, slab, slot)
        await asyncio.get_running_loop().run_in_executor(self._puller.thread, fetch)
        return frame._replace(slab=slab.path.name, slot=slot)

    def _fetch(self, place: Place, frame: FrameDescriptor, slab: Slab, slot: int) -> None:
        target = slab.payload(slot, frame.header.payload_bytes)
        self._puller.pull(place, frame, target)
        _check(frame, target)


class Transports:
    """The transports of one process, each opened with its edge, closed together."""

    def __init__(self, arrivals: Mapping[str, Transport] = MappingProxyType({})) -> None:
        """arrivals: the edges on which bytes come from other nodes."""
        self._arrivals = arrivals
        self._slabs = Slabs()
        self._passport: Passport | None = None
        self._server: FrameServer | None = None
        self._pullers: list[FramePuller] = []
        self._receivers: dict[str, ReceivingTransport] = {}

    def passport(self) -> Passport:
        """Who this process is; made when it is first asked for."""
        if self._passport is None:
            # TLS takes a tenth of a second to import, and only sessions across nodes need it.
            from flowbackup.runtime.edges.passport import Passport  # noqa: PLC0415

            self._passport = Passport()
        return self._passport

    async def sending(
        self, edge: EdgeSettings, target: Handle, slab: Slab | None
    ) -> SendingTransport:  # fmt: skip
        """The way to this buffer.  slab: mapped already, with frames to send.  Raises PeerLostError
        when the buffer does not say who it is."""
        if edge.transport is Transport.SHARED_MEMORY:
            return SharedMemory()
        if slab is not None:
            self._slabs.add(slab.path, slab)
        if edge.transport is Transport.OBJECT_STORE:
            return ObjectStoreSender(self._slabs)
        try:
            async with asyncio.timeout(PASSPORT_SECONDS_MAX):
                certificate = await target.passport.remote()
        except TimeoutError as error:
            raise PeerLostError(f"{edge.name}: {edge.target} does not say who it is") from error
        server = self._frame_server()
        server.admit(certificate)
        return DirectSender(server)

    def receiving(self, edge: str) -> ReceivingTransport:
        """The way in over the edge of this name.  Raises ProtocolError if nothing comes there."""
        if edge not in self._receivers:
            self._receivers[edge] = self._receiver(edge)
        return self._receivers[edge]

    def close(self) -> None:
        """Ends what is under way; what the slabs hold is their owners' matter."""
        if self._server is not None:
            self._server.close()
        for puller in self._pullers:
            puller.close()

    def _receiver(self, edge: str) -> ReceivingTransport:
        kind = self._arrivals.get(edge)
        if kind is Transport.OBJECT_STORE:
            return ObjectStoreReceiver()
        if kind is Transport.DIRECT:
            from flowbackup.runtime.edges.direct import FramePuller  # noqa: PLC0415  see passport

            self._pullers.append(FramePuller(self.passport()))
            return DirectReceiver(self._pullers[-1])
        raise ProtocolError(f"no bytes are expected over {edge}")

    def _frame_server(self) -> FrameServer:
        if self._server is None:
            from flowbackup.runtime.edges.direct import FrameServer  # noqa: PLC0415  see passport
            from flowbackup.runtime.engines.ray_nodes import this_address  # noqa: PLC0415

            self._server = FrameServer(self.passport(), this_address(), self._slabs)
        return self._server


def _copy_checked(data: memoryview, frame: FrameDescriptor, slab: Slab, slot: int) -> None:
    header = frame.header
    if data.nbytes != header.payload_bytes:
        raise ProtocolError(
            f"frame {header.frame_id} arrived with {data.nbytes} bytes, {header.payload_bytes} sent"
        )
    target = slab.payload(slot, header.payload_bytes)
    target[:] = data
    _check(frame, target)


def _check(frame: FrameDescriptor, payload: memoryview) -> None:
    header = frame.header
    if frame_digest(payload) != header.digest:
        raise ProtocolError(f"frame {header.frame_id} was damaged on its way between nodes")
