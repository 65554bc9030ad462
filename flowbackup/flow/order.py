"""Which frames of a stream may be accepted: each exactly once, and in sequence.

next in order                accept
older, the same digest       a double: acknowledge again, drop
older, another digest        conflict: the sender broke the protocol
ahead                        a gap: ask for the missing one

Once for each missing one and edge: a frame that is late makes gaps of all behind it, and a replay
for each of those would send a window of frames squared.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum

REMEMBERED_DIGESTS = 4096
"""Doubles come from replays, and a replay reaches back one window at most; windows have well under
a thousand slots.  16 bytes each keep this at 64 KiB a stream."""


class Verdict(Enum):
    ACCEPT = "accept"
    DOUBLE = "double"
    CONFLICT = "conflict"
    GAP = "gap"


class StreamOrder:
    """What one receiver knows of one stream."""

    __slots__ = ("_asked", "_digests", "_dropped", "expected")

    def __init__(self, expected: int = 0) -> None:
        self.expected = expected
        self._digests: OrderedDict[int, bytes] = OrderedDict()
        self._asked: dict[str, int] = {}
        self._dropped: dict[str, int] = {}

    def advance(self, floor: int, sequence: int) -> None:
        """Everything from `floor` up to `sequence` was released to the sender, be it by an earlier
        self.  Releases may overtake each other, so this is not all that lies below."""
        if floor <= self.expected < sequence:
            self.expected = sequence

    def judge(self, sequence: int, digest: bytes) -> Verdict:
        """The verdict on a frame; changes nothing."""
        if sequence == self.expected:
            return Verdict.ACCEPT
        if sequence > self.expected:
            return Verdict.GAP
        known = self._digests.get(sequence)
        return Verdict.DOUBLE if known is None or known == digest else Verdict.CONFLICT

    def accept(self, sequence: int, digest: bytes) -> None:
        """Takes the frame that `judge` accepted."""
        self.expected = sequence + 1
        self._digests[sequence] = digest
        if len(self._digests) > REMEMBERED_DIGESTS:
            self._digests.popitem(last=False)

    def must_ask(self, edge: str, sequence: int) -> bool:
        """A frame of this edge was dropped because of a gap: shall the missing one be asked for?"""
        if self._asked.get(edge, -1) < self.expected:
            self._asked[edge] = self.expected
            return True
        self._dropped[edge] = max(sequence, self._dropped.get(edge, -1))
        return False

    def overdue(self) -> list[str]:
        """After an `accept`: the edges to ask again, because frames that are needed now were
        dropped after the last question."""
        edges = [edge for edge, sequence in self._dropped.items() if sequence >= self.expected]
        self._asked.update(dict.fromkeys(edges, self.expected))
        self._dropped.clear()
        return edges
