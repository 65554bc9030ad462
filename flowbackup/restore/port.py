"""What restoring asks of the world: payloads of frames, from whichever copy is good."""

from __future__ import annotations

from typing import Protocol

from flowbackup.model.ids import FrameId


class FrameSource(Protocol):
    """Gives frames back.  Used by one thread at a time."""

    def payload(self, frame: FrameId) -> memoryview:
        """The opened payload of a frame, its digest checked.  Consecutive calls for the same frame
        are cheap.  Raises DamageError naming every copy that was tried, NotFoundError."""
