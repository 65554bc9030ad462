"""Memory for the frames that a commit is to make durable together."""

from __future__ import annotations

from mmap import mmap


class GroupMemory:
    """Page-aligned memory for the frames of one group, used again for the next."""

    def __init__(self) -> None:
        self._free: list[mmap] = []
        self._used: list[mmap] = []
        self.bytes_used = 0

    def copy(self, payload: bytes | memoryview) -> memoryview:
        """The payload in memory of its own, valid until `clear`."""
        place = next((m for m in self._free if len(m) >= len(payload)), None)
        if place is None:
            place = mmap(-1, max(1, len(payload)))
        else:
            self._free.remove(place)
        self._used.append(place)
        self.bytes_used += len(payload)
        place[: len(payload)] = payload
        return memoryview(place)[: len(payload)]

    @property
    def frames(self) -> int:
        return len(self._used)

    def clear(self) -> None:
        """All of it may be written again."""
        self._free, self._used, self.bytes_used = self._used, [], 0
