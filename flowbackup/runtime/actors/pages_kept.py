"""The list of files of the object that is being read, as the catalog is to get it."""

from __future__ import annotations

from collections import deque

from flowbackup.frame.page import PageRef, decode_root

PAGES_TOLD_MAX = 256
"""So many pieces of the journal are remembered until they are stored as pages; of two frames of
pages, which may wait for that, it is the most."""


class PagesKept:
    """Keeps the manifest of the object that is being read, for the catalog: of pages that the
    journal has told whole their ordinals there, so that memory does not grow with the tree."""

    def __init__(self) -> None:
        self._pages: list[bytes | int] = []
        self._root: list[PageRef] = []
        self._told: deque[tuple[int, bytes]] = deque(maxlen=PAGES_TOLD_MAX)

    def told(self, ordinal: int, page: bytes) -> None:
        """A piece of the journal, which may become a page."""
        self._told.append((ordinal, page))

    def page(self, digest: bytes, data: bytes) -> None:
        places = [place for place, (_, page) in enumerate(self._told) if page is data]
        self._pages.append(self._told[places[0]][0] if places else data)
        for _ in range(places[0] + 1 if places else 0):
            self._told.popleft()

    def root(self, digest: bytes, data: bytes) -> None:
        self._root = decode_root(data)

    def kept(self) -> tuple[tuple[PageRef, bytes | int], ...]:
        """All pages with their references; none before the root is there."""
        return tuple(zip(self._root, self._pages, strict=True)) if self._root else ()
