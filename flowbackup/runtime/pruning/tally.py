"""What a turn of a prune has done to one medium, for the report."""

from __future__ import annotations

from collections import Counter

from flowbackup.model.device import MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.model.report import FreedReport, KeptReport, MovedReport
from flowbackup.runtime.freeing.turn import Kept


class PruneTally:
    """Of one medium.  Bytes are those of records."""

    def __init__(self, info: MediumInfo) -> None:
        self._info = info
        self._segments = self._frames = self._bytes = 0
        self._moved_frames: Counter[MediumInfo] = Counter()
        self._moved_bytes: Counter[MediumInfo] = Counter()
        self._kept_segments: Counter[str] = Counter()
        self._kept_bytes: Counter[str] = Counter()
        self._kept_texts: dict[str, str] = {}

    def free(self, frames: int, size_bytes: int) -> None:
        """A segment of this size went, and so many frames with it."""
        self._segments += 1
        self._frames += frames
        self._bytes += size_bytes

    def move(self, target: MediumInfo, frames: int, size_bytes: int) -> None:
        """These were written anew there: on the medium itself, or on another one of its set."""
        self._moved_frames[target] += frames
        self._moved_bytes[target] += size_bytes

    def keep(self, kept: Kept, size_bytes: int) -> None:
        """A segment stays, and so much in it is not needed."""
        self._kept_segments[kept.reason] += 1
        self._kept_bytes[kept.reason] += size_bytes
        self._kept_texts.setdefault(kept.reason, kept.text)

    def report(self) -> FreedReport:
        """Its media in the order in which they were first moved to."""
        kept = (
            KeptReport(reason, self._kept_texts[reason], count, self._kept_bytes[reason])
            for reason, count in self._kept_segments.items()
        )
        moved = (
            MovedReport(id_text(to.medium), to.membership.number, frames, self._moved_bytes[to])
            for to, frames in self._moved_frames.items()
            if to.medium != self._info.medium and to.membership is not None
        )
        return FreedReport(
            self._info.device, id_text(self._info.medium), self._segments, self._frames,
            self._bytes, tuple(kept), self._moved_frames.total(), self._moved_bytes.total(),
            tuple(moved),
        )  # fmt: skip
