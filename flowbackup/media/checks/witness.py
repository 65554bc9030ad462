"""Whether copies are where they are said to be, told by the medium that has them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from flowbackup.errors import DeviceError
from flowbackup.media.port import StoredFrame
from flowbackup.media.segments.reader import MediumReader, listed
from flowbackup.media.segments.scan import read_header
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.model.device import FramePlace


def copies_seen(reader: MediumReader, copies: Sequence[StoredFrame]) -> set[FramePlace]:
    """The places of those of these copies that the medium shows: the index lists each there (or in
    a segment that was never sealed, its commit was found), and its own header stands there, too.
    A segment that cannot be read shows nothing.  Payloads are not read: that is a verification."""
    found: set[FramePlace] = set()
    ordered = sorted(copies, key=lambda copy: _segment_of(copy.place))
    for (segment, epoch), asked in groupby(ordered, key=lambda copy: _segment_of(copy.place)):
        try:
            with reader.segment(segment, epoch) as source:
                found |= _seen_in(source, list(asked))
        except DeviceError:
            # Gone, damaged, or of a newer program: no copy that anybody should rely on.
            continue
    return found


def _seen_in(source: SegmentSource, copies: Sequence[StoredFrame]) -> set[FramePlace]:
    stored = {(i.place, i.header) for i in listed(source) if isinstance(i, StoredFrame)}
    listed_copies = [copy for copy in copies if (copy.place, copy.header) in stored]
    return {copy.place for copy in listed_copies if _stands(source, copy)}


def _stands(source: SegmentSource, copy: StoredFrame) -> bool:
    try:
        return read_header(source, copy.place.offset).frame() == copy.header
    except DeviceError:
        return False


def _segment_of(place: FramePlace) -> tuple[int, int]:
    return place.segment, place.epoch
