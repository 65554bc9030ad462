"""A frame as it lies on one medium."""

from __future__ import annotations

from typing import NamedTuple

from flowbackup.model.device import FramePlace


class FrameCopy(NamedTuple):
    """One copy of a frame.  damaged: it was found unreadable.  verified_ns: when it was verified
    last, 0 for never."""

    place: FramePlace
    damaged: bool = False
    verified_ns: int = 0
