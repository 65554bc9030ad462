"""The machine of a restore agent: one read of a frame, sent to every copy group that wants it.

A way is the edge to one agent of a copy group.  Each frame goes over one way of each of its groups:
that with most free credit, or the one that was named, so that an object lies together.  Its slot
may be filled again when all of these have released it.

A frame that is copied keeps its identity, so each way is a stream of the session and numbers its
own frames (see `Route`): whatever goes to whom, every edge sees its sequence without gaps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from flowbackup.errors import ProtocolError
from flowbackup.flow.actions import Forward
from flowbackup.flow.outbox import Outbox
from flowbackup.model.frame import FrameDescriptor, Route
from flowbackup.model.ids import FrameId

FREELY: Mapping[str, str] = MappingProxyType({})
"""No way was named: credit decides."""


@dataclass(frozen=True, slots=True)
class Way:
    """edge: to one agent of the group.  stream: its number, of no other way in the session.
    frames_max: its credit."""

    edge: str
    group: str
    stream: int
    frames_max: int


@dataclass(slots=True)
class _Open:
    """A way that has not been lost."""

    way: Way
    outbox: Outbox
    next_sequence: int = 0

    @property
    def credit(self) -> int:
        return self.way.frames_max - len(self.outbox)


@dataclass(slots=True)
class _Held:
    """A frame in a slot, as it was read, and the edges that have not released it yet."""

    frame: FrameDescriptor
    edges: set[str] = field(default_factory=set)


class SpreadMachine:
    """Slots, ways and replay of one restore agent.  Slots are numbers; the shell has the memory."""

    def __init__(self, slots: Iterable[int], ways: Iterable[Way]) -> None:
        self._free = deque(slots)
        self._ways = {way.edge: _Open(way, Outbox(way.edge)) for way in ways}
        self._held: dict[FrameId, _Held] = {}

    @property
    def groups(self) -> frozenset[str]:
        """The groups to which a way is left."""
        return frozenset(way.way.group for way in self._ways.values())

    @property
    def is_empty(self) -> bool:
        """Everything that was sent has been released, or nobody is left to do so."""
        return not self._held

    def lend(self) -> int | None:
        """A slot to read a frame into; None while none is free."""
        return self._free.popleft() if self._free else None

    def give_back(self, slot: int) -> None:
        """Nothing was read into it."""
        self._free.appendleft(slot)

    def filled(
        self, frame: FrameDescriptor, groups: Iterable[str], named: Mapping[str, str] = FREELY
    ) -> list[Forward]:
        """A frame was read into the slot that was lent.  groups: to which it goes; those to which
        no way is left do without.  named: group -> the edge that it shall take.  Raises
        ProtocolError for a frame that is still on its way: each is read once at a time."""
        frame_id = frame.header.frame_id
        if frame_id in self._held:
            raise ProtocolError(f"frame {frame_id} was read twice at once")
        self._held[frame_id] = held = _Held(frame)
        forwards = [self._push(held, group, named.get(group, "")) for group in groups]
        self._free_if_done(frame_id)
        return [forward for forward in forwards if forward is not None]

    def released(self, edge: str, frame: FrameId, epoch: int) -> bool:
        """An agent has the frame safe in its subtree."""
        way = self._ways.get(edge)
        if way is None or not way.outbox.release(frame, epoch):
            return False
        self._held[frame].edges.discard(edge)
        self._free_if_done(frame)
        return True

    def asked(self, edge: str, stream: int, sequence: int, epoch: int) -> list[Forward]:
        way = self._ways.get(edge)
        return way.outbox.replay(stream, sequence, epoch) if way is not None else []

    def restarted(self, edge: str, epoch: int) -> list[Forward]:
        """An agent was replaced: what it had not released goes to it again."""
        way = self._ways.get(edge)
        return way.outbox.restart(epoch) if way is not None else []

    def lost(self, edge: str) -> list[Forward]:
        """An agent is gone for good: what it had not released goes to another one of its group, if
        one is left."""
        gone = self._ways.pop(edge, None)
        if gone is None:
            return []
        forwards: list[Forward] = []
        for frame in gone.outbox.unreleased():
            held = self._held[frame.header.frame_id]
            held.edges.discard(edge)
            forward = self._push(held, gone.way.group, "")
            if forward is not None:
                forwards.append(forward)
            self._free_if_done(frame.header.frame_id)
        return forwards

    def _push(self, held: _Held, group: str, named: str) -> Forward | None:
        ways = [way for way in self._ways.values() if way.way.group == group]
        if not ways:
            return None
        chosen = self._ways.get(named) or max(ways, key=lambda way: way.credit)
        route = Route(chosen.way.stream, chosen.next_sequence)
        chosen.next_sequence += 1
        held.edges.add(chosen.way.edge)
        return chosen.outbox.push(held.frame._replace(copied=route))

    def _free_if_done(self, frame: FrameId) -> None:
        held = self._held[frame]
        if not held.edges:
            del self._held[frame]
            self._free.append(held.frame.slot)
