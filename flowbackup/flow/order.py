"""Which frames of a stream may be accepted: each exactly once, and in sequence.

next in order                accept
older, the same digest       a double: acknowledge again, drop
older, another digest        conflict: the sender broke the protocol
ahead                        a gap: ask for the missing one
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

    __slots__ = ("_digests", "expected")

    def __init__(self, expected: int = 0) -> None:
        self.expected = expected
        self._digests: OrderedDict[int, bytes] = OrderedDict()

    def advance(self, floor: int) -> None:
        """Everything below `floor` was released to the sender by an earlier self."""
        self.expected = max(self.expected, floor)

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
