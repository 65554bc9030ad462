"""The frames that a manifest page refers to."""

from __future__ import annotations

from flowbackup.errors import DamageError
from flowbackup.frame.page_chunks import page_chunks
from flowbackup.model.ids import FrameId
from flowbackup.model.json_values import NUMBER_MAX


def frames_of_page(body: bytes) -> list[FrameId]:
    """Each once.  Raises DamageError."""
    frames = page_chunks(body).frames
    if any(frame.sequence > NUMBER_MAX for frame in frames):
        raise DamageError("a manifest page refers to a frame that no stream has")
    return list(dict.fromkeys(frames))
