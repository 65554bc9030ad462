"""The machine of a Buffer: what one agent of a chain owes to whom.

Release rule: a frame is released to its predecessor when it is durable on the agent's own device
and released by every coupled successor, or that obligation has been lifted (relay-only device,
detached successor).  Until then the predecessor keeps it and can send it again.

Epochs guard against the dead that come back.  Each self of a buffer has one and signs with it:
`Release` and `Ask` carry it as `epoch`, and the shell hands it to `offered` beside a `Forward`.
`Forward.epoch` is another thing, the address: the self of the receiver that is meant.  The shell
delivers to that self or drops the message (an actor's handle does so by itself).  The writer has a
third epoch.

To replace a buffer or writer: first tell the predecessor (`successor_restarted`) or this buffer
(`device_restarted`), then let nothing more from the old self in; a successor may learn of its new
predecessor by the first frame under the higher epoch.  A replaced writer may believe that it has
committed what the cut has taken away, so its word must count no more from the cut on.  A new
buffer gets a new writer: what lies uncommitted in the old one would be written twice.  It may come
later than the buffer (`device_restarted`): until then nothing is released.

A successor that is attached in the middle is owed what comes from then on (`Begins`), whoever its
predecessor is later: the next self of this buffer, or an heir.  Before a successor is detached its
writer must have stopped: what it has not written is in slots that are used again at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flowbackup.errors import ProtocolError
from flowbackup.flow.actions import Action, Ask, Break, Commit, Refuse, Release, Write
from flowbackup.flow.commit import GroupCommit
from flowbackup.flow.order import StreamOrder, Verdict
from flowbackup.flow.outbox import Begins, Outbox
from flowbackup.flow.window import CreditWindow, WindowStatistics
from flowbackup.model.frame import FrameDescriptor, FrameKind
from flowbackup.model.ids import FrameId


@dataclass(slots=True)
class _Held:
    """A frame in a slot.  edges: all who offered it; after an adoption the lost predecessor may
    offer it once more, and the heir must get its answer all the same."""

    frame: FrameDescriptor
    edges: list[str]
    durable_here: bool
    since: float
    safe_elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class BufferStatistics:
    """waiting_for: "device" or the edge that the oldest frame waits for, "" when none waits.
    lags: per successor the bytes that this agent has done its part for and the successor has not
    released."""

    window: WindowStatistics
    frames_accepted: int
    frames_released: int
    bytes_accepted: int
    bytes_released: int
    doubles: int
    gaps: int
    refused: int
    waiting_for: str
    waiting_seconds: float
    device_alive: bool
    lags: tuple[tuple[str, int], ...] = ()


class BufferMachine:
    """One agent's buffer.  Every event returns the actions that follow from it, in order."""

    def __init__(
        self, *, slots: int, bytes_max: int, commit: GroupCommit,
        successors: Iterable[Outbox] = (), epoch: int = 0,
        durable: Iterable[FrameId] = (),
    ) -> None:  # fmt: skip
        """durable: frames that the device already holds under a commit (after a restart)."""
        self.epoch = epoch
        self.device_epoch = 0
        self.device_alive = True
        self.broken = False
        self._window = CreditWindow(slots, bytes_max)
        self._commit = commit
        self._successors = {outbox.edge: outbox for outbox in successors}
        self._durable_before = set(durable)
        self._held: dict[FrameId, _Held] = {}
        self._orders: dict[int, StreamOrder] = {}
        self._closed_objects: set[tuple[bytes, int]] = set()
        self._predecessor_epochs: dict[str, int] = {}
        self._counts = dict.fromkeys(
            ("accepted", "released", "bytes_in", "bytes_out", "doubles", "gaps", "refused"), 0
        )

    # What predecessors say.

    def offered(
        self, edge: str, epoch: int, floor: int, frame: FrameDescriptor, now: float
    ) -> list[Action]:
        """A predecessor sends a frame under its epoch (see `predecessor_restarted`)."""
        header = frame.header
        if epoch < self._predecessor_epochs.get(edge, 0):
            return self._refuse(edge, frame, f"epoch {epoch} is not the present one", fatal=False)
        self.predecessor_restarted(edge, epoch)
        stream, sequence = frame.route
        order = self._orders.setdefault(stream, StreamOrder())
        order.advance(floor, sequence)
        verdict = order.judge(sequence, header.digest)
        if verdict is Verdict.ACCEPT:
            return self._accept(edge, order, frame, now)
        if verdict is Verdict.GAP:
            self._counts["gaps"] += 1
            if not order.must_ask(edge, sequence):
                return []
            return [Ask(edge, self.epoch, stream, order.expected)]
        if verdict is Verdict.CONFLICT:
            reason = "the same sequence came with another digest"
            return self._refuse(edge, frame, reason, fatal=True)
        return self._double(edge, frame)

    def predecessor_restarted(self, edge: str, epoch: int) -> list[Action]:
        """From now on only this epoch of the predecessor may send; or a higher one, which
        announces itself by its first frame."""
        if epoch > self._predecessor_epochs.get(edge, 0):
            self._predecessor_epochs[edge] = epoch
        return []

    def heeds(self, edge: str, epoch: int) -> bool:
        """Is this epoch of a predecessor, as far as is known, the present one?"""
        return epoch >= self._predecessor_epochs.get(edge, 0)

    # What the device says.

    def committed(self, frames: Iterable[FrameId], epoch: int) -> list[Action]:
        """The writer of this epoch has made these frames durable."""
        if epoch != self.device_epoch or not self.device_alive:
            return []
        actions: list[Action] = []
        for frame in frames:
            held = self._held.get(frame)
            if held is not None:
                held.durable_here = True
                actions += self._release_if_done(frame)
        return actions

    def device_restarted(
        self, epoch: int, durable: Iterable[FrameId], now: float
    ) -> list[Action]:  # fmt: skip
        """A new writer begins behind the last commit, under which `durable` lie; everything else
        that is held goes to it again."""
        if epoch <= self.device_epoch:
            return []
        durable = tuple(durable)
        self.device_epoch = epoch
        self.device_alive = True
        self._durable_before.update(durable)
        self._commit.asked()
        actions = self.committed(durable, epoch)
        lost = [held for held in self._held.values() if not held.durable_here]
        for held in sorted(lost, key=lambda h: h.frame.header.frame_id):
            actions += self._write(held.frame, now)
        return actions + self._commit_if_stuck()

    def device_failed(self, epoch: int | None = None) -> list[Action]:
        """The device is gone for this session: the agent relays only.  epoch: of the writer that
        says so; a replaced one is not heard."""
        if epoch is not None and epoch != self.device_epoch:
            return []
        self.device_alive = False
        self._commit.asked()
        if not self._successors:
            return self._break("its device failed and no successor is left")
        return [a for frame in list(self._held) for a in self._release_if_done(frame)]

    # What successors say.

    def released(self, edge: str, frame: FrameId, epoch: int) -> list[Action]:
        """A successor has the frame safe in its subtree."""
        outbox = self._successors.get(edge)
        if outbox is None or not outbox.release(frame, epoch):
            return []
        self._held[frame].safe_elsewhere = True
        return self._release_if_done(frame)

    def asked(self, edge: str, stream: int, sequence: int, epoch: int) -> list[Action]:
        """A successor misses frames."""
        outbox = self._successors.get(edge)
        return list(outbox.replay(stream, sequence, epoch)) if outbox is not None else []

    def successor_restarted(self, edge: str, epoch: int) -> list[Action]:
        """A successor was replaced: what it had not released goes to it again."""
        outbox = self._successors.get(edge)
        return list(outbox.restart(epoch)) if outbox is not None else []

    def successor_attached(self, successor: Outbox, begins: Begins) -> Begins:
        """A new successor, from the next frames on.  begins: of every stream the first sequence
        that its source has not sent yet, as it was before this call: what the earlier selves of
        this buffer have released lies below.  Returns what the successor is owed, which belongs
        to it from now on.  Raises ProtocolError for an edge that is there, and for an agent that
        can promise nothing any more."""
        if successor.edge in self._successors or self.broken:
            state = "this agent is broken" if self.broken else "it is there already"
            raise ProtocolError(f"{successor.edge} cannot be attached: {state}")
        owed = {stream: max(first, self.expected(stream)) for stream, first in begins.items()}
        successor.begins = owed
        self._successors[successor.edge] = successor
        return owed

    def successor_detached(self, edge: str, heirs: Iterable[Outbox] = ()) -> list[Action]:
        """A successor is given up.  `heirs`: the edges to its own successors, which this agent
        adopts: they get every frame that the lost one had not released."""
        lost = self._successors.pop(edge, None)
        if lost is None:
            return []
        owed = list(lost.unreleased())
        actions: list[Action] = []
        for heir in heirs:
            self._successors[heir.edge] = heir
            actions += [heir.push(frame) for frame in owed if heir.covers(frame)]
        if not self._successors and not self.device_alive:
            return self._break("its device failed and its last successor is gone")
        for frame in owed:
            actions += self._release_if_done(frame.header.frame_id)
        return actions

    # What the clock says.

    def ticked(self, now: float) -> list[Action]:
        """Time has passed; call it a few times per `sync_seconds`."""
        return self._commit_now() if self._commit.is_due(now) else []

    # What anybody may ask.

    @property
    def is_empty(self) -> bool:
        """Nothing is held: everything accepted has been released."""
        return not self._held

    @property
    def frames_held(self) -> int:
        """Accepted and not yet released."""
        return len(self._held)

    def holds(self, frame: FrameId) -> bool:
        """Was it accepted and not yet released?"""
        return frame in self._held

    def held(self) -> tuple[tuple[str, FrameDescriptor], ...]:
        """All that was accepted and not yet released: the edge over which it came first, and how
        it lies in memory."""
        return tuple((held.edges[0], held.frame) for held in self._held.values())

    def expected(self, stream: int) -> int:
        order = self._orders.get(stream)
        return order.expected if order is not None else 0

    def credit(self) -> tuple[WindowStatistics, int]:
        """What is lent of it, and for how many frames: those accepted and not yet released.  A
        part of the statistics, without the time that all of them take."""
        return self._window.statistics(), self._counts["accepted"] - self._counts["released"]

    def statistics(self, now: float) -> BufferStatistics:
        oldest = next(iter(self._held.values()), None)
        return BufferStatistics(
            window=self._window.statistics(),
            frames_accepted=self._counts["accepted"],
            frames_released=self._counts["released"],
            bytes_accepted=self._counts["bytes_in"],
            bytes_released=self._counts["bytes_out"],
            doubles=self._counts["doubles"],
            gaps=self._counts["gaps"],
            refused=self._counts["refused"],
            waiting_for=self._waits_for(oldest) if oldest else "",
            waiting_seconds=now - oldest.since if oldest else 0.0,
            device_alive=self.device_alive,
            lags=tuple((edge, self._lag_bytes(box)) for edge, box in self._successors.items()),
        )

    def _lag_bytes(self, successor: Outbox) -> int:
        return sum(
            frame.header.payload_bytes
            for frame in successor.unreleased()
            if self._held[frame.header.frame_id].durable_here or not self.device_alive
        )

    def _accept(
        self, edge: str, order: StreamOrder, frame: FrameDescriptor, now: float
    ) -> list[Action]:
        header = frame.header
        if self.broken:
            return self._refuse(edge, frame, "this agent is broken", fatal=False)
        stream, sequence = frame.route
        if frame.copied is None and (header.object_id, stream) in self._closed_objects:
            reason = "its object has ended already: an object id may be sent once"
            return self._refuse(edge, frame, reason, fatal=True)
        is_double = header.frame_id in self._held
        if not is_double:
            self._window.take(header.payload_bytes)
        order.accept(sequence, header.digest)
        asks: list[Action] = [
            Ask(asked, self.epoch, stream, order.expected) for asked in order.overdue()
        ]
        if is_double:
            # Copied, and sent again by another reader in the place of one that was lost.
            return asks + self._double(edge, frame)
        self._counts["accepted"] += 1
        self._counts["bytes_in"] += header.payload_bytes
        durable = header.frame_id in self._durable_before
        self._held[header.frame_id] = _Held(frame, [edge], durable, now)
        actions = asks + [
            outbox.push(frame) for outbox in self._successors.values() if outbox.covers(frame)
        ]
        if self.device_alive and not durable:
            actions += self._write(frame, now)
        if header.kind == FrameKind.CATALOG:
            self._closed_objects.add((header.object_id, stream))
            actions += self._commit_now() if self._commit.has_pending else []
        actions += self._release_if_done(header.frame_id)
        return actions + self._commit_if_stuck()

    def _double(self, edge: str, frame: FrameDescriptor) -> list[Action]:
        self._counts["doubles"] += 1
        frame_id = frame.header.frame_id
        held = self._held.get(frame_id)
        if held is None:
            return [Release(edge, self.epoch, frame_id)]
        if edge not in held.edges:
            held.edges.append(edge)
        return []

    def _write(self, frame: FrameDescriptor, now: float) -> list[Action]:
        self._commit.wrote(frame.header.payload_bytes, now)
        actions: list[Action] = [Write(frame)]
        return actions + (self._commit_now() if self._commit.is_due(now) else [])

    def _commit_now(self) -> list[Action]:
        self._commit.asked()
        return [Commit()]

    def _commit_if_stuck(self) -> list[Action]:
        """With every slot taken nothing more can arrive to make a commit due."""
        return self._commit_now() if self._window.is_full and self._commit.has_pending else []

    def _release_if_done(self, frame: FrameId) -> list[Action]:
        held = self._held[frame]
        if self.device_alive and not held.durable_here:
            return []
        if self.broken or any(frame in outbox for outbox in self._successors.values()):
            return []
        if not held.durable_here and not held.safe_elsewhere:
            return self._break("its device failed and no successor has the frame")
        del self._held[frame]
        self._durable_before.discard(frame)
        size_bytes = held.frame.header.payload_bytes
        self._window.give_back(size_bytes)
        self._counts["released"] += 1
        self._counts["bytes_out"] += size_bytes
        return [Release(edge, self.epoch, frame) for edge in held.edges]

    def _refuse(
        self, edge: str, frame: FrameDescriptor, reason: str, *, fatal: bool
    ) -> list[Action]:
        self._counts["refused"] += 1
        return [Refuse(edge, frame.header.frame_id, reason, fatal)]

    def _break(self, reason: str) -> list[Action]:
        if self.broken:
            return []
        self.broken = True
        return [Break(reason)]

    def _waits_for(self, held: _Held) -> str:
        if self.device_alive and not held.durable_here:
            return "device"
        frame = held.frame.header.frame_id
        return next((edge for edge, box in self._successors.items() if frame in box), "")
