"""Any part of a file of a version, in any order.  What is given was checked chunk by chunk."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from flowbackup.errors import DamageError
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry
from flowbackup.restore.content import ContentSource, extents, lacks_content


class MountedFile:
    """One open file.  It keeps the chunk that was asked last: readers come in small steps."""

    def __init__(self, entry: Entry, source: ContentSource) -> None:
        """source: may be shared with other files.  Raises DamageError for an entry whose chunks do
        not fill it, and for one whose content could not be read when it was to be saved."""
        if lacks_content(entry):
            raise DamageError(f"it was not saved: {entry.problem}")
        self._size = entry.size
        self._source = source
        self._extents = extents(entry)
        self._offsets = [extent.offset for extent in self._extents]
        # Chunks follow each other as if there were no holes: where in that each extent begins, and
        # where each chunk ends.
        self._begins = [0, *accumulate(extent.size for extent in self._extents)]
        self._chunks = entry.chunks
        self._ends = list(accumulate(chunk.size for chunk in entry.chunks))
        self._last: tuple[ChunkRef, bytes] | None = None

    def read(self, size: int, offset: int) -> bytes:
        """So many bytes from there, fewer at the end; holes are zeros.  Raises as FrameSource, and
        DamageError."""
        end = min(self._size, offset + size)
        found: list[bytes] = []
        place = offset
        for number in range(max(0, bisect_right(self._offsets, offset) - 1), len(self._extents)):
            extent = self._extents[number]
            if extent.offset >= end:
                break
            start, stop = max(place, extent.offset), min(end, extent.offset + extent.size)
            if start < stop:
                found.append(bytes(start - place))
                shift = self._begins[number] - extent.offset
                found += self._content(start + shift, stop + shift)
                place = stop
        found.append(bytes(max(0, end - place)))
        return b"".join(found)

    def _content(self, start: int, stop: int) -> Iterator[bytes]:
        """What chunks hold between these places."""
        number = bisect_right(self._ends, start)
        while start < stop:
            chunk = self._chunks[number]
            begin = self._ends[number] - chunk.size
            part = self._checked(chunk)[start - begin : stop - begin]
            yield part
            start += len(part)
            number += 1

    def _checked(self, chunk: ChunkRef) -> bytes:
        if self._last is None or self._last[0] != chunk:
            self._last = chunk, bytes(self._source.chunk(chunk))
        return self._last[1]
