"""The parts in which media are verified, each by a name that stays whatever is written later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flowbackup.units import MIB

STRETCH_BYTES = 64 * MIB
"""Small beside a disk, so that a share of it is met closely; large beside a seek, and beside what
is remembered of it.  The catalog counts in it: another size would forget what was verified."""


class Stretch(NamedTuple):
    """The records of one segment that begin in its bytes from `begin` up to `border`.

    size_bytes: how much of the file there was of it; less than a whole one at the file's end, where
    an unfinished segment still grows.
    """

    segment: int
    epoch: int
    number: int
    size_bytes: int

    @property
    def begin(self) -> int:
        return self.number * STRETCH_BYTES

    @property
    def end(self) -> int:
        """How far the file went."""
        return self.begin + self.size_bytes

    @property
    def border(self) -> int:
        """Where the next one begins, if there is one."""
        return self.begin + STRETCH_BYTES


def stretches_of(segment: int, epoch: int, file_bytes: int) -> Iterator[Stretch]:
    """All of a file, at least one."""
    for number in range(max(1, -(-file_bytes // STRETCH_BYTES))):
        size_bytes = min(STRETCH_BYTES, file_bytes - number * STRETCH_BYTES)
        yield Stretch(segment, epoch, number, size_bytes)
