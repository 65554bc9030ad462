"""What a medium may still take while it is pruned: asked once, and counted from then on."""

from __future__ import annotations

from collections.abc import Sequence

from flowbackup.catalog.pruning import NOTE_BLOCKS
from flowbackup.media.moving import record_bytes, records_bytes, room_bytes
from flowbackup.model.device import MediumInfo
from flowbackup.model.frame import FrameHeader


class MediumRoom:
    """Counts as if everything took as much as it may, so that a dry run, which writes nothing, goes
    the way of the run.  free_bytes: -1 where nobody can say, and then there is room."""

    def __init__(self, info: MediumInfo) -> None:
        """info: of the medium as it is now."""
        self.free_bytes = info.free_bytes
        self._block_bytes = info.block_bytes

    def need_bytes(self, headers: Sequence[FrameHeader]) -> int:
        """Of what is moved; see room_bytes."""
        return room_bytes(headers, self._block_bytes)

    def holds(self, headers: Sequence[FrameHeader]) -> bool:
        """Whether these may be moved there."""
        return self.free_bytes < 0 or self.need_bytes(headers) <= self.free_bytes

    def take(self, headers: Sequence[FrameHeader]) -> None:
        """They are."""
        self._count(records_bytes(headers, self._block_bytes))

    def holds_record(self, header: FrameHeader) -> bool:
        """Whether a record may be written there: into what is kept free of all else, too."""
        return self.free_bytes < 0 or self._record_bytes(header) <= self.free_bytes

    def take_record(self, header: FrameHeader) -> None:
        """It is."""
        self._count(self._record_bytes(header))

    def give(self, size_bytes: int) -> None:
        """A segment of this size has given way to its note."""
        if self.free_bytes >= 0:
            self.free_bytes += max(0, size_bytes - NOTE_BLOCKS * self._block_bytes)

    def fill(self) -> None:
        """The medium was found full, whatever was counted."""
        self.free_bytes = 0

    def _record_bytes(self, header: FrameHeader) -> int:
        return record_bytes(header, self._block_bytes)

    def _count(self, written_bytes: int) -> None:
        if self.free_bytes >= 0:
            self.free_bytes = max(0, self.free_bytes - written_bytes)
