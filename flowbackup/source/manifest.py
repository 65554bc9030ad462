"""Entries into pages, pages into manifest frames, and the root that lists the pages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from flowbackup.errors import SourceError
from flowbackup.frame.page import PAGES_MAX, PageCutter, PageRef, encode_page, encode_root
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.entry import Entry
from flowbackup.source.filler import FrameFiller


class PageSink(Protocol):
    """Takes the manifest as it is made, so that a catalog need not read it back."""

    def page(self, digest: bytes, data: bytes) -> None:
        """The next page, in path order.  digest: of the chunk that `data` is."""

    def root(self, digest: bytes, data: bytes) -> None:
        """The root, after the last page."""


Journal = Callable[[bytes], None]
"""Takes the next entries, as a page: all of them in path order, each once, and before their page of
the manifest is stored.  Who has them, and the frames that they refer to, can go on where reading
was interrupted."""

FindPage = Callable[[bytes], ChunkRef | None]
"""Says where a page of that digest lies already."""

FindBytes = Callable[[Sequence[Entry]], bytes | None]
"""Gives the bytes of a page of just these entries, if they are at hand."""

JOURNAL_FRAMES = 4
"""After so much content entries are told at the latest; of small files a page is full before."""


class _Page(NamedTuple):
    first_path: bytes
    entries: int
    data: bytes
    stored: ChunkRef | None


class ManifestWriter:
    """Collects entries; at most one unfinished page of them and about two frames of finished pages
    are in memory.

    Pages wait until no data slot is open: `store_full` is called then, and `close_data` is how the
    writer asks for it when the pages grow over two frames, as with very many empty files.
    """

    def __init__(
        self,
        filler: FrameFiller,
        pages: PageSink,
        frame_bytes: int,
        weight_max: int,
        close_data: Callable[[], None],
        journal: Journal,
        find: FindPage,
        find_bytes: FindBytes = lambda _: None,
    ) -> None:
        """find: pages that it knows are referred to and not stored again."""
        self._filler = filler
        self._pages = pages
        self._frame_bytes = frame_bytes
        self._close_data = close_data
        self._journal = journal
        self._find = find
        self._find_bytes = find_bytes
        self._cutter = PageCutter(weight_max)
        self._entries: list[Entry] = []
        self._journaled = 0
        self._content_bytes = 0
        self._waiting: deque[_Page] = deque()
        self._waiting_bytes = 0
        self._stored: list[PageRef] = []

    def add(self, entry: Entry) -> None:
        """The next entry, in path order."""
        if self._cutter.begins_page(entry):
            self._end_page()
        self._entries.append(entry)
        for chunk in entry.chunks:
            self._content_bytes += chunk.size
        if self._content_bytes >= JOURNAL_FRAMES * self._frame_bytes:
            self._tell_journal(encode_page(self._entries[self._journaled :]))

    def store_full(self) -> None:
        """Packs waiting pages into frames, as long as they fill them.  No data slot is open."""
        while self._waiting_bytes >= self._frame_bytes:
            while self._waiting and self._fits(self._waiting[0]):
                self._store_one()
            self._filler.flush()

    def _fits(self, page: _Page) -> bool:
        return page.stored is not None or self._filler.fits(len(page.data))

    def finish(self) -> ChunkRef:
        """Packs everything that waits and the root.  No data slot is open.  Raises SourceError
        when the list of pages does not fit into a frame."""
        if self._entries:
            self._end_page()
        while self._waiting:
            self._store_one()
        data = encode_root(self._stored)
        if len(data) > self._frame_bytes or len(self._stored) > PAGES_MAX:
            raise SourceError(
                f"the list of {len(self._stored)} manifest pages takes {len(data)} bytes, "
                f"a frame has {self._frame_bytes}, and no list more than {PAGES_MAX} pages",
                remedy="use larger frames, or back up parts of the tree as objects of their own",
            )
        root = self._filler.put(data)
        self._filler.flush()
        self._pages.root(root.digest, data)
        return root

    def _end_page(self) -> None:
        data = self._find_bytes(self._entries) or encode_page(self._entries)
        if not self._journaled:
            self._tell_journal(data)
        elif self._journaled < len(self._entries):
            self._tell_journal(encode_page(self._entries[self._journaled :]))
        self._journaled = 0
        stored = self._find(self._filler.name_of(data))
        self._waiting.append(_Page(self._entries[0].path, len(self._entries), data, stored))
        self._waiting_bytes += len(data)
        self._entries = []
        if stored is not None and len(self._waiting) == 1:
            self._store_one()
        if self._waiting_bytes >= 2 * self._frame_bytes:
            self._close_data()
            self.store_full()

    def _tell_journal(self, page: bytes) -> None:
        self._journal(page)
        self._journaled = len(self._entries)
        self._content_bytes = 0

    def _store_one(self) -> None:
        page = self._waiting.popleft()
        self._waiting_bytes -= len(page.data)
        ref = page.stored or self._filler.put(page.data)
        self._stored.append(PageRef(page.first_path, page.entries, ref))
        self._pages.page(ref.digest, page.data)
