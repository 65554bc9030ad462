"""How strongly content of each kind is packed.

A higher level of zstd is slower, but not always smaller: lines of a log shrink most at level 1, and
records shrink more in units of 256 KiB, for which zstd looks closer, than in large ones.  So a
piece of each kind of content is packed at every strength up to the level that was asked for, and
what is of that kind at the cheapest that makes it about as small as any of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa

from flowbackup.units import KIB, MIB

UNIT_BYTES = 256 * KIB
"""The largest for which zstd looks as closely as for small content."""
TRIED_BYTES_MIN = 1 * MIB
"""What is smaller says little of what comes behind it."""
_KINDS = 16
_ABOUT_DIVISOR = 64
"""What is larger by less than a sixty-fourth is about as small."""
_TRIALS_DIVISOR = 16
"""Trials take no more than about so small a part of the whole work."""
_AGAIN_BYTES = 512 * MIB
"""Of one kind, after which another piece of it is tried."""


class Strength(NamedTuple):
    """unit_bytes: so much content each becomes a zstd frame of its own, 0 for all of it one."""

    level: int
    unit_bytes: int = 0

    def pack(self, piece: memoryview) -> list[pa.Buffer]:
        """Standard zstd frames, to stand one behind the other."""
        codec = pa.Codec("zstd", compression_level=self.level)
        unit_bytes = self.unit_bytes or max(len(piece), 1)
        begins = range(0, len(piece), unit_bytes)
        return [codec.compress(piece[begin : begin + unit_bytes]) for begin in begins]


def size_of(units: Iterable[pa.Buffer]) -> int:
    """Bytes, of all of them."""
    return sum(unit.size for unit in units)


_CHEAP = (
    Strength(1), Strength(1, UNIT_BYTES), Strength(2), Strength(2, UNIT_BYTES), Strength(3)
)  # fmt: skip
"""The cheapest first.  Higher levels do not look closer in small units for what they cost more."""


def strengths_to(level: int) -> tuple[Strength, ...]:
    """Those that content may be packed at, the cheapest first."""
    cheap = tuple(strength for strength in _CHEAP if strength.level <= level)
    return cheap if level <= _CHEAP[-1].level else (*cheap, Strength(level))


@dataclass(slots=True)
class _Kind:
    """chosen: for content of it.  left_bytes: that come before another piece is tried."""

    chosen: Strength
    left_bytes: int = 0


class Strengths:
    """Chooses for one object, by what was tried of it.  May be used by several threads at once."""

    def __init__(self, level: int) -> None:
        """level: that none of them is above."""
        self._strengths = strengths_to(level)
        self._unless_tried = Strength(level)
        self._kinds: dict[int, _Kind] = {}
        self._packed_bytes = self._tried_bytes = 0
        self._lock = threading.Lock()

    def pack(self, piece: memoryview, share: float) -> list[pa.Buffer]:
        """Standard zstd frames, to stand one behind the other.  share: to which a sample of the
        piece shrinks."""
        kind = int(share * _KINDS)
        chosen = self._chosen(kind, len(piece))
        return chosen.pack(piece) if chosen else self._try(kind, piece)

    def _chosen(self, kind: int, size_bytes: int) -> Strength | None:
        """None for who is to try all of them; nobody else does so meanwhile."""
        with self._lock:
            known = self._kinds.setdefault(kind, _Kind(self._unless_tried))
            known.left_bytes -= size_bytes
            self._packed_bytes += size_bytes
            is_due = known.left_bytes < 0 and size_bytes >= TRIED_BYTES_MIN
            if not is_due or self._tried_bytes * _TRIALS_DIVISOR > self._packed_bytes:
                return known.chosen
            self._tried_bytes += (len(self._strengths) - 1) * size_bytes
            known.left_bytes = _AGAIN_BYTES
            return None

    def _try(self, kind: int, piece: memoryview) -> list[pa.Buffer]:
        """The piece as it is packed best."""
        tried = {strength: strength.pack(piece) for strength in self._strengths}
        sizes = {s: size_of(units) for s, units in tried.items()}
        least_bytes = min(sizes.values())
        about_bytes = least_bytes + least_bytes // _ABOUT_DIVISOR
        chosen = next(strength for strength, size in sizes.items() if size <= about_bytes)
        with self._lock:
            self._kinds[kind].chosen = chosen
        return tried[chosen]
