"""A media agent of a simulated session: the machine of its buffer, its device and its couplings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from flowbackup.flow.actions import Action, Ask, Break, Commit, Forward, Refuse, Release, Write
from flowbackup.flow.buffer import BufferMachine, BufferStatistics
from flowbackup.flow.outbox import Outbox
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId
from flowbackup.plan.decided import AgentPlan
from flowbackup.simulate.clock import Clock
from flowbackup.simulate.device import ModelDevice
from flowbackup.simulate.edge import ModelEdge, Released

TICKS_PER_SYNC = 4
"""As those of runtime/actors/buffer.py."""


class Station:
    """Wiring only: what the machine decides goes to the device and over the couplings."""

    def __init__(
        self, plan: AgentPlan, machine: BufferMachine, device: ModelDevice, clock: Clock,
        sync_seconds: float,
    ) -> None:  # fmt: skip
        self.plan = plan
        self.machine = machine
        self.device = device
        self.failure = ""
        self.failed_at = 0.0
        self.incoming: dict[str, ModelEdge] = {}
        self.outgoing: dict[str, ModelEdge] = {}
        self.bytes_released: Counter[int] = Counter()
        """By stream: what it has in memory no more."""
        self.broke: Callable[[str], None] = lambda _: None
        self.filled: Callable[[], None] = lambda: None
        self._clock = clock
        self._tick_seconds = sync_seconds / TICKS_PER_SYNC
        self._ticks = False
        self._held = (0.0, 0.0, 0)
        self._sizes: dict[FrameId, tuple[int, int]] = {}
        self._writer(device, 0)

    @property
    def works(self) -> bool:
        """It has a device that keeps what it is given."""
        return not self.failure

    def offered(self, edge: str, floor: int, frame: FrameDescriptor) -> None:
        self._sizes[frame.header.frame_id] = frame.route.stream, frame.header.payload_bytes
        self._perform(self.machine.offered(edge, 0, floor, frame, self._clock.now))
        if not self._ticks:
            self._ticks = True
            self._clock.after(self._tick_seconds, self._tick)

    def fail(self, reason: str) -> None:
        """The first reason is kept."""
        if not self.failure:
            self.failure, self.failed_at = reason, self._clock.seconds

    def relay_only(self) -> None:
        """Its device has failed, and no other one goes on."""
        self._perform(self.machine.device_failed())

    def replace_device(self, device: ModelDevice) -> None:
        """What is not released goes to another one."""
        self.device = device
        epoch = self.machine.device_epoch + 1
        self._writer(device, epoch)
        self._perform(self.machine.device_restarted(epoch, (), self._clock.now))

    def edge_failed(self, edge: str, heirs: Iterable[ModelEdge] = ()) -> None:
        """Nobody goes on behind it; heirs: the couplings of those behind, which this one adopts."""
        outboxes: list[Outbox] = []
        for heir in heirs:
            self.outgoing[heir.plan.name] = heir
            heir.adopted(self.plan.name, self._hears(heir))
            outboxes.append(heir.outbox())
        self.outgoing.pop(edge, None)
        self._perform(self.machine.successor_detached(edge, outboxes))

    def couple(self, edge: ModelEdge, target: Station) -> None:
        self.outgoing[edge.plan.name] = edge
        target.incoming[edge.plan.name] = edge
        edge.couple(target, self._hears(edge))

    def held_seconds(self) -> float:
        """Slots in use, summed up over the time of the machines."""
        total, since, held = self._held
        return total + held * (self._clock.now - since)

    def statistics(self) -> BufferStatistics:
        return self.machine.statistics(self._clock.now)

    def _hears(self, edge: ModelEdge) -> Released:
        def released(frame: FrameId, last: str) -> None:
            self._perform(self.machine.released(edge.plan.name, frame, 0), last)

        return released

    def _writer(self, device: ModelDevice, epoch: int) -> None:
        def told(frames: list[FrameId]) -> None:
            self._perform(self.machine.committed(frames, epoch))

        device.serve(told, lambda: self.filled())

    def _tick(self) -> None:
        if self.machine.is_empty:
            self._ticks = False
            return
        self._perform(self.machine.ticked(self._clock.now))
        self._clock.after(self._tick_seconds, self._tick)

    def _perform(self, actions: Iterable[Action], last: str = "") -> None:
        """last: who has made this possible, its own device if nobody is named."""
        for action in actions:
            match action:
                case Write(frame):
                    self.device.put(frame)
                case Commit():
                    self.device.put(None)
                case Forward(edge):
                    if edge in self.outgoing:
                        self.outgoing[edge].put(action)
                case Release(edge, _, frame_id):
                    stream, size_bytes = self._sizes.pop(frame_id, (0, 0))
                    self.bytes_released[stream] += size_bytes
                    if edge in self.incoming:
                        self.incoming[edge].release(frame_id, last or self.device.target.name)
                case Break(reason):
                    self.broke(reason)
                case Ask() | Refuse():
                    # A coupling loses nothing and keeps the order: only a fault of the model asks.
                    raise AssertionError(f"{self.plan.name}: {action}")
        self._held = self.held_seconds(), self._clock.now, self.machine.frames_held
