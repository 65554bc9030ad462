"""Who frees segments of a medium, and what all devices of a session have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from flowbackup.media.freeing import SealedSegment
from flowbackup.model.device import MediumInfo
from flowbackup.model.freed import FreedSegment
from flowbackup.monitor import Problem
from flowbackup.runtime.freeing.witnesses import Witnesses


class Freer(Protocol):
    """Whoever frees segments, here or on the node of the device; see SegmentFreer."""

    def info(self) -> MediumInfo: ...

    def lock(self, holder: str, *, in_turn: bool) -> None: ...

    def sizes(self) -> dict[tuple[int, int], int]: ...

    def freed(self, segments: Sequence[tuple[int, int]]) -> tuple[FreedSegment, ...]: ...

    def sealed(self, segment: int, epoch: int) -> SealedSegment | None: ...

    def free(
        self, sealed: SealedSegment, session: bytes, freed_ns: int, media: Sequence[bytes]
    ) -> FreedSegment: ...

    def close(self) -> None: ...


class FreeSetting(NamedTuple):
    """What all devices of a session have in common.  tell: hears of what is not as it should be.
    is_to_end: whether to go on with no further segment."""

    session: bytes
    now_ns: int
    dry_run: bool
    witnesses: Witnesses
    tell: Callable[[Problem], None]
    is_to_end: Callable[[], bool]
