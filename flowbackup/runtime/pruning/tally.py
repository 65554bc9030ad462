"""What a turn of a prune has done to one medium, for the report."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from flowbackup.model.device import MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.model.report import FreedReport, MovedReport
from flowbackup.runtime.freeing.tally import FreedTally


class PruneTally(FreedTally):
    """Of one medium, with what was written anew."""

    def __init__(self, info: MediumInfo) -> None:
        super().__init__(info.device, info.medium)
        self._moved_frames: Counter[MediumInfo] = Counter()
        self._moved_bytes: Counter[MediumInfo] = Counter()

    def move(self, target: MediumInfo, frames: int, size_bytes: int) -> None:
        """These were written anew there: on the medium itself, or on another one of its set."""
        self._moved_frames[target] += frames
        self._moved_bytes[target] += size_bytes

    def report(self) -> FreedReport:
        """Its media in the order in which they were first moved to."""
        moved = (
            MovedReport(id_text(to.medium), to.membership.number, frames, self._moved_bytes[to])
            for to, frames in self._moved_frames.items()
            if to.medium != self._medium and to.membership is not None
        )
        return replace(
            super().report(), moved_frames=self._moved_frames.total(),
            moved_bytes=self._moved_bytes.total(), moved_to=tuple(moved),
        )  # fmt: skip
