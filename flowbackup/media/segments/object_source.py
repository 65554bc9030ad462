"""A segment that is an object of a store, opened for reading."""

from __future__ import annotations

from flowbackup.errors import DeviceError
from flowbackup.media.failure import device_error
from flowbackup.media.places.bucket import object_at
from flowbackup.media.segments.segment_source import SegmentSource
from flowbackup.units import KIB

TAIL_BYTES = 64 * KIB
"""Index and footer of most segments: fetched by one request, which costs as much as a small one."""


class ObjectSource(SegmentSource):
    """A SegmentSource whose bytes come from a bucket, always from there."""

    _tail = b""

    def _begin(self, cached: bool) -> int:
        self._store, self._key = object_at(self.path)
        # Whole sectors and reading ahead: a request for few bytes takes as long as one for many.
        self._direct = True
        return self._store.find(self._key).size_bytes

    def _read_at(self, view: memoryview, offset: int) -> int:
        size = min(len(view), self.size - offset)
        if size <= 0:
            return 0
        tail_at = max(0, self.size - TAIL_BYTES)
        if offset >= tail_at:
            if not self._tail:
                self._tail = bytes(self._store.read(self._key, tail_at, self.size - tail_at))
            view[:size] = self._tail[offset - tail_at : offset - tail_at + size]
        else:
            view[:size] = self._store.read(self._key, offset, size)
        return size

    def next_data(self, offset: int) -> int:
        """An object has no holes."""
        return offset

    def _unreadable(self, offset: int, error: OSError) -> DeviceError:
        """A store that does not answer has lost nothing: no damage, as a bad sector is."""
        return device_error(self.device, f"reading {self.path} at {offset}", error)
