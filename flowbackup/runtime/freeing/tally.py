"""What was freed of one medium and what stays, for the report."""

from __future__ import annotations

from collections import Counter

from flowbackup.model.ids import id_text
from flowbackup.model.report import FreedReport, KeptReport
from flowbackup.runtime.freeing.kept import Kept


class FreedTally:
    """Of one medium.  Bytes are those of records."""

    def __init__(self, device: str, medium: bytes) -> None:
        """medium: empty where the device bears none that is known."""
        self._device = device
        self._medium = medium
        self._segments = self._frames = self._bytes = 0
        self._kept_segments: Counter[str] = Counter()
        self._kept_bytes: Counter[str] = Counter()
        self._kept_texts: dict[str, str] = {}

    def free(self, frames: int, size_bytes: int) -> None:
        """A segment of this size went, and so many frames with it."""
        self._segments += 1
        self._frames += frames
        self._bytes += size_bytes

    def keep(self, kept: Kept, size_bytes: int) -> None:
        """A segment stays, and so much in it is not needed."""
        self._kept_segments[kept.reason] += 1
        self._kept_bytes[kept.reason] += size_bytes
        self._kept_texts.setdefault(kept.reason, kept.text)

    def report(self) -> FreedReport:
        """So far; of what stays for one reason the text of the first."""
        kept = (
            KeptReport(reason, self._kept_texts[reason], count, self._kept_bytes[reason])
            for reason, count in self._kept_segments.items()
        )
        medium = id_text(self._medium) if self._medium else ""
        return FreedReport(
            self._device, medium, self._segments, self._frames, self._bytes, tuple(kept)
        )
