"""Which segments are on a medium, and the frames of those that nobody has heard of yet."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import NamedTuple

from flowbackup.errors import DamageError
from flowbackup.media.labels.label import read_label
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments.reader import MediumReader, listed
from flowbackup.media.segments.scan import Damage


class FoundSegment(NamedTuple):
    """A file of frames.  frames: those that may be believed, none of a sealed segment that was
    known; damages are left to a verification, which names them."""

    segment: int
    epoch: int
    size_bytes: int
    frames: tuple[StoredFrame, ...] = ()


def inventory(
    location: str, device: str, known: Container[tuple[int, int]]
) -> Iterator[FoundSegment]:
    """Every segment, by number and epoch.  What is not in `known`, and the last group of one that
    was never sealed, may be of a session that was killed before it could tell.  Reads indexes, and
    headers where there is none.  Raises DeviceError if the medium cannot be read."""
    reader = MediumReader(location, read_label(location, device).label, device=device)
    for source in reader.segments():
        if isinstance(source, Damage):
            continue
        with source:
            name = source.name
            if source.sealed and (name.segment, name.epoch) in known:
                yield FoundSegment(name.segment, name.epoch, source.size)
                continue
            try:
                frames = tuple(item for item in listed(source) if isinstance(item, StoredFrame))
            except DamageError:
                frames = ()
            yield FoundSegment(name.segment, name.epoch, source.size, frames)
