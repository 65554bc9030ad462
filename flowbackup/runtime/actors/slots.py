"""The client's sink: lends slots of the chain to the reader and sends what it has filled.

Two threads meet here: the reader (blocking, in `borrow`) and the actor's event loop (offers and
replies).  The SenderMachine is touched under one lock.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from time import perf_counter

from flowbackup.errors import FlowbackupError, InterruptedSessionError, PeerLostError, ProtocolError
from flowbackup.flow.actions import Forward
from flowbackup.flow.sender import Lent, SenderMachine
from flowbackup.model.frame import FrameDescriptor, FrameHeader, FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.runtime.edges.slab import Slab
from flowbackup.runtime.edges.wiring import Reply
from flowbackup.source.port import OpenSlot

WAIT_SECONDS = 1.0
"""How long the reader sleeps at most before it looks again whether it was cancelled."""


class SlotSink:
    """A FrameSink over the edges of one client.  `aim` says where the next object goes."""

    def __init__(
        self, machine: SenderMachine, slabs: Mapping[str, Slab],
        forward: Callable[[Forward], None],
    ) -> None:  # fmt: skip
        """slabs: the memory of each edge.  forward: hands a frame to the edge's pump; called from
        both threads, does not block."""
        self._machine = machine
        self._slabs = slabs
        self._forward = forward
        self._changed = threading.Condition()
        self._slots: dict[FrameId, int] = {}
        self._edges: tuple[str, ...] = ()
        self._lies_together = False
        self._chosen = ""
        self._buffers: tuple[int, int] | None = None
        self._lent: Lent | None = None
        self._failure: FlowbackupError | None = None
        self._frames_sent: dict[bytes, Counter[str]] = {}
        self.wait_seconds = 0.0
        """For which the reader has waited for a slot."""
        self.end_seconds = 0.0
        """For which it has, with nothing more to read, until all was safe."""

    def aim(
        self, edges: tuple[str, ...], buffers: tuple[int, int] | None, *, lies_together: bool
    ) -> None:  # fmt: skip
        """The next object goes over these edges, in these of their buffers.  lies_together: all of
        it over the one that has most credit when it begins, or is left when that one is lost."""
        self._edges = edges
        self._buffers = buffers
        self._lies_together = lies_together
        self._chosen = ""

    def borrow(self) -> OpenSlot:
        """See FrameSink."""
        with self._changed:
            lent = self._lend(self._ways())
        return OpenSlot(lent.frame, self._slabs[lent.lane.edge].slot(lent.slot), lent.slot)

    def send(self, slot: OpenSlot, header: FrameHeader) -> None:
        """See FrameSink.  The record that ends an object goes down every edge of its group that is
        left, so that each chain alone can say what it holds."""
        with self._changed:
            sent_over = self._send(slot, header)
            if header.kind != FrameKind.CATALOG:
                return
            used = self._frames_sent[header.object_id]
            for edge in self._edges:
                is_due = edge in used or not self._lies_together
                if is_due and edge != sent_over and self._machine.has(edge):
                    self._repeat(edge, slot.memory[: header.payload_bytes], header)

    def give_back(self, slot: OpenSlot) -> None:
        """See FrameSink."""
        with self._changed:
            self._machine.give_back()
            self._lent = None

    def wait_released(self) -> None:
        """Blocks until everything sent is safe.  Raises what has made that impossible."""
        begun = perf_counter()
        with self._changed:
            while not self._machine.is_empty:
                self._raise_failure()
                self._changed.wait(WAIT_SECONDS)
            self._raise_failure()
        self.end_seconds += perf_counter() - begun

    def replied(self, edge: str, reply: Reply, epoch: int = 0) -> None:
        """The head of an edge, of this epoch, has released frames, or asks for some again."""
        with self._changed:
            for frame in reply.released:
                if self._machine.released(edge, frame, self._slots.get(frame, -1), epoch):
                    self._slots.pop(frame, None)
            for stream, sequence in reply.asks:
                for forward in self._machine.asked(edge, stream, sequence, epoch):
                    self._forward(forward)
            self._changed.notify_all()

    def head_restarted(self, edge: str, epoch: int, switch: Callable[[], None]) -> None:
        """Another head goes on behind an edge: what it has not released goes to it again.  switch:
        from its return on `forward` goes there; nothing is sent meanwhile."""
        with self._changed:
            switch()
            for forward in self._machine.head_restarted(edge, epoch):
                self._forward(forward)

    def edge_failed(self, edge: str, error: FlowbackupError) -> None:
        """The head of an edge is gone; what it had not released is lost with it."""
        with self._changed:
            lost = self._machine.head_lost(edge, str(error))
            if lost or isinstance(error, ProtocolError):
                self._failure = error
            self._changed.notify_all()

    def cancel(self) -> None:
        """The reader's next `borrow` raises InterruptedSessionError."""
        with self._changed:
            self._failure = InterruptedSessionError("the session was cancelled")
            self._changed.notify_all()

    def frames_sent(self, object_id: bytes) -> tuple[tuple[str, int], ...]:
        """How many frames of an object went out over which edge."""
        with self._changed:
            return tuple(self._frames_sent.get(object_id, Counter()).items())

    def next_sequences(self) -> dict[int, int]:
        """See SenderMachine."""
        with self._changed:
            return self._machine.next_sequences()

    def _ways(self) -> tuple[str, ...]:
        """The edges over which the next frame may go."""
        if not self._lies_together:
            return self._edges
        if not self._machine.has(self._chosen):
            self._chosen = self._machine.freest(self._edges, self._buffers)
        return (self._chosen,)

    def _lend(self, edges: tuple[str, ...]) -> Lent:
        while True:
            self._raise_failure()
            self._lent = self._machine.lend(edges, self._buffers)
            if self._lent is not None:
                return self._lent
            begun = perf_counter()
            self._changed.wait(WAIT_SECONDS)
            self.wait_seconds += perf_counter() - begun

    def _send(self, slot: OpenSlot, header: FrameHeader) -> str:
        if self._lent is None:
            raise ProtocolError("a frame was sent without a slot")
        edge = self._lent.lane.edge
        self._lent = None
        frame = FrameDescriptor(header, self._slabs[edge].path.name, slot.number)
        self._slots[header.frame_id] = slot.number
        self._frames_sent.setdefault(header.object_id, Counter())[edge] += 1
        forward = self._machine.filled(frame)
        if forward is None:
            raise PeerLostError("the chain that this frame was filled for is gone")
        self._forward(forward)
        return edge

    def _repeat(self, edge: str, payload: memoryview, header: FrameHeader) -> None:
        lent = self._lend((edge,))
        memory = self._slabs[edge].slot(lent.slot)
        memory[: len(payload)] = payload
        stream, sequence = lent.frame.stream, lent.frame.sequence
        again = header._replace(stream=stream, sequence=sequence)
        self._send(OpenSlot(lent.frame, memory, lent.slot), again)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
