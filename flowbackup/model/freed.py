"""A segment that has made room."""

from __future__ import annotations

from typing import NamedTuple


class FreedSegment(NamedTuple):
    """What is remembered of a segment whose frames were freed.

    session: that freed it, at `freed_ns`.  frames: how many it had; size_bytes: of its file.
    media: those that were seen to have its frames then.
    """

    segment: int
    epoch: int
    session: bytes
    freed_ns: int
    frames: int
    size_bytes: int
    media: tuple[bytes, ...] = ()
