"""The sender's half of an edge: what was sent over it and has not been released.

Credit, acknowledgement and replay are one mechanism: a frame stays here until the receiver has
released it, and until then it can be sent again.
"""

from __future__ import annotations

from collections.abc import Iterable

from flowbackup.flow.actions import Forward
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.ids import FrameId


class Outbox:
    """One edge, seen from its sender.  Streams keep their order."""

    __slots__ = ("_sent", "_streams", "edge", "epoch", "first_slot", "last_slot")

    def __init__(self, edge: str, first_slot: int = 0, last_slot: int = 1 << 30) -> None:
        self.edge = edge
        self.epoch = 0
        self.first_slot = first_slot
        self.last_slot = last_slot
        self._sent: dict[FrameId, FrameDescriptor] = {}
        self._streams: dict[int, dict[int, None]] = {}

    def covers(self, frame: FrameDescriptor) -> bool:
        """Is the buffer in which this frame lies coupled by this edge?"""
        return self.first_slot <= frame.slot < self.last_slot

    def push(self, frame: FrameDescriptor) -> Forward:
        """Sends a frame for the first time."""
        self._sent[frame.header.frame_id] = frame
        self._streams.setdefault(frame.header.stream, {})[frame.header.sequence] = None
        return self._forward(frame)

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
        again = (f for f in self._in_order() if f.header.stream == stream)
        return [self._forward(f) for f in again if f.header.sequence >= sequence]

    def restart(self, epoch: int) -> list[Forward]:
        """The receiver was replaced: everything unreleased goes again, under the new epoch."""
        if epoch <= self.epoch:
            return []
        self.epoch = epoch
        return [self._forward(frame) for frame in self._in_order()]

    def unreleased(self) -> Iterable[FrameDescriptor]:
        """All frames that are out, in the order of their streams."""
        return self._in_order()

    def __contains__(self, frame: FrameId) -> bool:
        return frame in self._sent

    def __len__(self) -> int:
        return len(self._sent)

    def _in_order(self) -> list[FrameDescriptor]:
        return sorted(self._sent.values(), key=lambda f: (f.header.stream, f.header.sequence))

    def _forward(self, frame: FrameDescriptor) -> Forward:
        # Sequences enter in order and dictionaries keep it, so the first one is the lowest.
        floor = next(iter(self._streams[frame.header.stream]))
        return Forward(self.edge, self.epoch, floor, frame)

    def _forget(self, frame: FrameId) -> None:
        del self._sent[frame]
        waiting = self._streams[frame.stream]
        del waiting[frame.sequence]
        if not waiting:
            del self._streams[frame.stream]
