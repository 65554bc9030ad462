"""A simulated client: reads its objects one after the other, and sends what it has read."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from flowbackup.errors import PeerLostError
from flowbackup.flow.sender import Lent, SenderMachine
from flowbackup.model.frame import Codec, FrameDescriptor, FrameHeader, FrameKind
from flowbackup.model.ids import NO_ID, FrameId
from flowbackup.plan.decided import ObjectPlan
from flowbackup.simulate.clock import Clock
from flowbackup.simulate.edge import ModelEdge, Released
from flowbackup.simulate.scenario import ClientModel, ObjectModel
from flowbackup.simulate.server import Server, seconds_of
from flowbackup.simulate.waiting import NOBODY, Waiting

RECORD_BYTES = 4096
"""Of the record that ends an object."""


@dataclass(slots=True)
class ReadObject:
    """left_bytes: what is still to be read.  edges: over which it goes.  failure: why it was
    given up."""

    plan: ObjectPlan
    model: ObjectModel
    number: int
    edges: tuple[str, ...]
    left_bytes: int
    chosen: str = ""
    failure: str = ""


class ModelClient:
    """The SenderMachine, what it reads, and the couplings to its heads."""

    def __init__(
        self, name: str, model: ClientModel, objects: Iterable[ReadObject], sender: SenderMachine,
        edges: Mapping[str, ModelEdge], frame_bytes: int, clock: Clock, cores: Server,
    ) -> None:  # fmt: skip
        """cores: of its node."""
        self.name = name
        self.objects = tuple(objects)
        self.sender = sender
        self.bytes_sent: Counter[int] = Counter()
        self.frames_released = 0
        self.released: Callable[[], None] = lambda: None
        self._model = model
        self._edges = edges
        self._frame_bytes = frame_bytes
        self._clock = clock
        self._cores = cores
        self._storage = Server()
        self._left = deque(self.objects)
        self._records: deque[str] = deque()
        self._slots: dict[FrameId, int] = {}
        self._waiting = Waiting(clock, self._next)

    def start(self) -> None:
        self._clock.after(0, self._next)

    @property
    def waits(self) -> dict[str, float]:
        """For whom it waited, in seconds."""
        return self._waiting.seconds

    @property
    def is_done(self) -> bool:
        """Everything was read, and is safe."""
        return not self._left and self.sender.is_empty

    @property
    def reads(self) -> ReadObject | None:
        """The object whose content is being read; None behind the last, or at the end of one."""
        return self._left[0] if self._left and not self._records else None

    def hears(self, edge: str) -> Released:
        """What the coupling is to call with each frame that was released."""

        def released(frame: FrameId, last: str) -> None:
            if self.sender.released(edge, frame, self._slots.pop(frame, -1), 0):
                self.frames_released += 1
                self.released()
                self._waiting.end(last)

        return released

    def head_lost(self, edge: str, reason: str) -> None:
        """What it had not released is lost, and with it the objects that were under way."""
        if self.sender.head_lost(edge, reason) and self._left:
            self._left[0].failure = self._left[0].failure or reason
        self._waiting.end(NOBODY)

    def _next(self) -> None:
        """Reads the next frame as soon as there is a slot for it."""
        if not self._left:
            return
        item = self._left[0]
        try:
            lent = self.sender.lend(self._ways(item), item.plan.buffers)
        except PeerLostError as error:
            item.failure = item.failure or str(error)
            self._left.clear()
            return
        if lent is None:
            self._waiting.begin()
            return
        if self._records or not item.left_bytes:
            self._clock.after(0, lambda: self._end_object(item, lent))
            return
        size = min(self._frame_bytes, item.left_bytes)
        self._clock.at(self._read(item, size), lambda: self._filled(item, lent, size))

    def _ways(self, item: ReadObject) -> tuple[str, ...]:
        if self._records:
            return (self._records[0],)
        if item.plan.assign != "object":
            return item.edges
        if not self.sender.has(item.chosen):
            item.chosen = self.sender.freest(item.edges, item.plan.buffers)
        return (item.chosen,)

    def _read(self, item: ReadObject, size_bytes: int) -> float:
        """When a frame has been read and hashed; the one overlaps the other."""
        files = item.model.files * size_bytes / max(1, item.model.size_bytes)
        seconds = seconds_of(size_bytes, self._model.read_rate) + files * self._model.file_seconds
        read = self._storage.book(self._clock.now, seconds)
        hashing = seconds_of(size_bytes, self._model.hash_rate)
        return max(read, self._cores.book(self._clock.now, hashing) if hashing else read)

    def _filled(self, item: ReadObject, lent: Lent, size_bytes: int) -> None:
        # A leap may have left less.
        size_bytes = min(size_bytes, item.left_bytes) or size_bytes
        item.left_bytes = max(0, item.left_bytes - size_bytes)
        self._send(item, lent, FrameKind.DATA, size_bytes)
        self._next()

    def _end_object(self, item: ReadObject, lent: Lent) -> None:
        """The record goes over every coupling that is left, the first of which was chosen."""
        sent_over = self._send(item, lent, FrameKind.CATALOG, RECORD_BYTES)
        if self._records:
            self._records.popleft()
        elif item.plan.assign != "object":
            self._records.extend(e for e in item.edges if e != sent_over and self.sender.has(e))
        if not self._records:
            self._left.popleft()
        self._next()

    def _send(self, item: ReadObject, lent: Lent, kind: FrameKind, size_bytes: int) -> str:
        header = FrameHeader(
            *lent.frame, kind, Codec.PLAIN, item.number.to_bytes(16, "big"), size_bytes,
            size_bytes, 1, NO_ID,
        )  # fmt: skip
        self._slots[header.frame_id] = lent.slot
        self.bytes_sent[lent.frame.stream] += size_bytes
        forward = self.sender.filled(FrameDescriptor(header, "", lent.slot))
        if forward is not None:
            self._edges[forward.edge].put(forward)
        return lent.lane.edge
