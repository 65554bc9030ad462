"""What restoring asks of the world: payloads of frames, from whichever copy is good."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from flowbackup.frame.seal import Content
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry
from flowbackup.model.ids import FrameId


class FrameSource(Protocol):
    """Gives frames back.  Used by one thread at a time."""

    def payload(self, frame: FrameId) -> Content:
        """The opened payload of a frame, its digest checked.  Consecutive calls for the same frame
        are cheap.  Raises DamageError naming every copy that was tried, NotFoundError,
        WrongKeyError."""


class Foresight(Protocol):
    """Hears what a restore will need, so that it can be read meanwhile."""

    def following(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The same entries, as they are asked for."""

    def kept(self, ref: ChunkRef) -> Content | None:
        """Where the frame of this small chunk was at hand before, its bytes, which nobody has
        checked; else None."""

    def restored(self, count: int) -> None:
        """So many of them, from the first on, need nothing any more.  Called for each."""
