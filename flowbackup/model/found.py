"""A frame as the reading of a medium has found it."""

from __future__ import annotations

from typing import NamedTuple

from flowbackup.model.device import FramePlace
from flowbackup.model.frame import FrameHeader


class FoundFrame(NamedTuple):
    """damaged: its payload is not what was written.  False where nobody looked at it."""

    header: FrameHeader
    place: FramePlace
    damaged: bool = False
