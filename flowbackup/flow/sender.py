"""The machine of a client: which head gets the next frame, and what is still out.

A lane is a range of one head's buffers whose frames all take the same way through the graph; it is
one stream, so every edge on that way sees its sequence without gaps.  The next frame goes where
most credit is free, which spreads a backup group by the speed of its devices.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from flowbackup.errors import PeerLostError, ProtocolError
from flowbackup.flow.actions import Forward
from flowbackup.flow.outbox import Outbox
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId


@dataclass(slots=True)
class Lane:
    """edge: the way to the head.  stream: its number in the session.  first, last: its buffers."""

    edge: str
    stream: int
    first_slot: int
    last_slot: int
    next_sequence: int = 0


@dataclass(frozen=True, slots=True)
class Lent:
    """A slot lent for filling."""

    lane: Lane
    frame: FrameId
    slot: int


def in_place(numbers: Iterable[int]) -> dict[int, int]:
    """Slots in the memory of the head itself: each is the buffer of its number."""
    return {number: number for number in numbers}


class SenderMachine:
    """Credits, numbering and replay at the source.  Slots are numbers; the shell has the memory."""

    def __init__(
        self, session: bytes, lanes: Iterable[Lane], slots: Mapping[str, Mapping[int, int]]
    ) -> None:
        """slots: for each edge the slots that are this client's to fill, each with the buffer of
        the head that it stands for."""
        self._session = session
        self._lanes = list(lanes)
        self._outboxes = {lane.edge: Outbox(lane.edge) for lane in self._lanes}
        self._buffers = {edge: dict(numbers) for edge, numbers in slots.items()}
        self._free = {edge: deque(numbers) for edge, numbers in slots.items()}
        self._lent: Lent | None = None
        self._broken = ""

    def lend(self, edges: Iterable[str], slots: tuple[int, int] | None = None) -> Lent | None:
        """The next slot to fill, over one of these edges and, if given, in this range of buffers;
        None while no credit is free.  Raises PeerLostError when no edge is left, ProtocolError
        when the range holds none of this client's slots: that would be waited for for ever."""
        if self._lent is not None:
            raise ProtocolError("a slot is lent already; frames are filled one at a time")
        best = self._freest(edges, slots)
        number = self._pick(best, slots)
        if number is None:
            return None
        self._free[best.edge].remove(number)
        frame = FrameId(self._session, best.stream, best.next_sequence)
        self._lent = Lent(best, frame, number)
        return self._lent

    def freest(self, edges: Iterable[str], slots: tuple[int, int] | None = None) -> str:
        """The edge with most free credit, for an object that shall lie together.  Raises as
        `lend`."""
        return self._freest(edges, slots).edge

    def give_back(self) -> None:
        """The lent slot stays empty; its identity is lent again next time."""
        lent = self._take_lent()
        self._free[lent.lane.edge].appendleft(lent.slot)

    def filled(self, frame: FrameDescriptor) -> Forward | None:
        """The lent slot was filled and sealed; None where its edge has gone meanwhile."""
        lent = self._take_lent()
        is_own = frame.copied is not None or frame.header.session == lent.frame.session
        if frame.route != lent.frame[1:] or not is_own or frame.slot != lent.slot:
            raise ProtocolError(f"frame {frame.header.frame_id} does not lie in the slot lent")
        lent.lane.next_sequence += 1
        outbox = self._outboxes.get(lent.lane.edge)
        return outbox.push(frame) if outbox is not None else None

    def released(self, edge: str, frame: FrameId, slot: int, epoch: int) -> bool:
        """A frame is safe; its slot may be filled again."""
        outbox = self._outboxes.get(edge)
        if outbox is None or not outbox.release(frame, epoch):
            return False
        self._free[edge].append(slot)
        return True

    def asked(self, edge: str, stream: int, sequence: int, epoch: int) -> list[Forward]:
        outbox = self._outboxes.get(edge)
        return outbox.replay(stream, sequence, epoch) if outbox is not None else []

    def head_restarted(self, edge: str, epoch: int) -> list[Forward]:
        outbox = self._outboxes.get(edge)
        return outbox.restart(epoch) if outbox is not None else []

    def head_lost(self, edge: str, reason: str) -> int:
        """A head is gone for good.  Returns how many of its frames were not safe yet."""
        outbox = self._outboxes.pop(edge, None)
        self._broken = reason
        return len(outbox) if outbox is not None else 0

    def has(self, edge: str) -> bool:
        """Has it not been lost?"""
        return edge in self._outboxes

    def next_sequences(self) -> dict[int, int]:
        """Stream -> the sequence of its next frame: the border for who is attached now."""
        return {lane.stream: lane.next_sequence for lane in self._lanes}

    @property
    def is_empty(self) -> bool:
        """Everything that was sent has been released."""
        return all(len(outbox) == 0 for outbox in self._outboxes.values())

    @property
    def frames_out(self) -> int:
        return sum(len(outbox) for outbox in self._outboxes.values())

    def _freest(self, edges: Iterable[str], slots: tuple[int, int] | None) -> Lane:
        wanted = {edge for edge in edges if edge in self._outboxes}
        lanes = [lane for lane in self._lanes if lane.edge in wanted and _overlaps(lane, slots)]
        if not lanes:
            raise PeerLostError(f"no chain is left that can take frames: {self._broken or 'none'}")
        lanes = [lane for lane in lanes if self._owns_any(lane, slots)]
        if not lanes:
            raise ProtocolError(f"no slot in buffers {slots} belongs to this client")
        return max(lanes, key=lambda lane: self._credit(lane, slots))

    def _owns_any(self, lane: Lane, slots: tuple[int, int] | None) -> bool:
        return any(_inside(lane, slots, buffer) for buffer in self._buffers[lane.edge].values())

    def _credit(self, lane: Lane, slots: tuple[int, int] | None) -> int:
        return sum(1 for _ in self._fitting(lane, slots))

    def _pick(self, lane: Lane, slots: tuple[int, int] | None) -> int | None:
        return next(self._fitting(lane, slots), None)

    def _fitting(self, lane: Lane, slots: tuple[int, int] | None) -> Iterator[int]:
        """Free slots of a lane that stand for buffers in the range."""
        buffers = self._buffers[lane.edge]
        return (n for n in self._free[lane.edge] if _inside(lane, slots, buffers[n]))

    def _take_lent(self) -> Lent:
        if self._lent is None:
            raise ProtocolError("no slot is lent")
        lent, self._lent = self._lent, None
        return lent


def _overlaps(lane: Lane, slots: tuple[int, int] | None) -> bool:
    return slots is None or (lane.first_slot < slots[1] and slots[0] < lane.last_slot)


def _inside(lane: Lane, slots: tuple[int, int] | None, buffer: int) -> bool:
    in_lane = lane.first_slot <= buffer < lane.last_slot
    return in_lane and (slots is None or slots[0] <= buffer < slots[1])
