"""The sender's half of an edge: what was sent over it and has not been released.

Credit, acknowledgement and replay are one mechanism: a frame stays here until the receiver has
released it, and until then it can be sent again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from flowbackup.flow.actions import Forward
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId

Begins = Mapping[int, int]
"""Stream -> the first sequence that a receiver is owed: one that was attached in the middle of a
session.  0 for a stream that is not named."""
FROM_THE_START: Begins = MappingProxyType({})
NEVER = 1 << 62
"""In Begins, of a stream of which nothing is owed any more."""


class Outbox:
    """One edge, seen from its sender.  Streams keep their order."""

    __slots__ = ("_sent", "_streams", "begins", "edge", "epoch", "streams")

    def __init__(
        self, edge: str, streams: Collection[int] | None = None, epoch: int = 0,
        begins: Begins = FROM_THE_START,
    ) -> None:  # fmt: skip
        """streams: those whose frames take this edge, None for all.  epoch: the receiver's present
        one, where the edge begins later than its receiver.  begins: the receiver's, the same for
        every sender that it ever has: what lies before was never sent to it, so that its "I have
        that already" would be a lie."""
        self.edge = edge
        self.epoch = epoch
        self.streams = None if streams is None else frozenset(streams)
        self.begins = begins
        self._sent: dict[FrameId, FrameDescriptor] = {}
        self._streams: dict[int, dict[int, None]] = {}

    def covers(self, frame: FrameDescriptor) -> bool:
        """Does this frame take the edge, and is it not older than the edge's receiver?  Its stream
        says through which buffers it goes, on every node; in which slot it lies, only its node
        knows."""
        stream, sequence = frame.route
        is_coupled = self.streams is None or stream in self.streams
        return is_coupled and sequence >= self.begins.get(stream, 0)

    def push(self, frame: FrameDescriptor) -> Forward:
        """Sends a frame for the first time."""
        # Sequences enter in order and dictionaries keep it, so the last one is the highest.
        stream, sequence = frame.route
        waiting = self._streams.setdefault(stream, {})
        floor = next(reversed(waiting)) + 1 if waiting else 0
        self._sent[frame.header.frame_id] = frame
        waiting[sequence] = None
        return Forward(self.edge, self.epoch, floor, frame)

    def release(self, frame: FrameId, epoch: int) -> bool:
        """Takes a release.  False for one that is unknown or comes from an earlier epoch of the
        receiver: what a replaced receiver once had is not believed."""
        if epoch != self.epoch or frame not in self._sent:
            return False
        self._forget(frame)
        return True

    def replay(self, stream: int, sequence: int, epoch: int) -> list[Forward]:
        """Sends the unreleased frames of a stream again, from `sequence` on."""
        if epoch != self.epoch:
            return []
        return [
            forward for forward in self._again()
            if forward.frame.route.stream == stream and forward.frame.route.sequence >= sequence
        ]  # fmt: skip

    def restart(self, epoch: int) -> list[Forward]:
        """The receiver was replaced: everything unreleased goes again, under the new epoch."""
        if epoch <= self.epoch:
            return []
        self.epoch = epoch
        return self._again()

    def unreleased(self) -> Iterable[FrameDescriptor]:
        """All frames that are out, in the order in which they were sent: it is that in which they
        took the receiver's slots, over all streams, so that nobody who sends them again needs more
        of them than there are."""
        return self._sent.values()

    def __contains__(self, frame: FrameId) -> bool:
        return frame in self._sent

    def __len__(self) -> int:
        return len(self._sent)

    def _again(self) -> list[Forward]:
        forwards: list[Forward] = []
        floors: dict[int, int] = {}
        for frame in self.unreleased():
            stream, sequence = frame.route
            forwards.append(Forward(self.edge, self.epoch, floors.get(stream, 0), frame))
            floors[stream] = sequence + 1
        return forwards

    def _forget(self, frame: FrameId) -> None:
        stream, sequence = self._sent.pop(frame).route
        del self._streams[stream][sequence]
