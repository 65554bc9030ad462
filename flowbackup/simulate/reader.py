"""A simulated restore agent: reads its part of the frames, and sends each to every copy group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from flowbackup.flow.spread import SpreadMachine
from flowbackup.model.frame import Codec, FrameDescriptor, FrameHeader, FrameKind
from flowbackup.model.ids import NO_ID, FrameId
from flowbackup.plan.decided import AgentPlan
from flowbackup.simulate.clock import Clock
from flowbackup.simulate.device import ModelDevice
from flowbackup.simulate.edge import ModelEdge, Released
from flowbackup.simulate.waiting import NOBODY, Waiting


class ModelReader:
    """The SpreadMachine, the device that is read, and the couplings to the copy groups."""

    def __init__(
        self, plan: AgentPlan, number: int, machine: SpreadMachine, device: ModelDevice,
        edges: Mapping[str, ModelEdge], left_bytes: int, frame_bytes: int, clock: Clock,
    ) -> None:  # fmt: skip
        """number: of this reader, which no other has.  left_bytes: what it has to read."""
        self.plan = plan
        self.name = plan.name
        self.machine = machine
        self.device = device
        self.left_bytes = left_bytes
        self.bytes_sent: Counter[int] = Counter()
        self.frames_released = 0
        self.failure = ""
        self.released: Callable[[], None] = lambda: None
        self._number = number
        self._edges = edges
        self._frame_bytes = frame_bytes
        self._clock = clock
        self._sequence = 0
        self._slot: int | None = None
        self._waiting = Waiting(clock, self._next)

    def start(self) -> None:
        self._clock.after(0, self._next)

    @property
    def waits(self) -> dict[str, float]:
        """For whom it waited, in seconds."""
        return self._waiting.seconds

    @property
    def is_done(self) -> bool:
        return not self.left_bytes and self.machine.is_empty

    def hears(self, edge: str) -> Released:
        def released(frame: FrameId, last: str) -> None:
            if self.machine.released(edge, frame, 0):
                self.frames_released += 1
                self.released()
                self._waiting.end(last)

        return released

    def head_lost(self, edge: str, reason: str) -> None:
        """Another agent of its group gets what it had not released."""
        for forward in self.machine.lost(edge):
            self._edges[forward.edge].put(forward)
        if not self.machine.groups:
            self.fail(reason)
        self._waiting.end(NOBODY)

    def fail(self, reason: str) -> None:
        """It reads no more."""
        self.failure = self.failure or reason
        self.left_bytes = 0

    def _next(self) -> None:
        if not self.left_bytes:
            return
        slot = self.machine.lend()
        if slot is None:
            self._waiting.begin()
            return
        size = min(self._frame_bytes, self.left_bytes)
        self._clock.at(self.device.read(size), lambda: self._filled(slot, size))

    def _filled(self, slot: int, size_bytes: int) -> None:
        if self.failure:
            return
        size_bytes = min(size_bytes, self.left_bytes) or size_bytes
        self.left_bytes = max(0, self.left_bytes - size_bytes)
        frame = FrameId(NO_ID, self._number, self._sequence)
        self._sequence += 1
        # The last one is as the record behind an object: nobody waits for more to commit it.
        kind = FrameKind.DATA if self.left_bytes else FrameKind.CATALOG
        header = FrameHeader(
            *frame, kind, Codec.PLAIN, NO_ID, size_bytes, size_bytes, 1, NO_ID
        )  # fmt: skip
        for forward in self.machine.filled(FrameDescriptor(header, "", slot), self._groups()):
            self.bytes_sent[forward.frame.route.stream] += size_bytes
            self._edges[forward.edge].put(forward)
        self._next()

    def _groups(self) -> list[str]:
        return sorted(self.machine.groups)
