"""Who prunes a medium, what all media of a session have in common, and its records."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from typing import NamedTuple, Protocol

from flowbackup.frame.seal import seal
from flowbackup.media.checks.inventory import FoundSegment
from flowbackup.media.freeing import SealedSegment
from flowbackup.media.port import StoredFrame, WriterStatistics
from flowbackup.model.device import DeviceTarget
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.freed import FreedSegment
from flowbackup.model.ids import NO_ID, FrameId
from flowbackup.monitor import Problem
from flowbackup.runtime.freeing.freer import Freer
from flowbackup.runtime.freeing.kept import Kept

RECORD_STREAM = 0
"""In which sessions write what is about them and no part of an object."""


class Pruner(Freer, Protocol):
    """Whoever prunes a medium, here or on its node; see SegmentPruner."""

    def inventory(self, known: Collection[tuple[int, int]]) -> tuple[FoundSegment, ...]: ...

    def found(self, segment: int, epoch: int) -> SealedSegment: ...

    def settle(self, session: bytes, freed_ns: int) -> tuple[FreedSegment, ...]: ...

    def move(
        self, session: bytes, frames: Sequence[StoredFrame], source: DeviceTarget | None = None
    ) -> tuple[StoredFrame, ...]: ...  # fmt: skip

    def sound(self, frames: Sequence[StoredFrame]) -> tuple[StoredFrame, ...]: ...

    def write_record(
        self, session: bytes, header: FrameHeader, payload: bytes
    ) -> tuple[StoredFrame, ...]: ...  # fmt: skip

    def finish(self) -> WriterStatistics: ...


class PruneSetting(NamedTuple):
    """What all media of a session have in common.  max_unused: that part of a medium may stay that
    no version needs, None for any.  sequences: of the records that it writes, each number once.
    tell: hears of what is not as it should be.  is_to_end: whether to go on with no further
    segment."""

    session: bytes
    now_ns: int
    dry_run: bool
    max_unused: Fraction | None
    sequences: Callable[[], int]
    tell: Callable[[Problem], None]
    is_to_end: Callable[[], bool]


class NoRoom(Kept):
    """It stays because what is needed of it could be moved nowhere."""


def sealed_record(frame: FrameId, data: bytes) -> tuple[FrameHeader, bytes]:
    """A record as a frame: header and payload."""
    memory = bytearray(data)
    header = seal(memoryview(memory), [], frame, FrameKind.CATALOG, NO_ID, len(data))
    return header, bytes(memory[: header.payload_bytes])
