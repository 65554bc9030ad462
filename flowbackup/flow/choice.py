"""Which copy of a frame is read first, and why: small values in, an order with its reasons out.

Every frame is checked when it is read, and a bad one costs one more read of another copy.  So what
makes reading slow counts before what makes it doubtful: a copy known to be damaged is the last
resort, then near comes before far, a medium that nobody writes to before one that is written, one
that was verified lately before one that was not.  Media that are equal in all that share the
reading, frame by frame, so that several disks work at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from flowbackup.model.device import HERE
from flowbackup.model.frame_copy import FrameCopy

VERIFIED_NS_MAX = 90 * 86_400 * 1_000_000_000
"""A verification older than a quarter of a year says little about a disk of today."""

REASONS = ("not known to be damaged", "near", "not busy", "verified lately")
"""Why one copy comes before another: the first of these in which they differ."""
ONLY = "the only copy within reach"
SHARED = "shares the reading with its equals"
NEWEST = "the newest on its medium"


@dataclass(frozen=True, slots=True)
class MediumState:
    """What was found when a medium was looked at.

    fault: why it cannot be read from here, "" if it can.  node: where it is.  holder: who is
    writing to it, "" for nobody.
    """

    device: str
    location: str
    fault: str = ""
    node: str = HERE
    holder: str = ""


class Choice(NamedTuple):
    """The copies of a frame that can be read, the best first, and why that one is the best.
    unreachable: the media of the others.  equals: so many of the copies are as good as the best."""

    order: tuple[FrameCopy, ...]
    reason: str
    unreachable: tuple[bytes, ...]
    equals: int = 0

    @property
    def media(self) -> tuple[bytes, ...]:
        """Those of the equal copies, in the order of their turn."""
        return tuple(dict.fromkeys(copy.place.medium for copy in self.order[: self.equals]))

    def led_by(self, medium: bytes) -> Choice:
        """The same, with one of `media` out of its turn."""
        best, others = self.order[: self.equals], self.order[self.equals :]
        first = sorted(best, key=lambda copy: copy.place.medium != medium)
        return self._replace(order=(*first, *others))


def choose(
    turn: int, copies: Sequence[FrameCopy], media: Mapping[bytes, MediumState], now_ns: int
) -> Choice:
    """turn: a number that differs from frame to frame, as the sequence does.  media: the state of
    the medium of every copy."""
    order: list[FrameCopy] = []
    best = 0
    found = [copy for copy in copies if not media[copy.place.medium].fault]

    def rank(copy: FrameCopy) -> tuple[bool, ...]:
        return _rank(copy, media[copy.place.medium], now_ns)

    for _, equals in groupby(sorted(found, key=rank), rank):
        order += _in_turn(turn, list(equals))
        best = best or len(order)
    away = {copy.place.medium for copy in copies} - {copy.place.medium for copy in found}
    reason = _reason(order[0], order[1:], rank(order[0]), rank(order[1])) if order[1:] else ONLY
    return Choice(tuple(order), reason, tuple(sorted(away)), best)


def _rank(copy: FrameCopy, medium: MediumState, now_ns: int) -> tuple[bool, ...]:
    """What is against a copy, in the order of REASONS."""
    stale = now_ns - copy.verified_ns > VERIFIED_NS_MAX
    return copy.damaged, medium.node != HERE, bool(medium.holder), stale


def _in_turn(turn: int, equals: list[FrameCopy]) -> list[FrameCopy]:
    """The media one after the other, another one first each turn; of one medium the newest copy,
    as a repair wrote it, before the older."""
    by_medium: dict[bytes, list[FrameCopy]] = {}
    for copy in sorted(equals, key=_age, reverse=True):
        by_medium.setdefault(copy.place.medium, []).append(copy)
    names = sorted(by_medium)
    first = turn % len(names)
    return [copy for name in (*names[first:], *names[:first]) for copy in by_medium[name]]


def _age(copy: FrameCopy) -> tuple[int, int, int]:
    return copy.place.segment, copy.place.epoch, copy.place.offset


def _reason(
    best: FrameCopy,
    others: Sequence[FrameCopy],
    rank: tuple[bool, ...],
    next_rank: tuple[bool, ...],
) -> str:
    for reason, against, next_against in zip(REASONS, rank, next_rank, strict=True):
        if against != next_against:
            return reason
    same_medium = all(copy.place.medium == best.place.medium for copy in others)
    return NEWEST if same_medium else SHARED
