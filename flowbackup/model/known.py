"""What is safe already of an object that is backed up again.

Values that travel from the catalog to the client: the list of the files that an earlier session has
read, as far as it got, in pages like those of a manifest.
"""

from __future__ import annotations

from typing import NamedTuple

from flowbackup.model.chunk import ChunkRef
from flowbackup.model.ids import FrameId


class KnownContent(NamedTuple):
    """Files of one object as one session has read them, in path order.  started_ns: when it began
    to read them.  pages: see `frame.page`; the files may break off anywhere.  stored: where pages
    of the manifest lie, of those that are known to.  is_trusted: a file that seems to be as it was
    is not read; else only its chunks are compared."""

    object_id: bytes
    started_ns: int
    pages: tuple[bytes, ...] = ()
    stored: tuple[ChunkRef, ...] = ()
    is_trusted: bool = True

    def followed_by(self, more: KnownContent) -> KnownContent:
        """With the next pages of the same."""
        return self._replace(pages=self.pages + more.pages, stored=self.stored + more.stored)


class HeldChunks(NamedTuple):
    """Chunks in frames, whichever object has brought them.  counts: how many are in each of the
    frames; records: of one frame behind the other, as the index of a frame has them."""

    frames: tuple[FrameId, ...]
    counts: tuple[int, ...]
    records: bytes


class JournalPage(NamedTuple):
    """The next piece of such a list, as the client tells it while it reads.  ordinal: from 0, in
    path order."""

    object_id: bytes
    client: str
    name: str
    source: bytes
    started_ns: int
    ordinal: int
    page: bytes
