"""Chunks: runs of file content, named by their hash."""

from __future__ import annotations

from typing import NamedTuple

from flowbackup.model.ids import FrameId

CHUNK_BYTES = 1 << 20
"""Content is cut every 1 MiB of a file: large enough that a hash costs nothing per call, small
enough that a changed byte resends little, and a whole number of them fills a frame."""


class ChunkSpan(NamedTuple):
    """A chunk inside one frame: offset and size in bytes, counted in the opened payload."""

    digest: bytes
    offset: int
    size: int


class ChunkRef(NamedTuple):
    """A chunk wherever it is: its name and size, and the frame that held it when it was written."""

    digest: bytes
    size: int
    frame: FrameId
    offset: int
