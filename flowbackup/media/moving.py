"""Frames that are written once more, to be rid of a sparse segment: in which groups, and what they
take on the medium that gets them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flowbackup.media.devices.directory import TAIL_RESERVE_BYTES
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments.run import frame_bytes, tail_bytes
from flowbackup.model.frame import FrameHeader
from flowbackup.units import KIB, MIB, round_up

GROUP_BYTES = 64 * MIB
"""So much is moved under one commit: memory stays at that and one frame, a sync is worth it."""
LABEL_BYTES = 4 * KIB
"""More than a label takes, with which each segment begins."""


def groups(frames: Sequence[StoredFrame]) -> Iterator[list[StoredFrame]]:
    """In their order, each but the last of GROUP_BYTES or a frame more."""
    group: list[StoredFrame] = []
    size_bytes = 0
    for frame in frames:
        group.append(frame)
        size_bytes += frame.header.payload_bytes
        if size_bytes >= GROUP_BYTES:
            yield group
            group, size_bytes = [], 0
    if group:
        yield group


def frames_bytes(headers: Sequence[FrameHeader], block_bytes: int) -> int:
    """Of the records of frames."""
    return sum(frame_bytes(header, block_bytes) for header in headers)


def records_bytes(headers: Sequence[FrameHeader], block_bytes: int) -> int:
    """What frames that are moved together add to a medium at most: their records, and those of
    commits and segments.  In a bucket each group is a segment; in a directory the first ones may
    stand in the rest of one that is open."""
    count = 1 + sum(header.payload_bytes for header in headers) // GROUP_BYTES
    segments = (count + 1) * _segment_bytes(len(headers), block_bytes)
    return frames_bytes(headers, block_bytes) + count * block_bytes + segments


def record_bytes(header: FrameHeader, block_bytes: int) -> int:
    """What a frame adds to a medium at most that is committed by itself."""
    segment = _segment_bytes(1, block_bytes)
    return frames_bytes([header], block_bytes) + block_bytes + segment


def _segment_bytes(frames: int, block_bytes: int) -> int:
    """Of a segment without its frames."""
    begin = block_bytes + round_up(LABEL_BYTES, block_bytes)
    return begin + tail_bytes(frames, block_bytes)


def room_bytes(headers: Sequence[FrameHeader], block_bytes: int) -> int:
    """What a medium must have left before the first of them is moved to it: the same for a look and
    for the run."""
    return records_bytes(headers, block_bytes) + TAIL_RESERVE_BYTES
