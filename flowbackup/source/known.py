"""What need not be read or sent, because an earlier session has made it safe: files that are as
they were, chunks of others, and pages of the manifest."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Sequence
from itertools import chain, groupby
from operator import attrgetter

from flowbackup.frame.page import decode_page, weight_of
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.digest import chunk_digest
from flowbackup.model.entry import Entry, EntryKind, sort_key
from flowbackup.model.ids import FrameId
from flowbackup.model.known import HeldChunks, KnownContent
from flowbackup.source.known_chunks import KnownChunks

CLOCK_GRAIN_NS = 20_000_000
"""File systems stamp changes with a clock that ticks every 1 to 10 ms: what was changed so shortly
before it was read may have been changed once more behind that, under the same time."""

PAGES_DECODED = 3
"""A page ends when the next one has begun, and the last name of each is met with what is behind."""

Parts = tuple[Entry, ...]
_PATH = attrgetter("path")


class KnownFiles:
    """What is known of one object.  Asked for names in path order, as a walk meets them.

    has_files: whether `find` can find anything; has_content: whether the others can.  frames: all
    that is referred to by what was found.  bytes_found: in chunks.
    """

    def __init__(
        self, contents: Sequence[KnownContent] = (), safe: Collection[FrameId] = (),
        name_key: bytes = b"", held: Sequence[HeldChunks] = (),
    ) -> None:  # fmt: skip
        """contents: the newest first.  safe: the frames that lie wherever this object is to be;
        what lies in others counts as unknown.  name_key: with which chunks are named now; what was
        written under another key, or none, is unknown, too.  held: chunks of other versions and
        objects, in frames that are as safe."""
        contents = [content for content in contents if _has_names_of(content, name_key)]
        self._cursors = [_Cursor(content) for content in contents if content.is_trusted]
        self._safe = frozenset(safe)
        pages = chain.from_iterable(content.pages for content in contents)
        self._chunks = KnownChunks(pages, self._safe, held)
        self._pages = {
            ref.digest: ref
            for content in reversed(contents) for ref in content.stored if ref.frame in self._safe
        }  # fmt: skip
        self.has_files = bool(self._cursors)
        self.has_content = bool(contents or held)
        self.frames: set[FrameId] = set()
        self.bytes_found = 0
        self._found_last: FrameId | None = None

    def page(self, digest: bytes) -> ChunkRef | None:
        """Where a page of the manifest lies, if it lies somewhere."""
        ref = self._pages.get(digest)
        if ref is not None:
            self.frames.add(ref.frame)
        return ref

    def chunks(self, digests: Sequence[bytes]) -> list[ChunkRef | None]:
        """Where chunks of these digests lie, of those that lie somewhere.  Raises DamageError for
        pages that cannot be decoded."""
        found = self._chunks.find(digests)
        known = [ref for ref in found if ref is not None]
        self.frames.update(ref.frame for ref in known)
        self.bytes_found += sum(ref.size for ref in known)
        return found

    def page_of(self, entries: Sequence[Entry]) -> bytes | None:
        """A page of just these entries, if one was read by `find` not long ago: where nothing has
        changed none need be made again."""
        found = (cursor.page_of(entries) for cursor in self._cursors)
        return next((page for page in found if page is not None), None)

    def find(self, path: bytes, status: os.stat_result, weight_max: int) -> Parts:
        """The entry of a file that is as it was when it was read, in parts of at most that weight
        if it is very large; else ().  Raises DamageError for pages that cannot be decoded."""
        for cursor in self._cursors:
            parts = cursor.at(path)
            if not parts or not _is_same(parts, status, cursor.started_ns):
                continue
            # What is one chunk, as small files are, is never too large.
            is_small = len(parts) == 1 and len(parts[0].chunks) == 1 and not parts[0].xattrs
            if not is_small and any(weight_of(part) > weight_max for part in parts):
                continue
            if self._are_safe([chunk.frame for part in parts for chunk in part.chunks]):
                return parts
        return ()

    def _are_safe(self, frames: list[FrameId]) -> bool:
        """And if so, they are referred to."""
        if len(frames) == 1 and frames[0] is self._found_last:
            # So it is with most small files: they stand in a row and share their frame's name.
            return True
        if not self._safe.issuperset(frames):
            return False
        self.frames.update(frames)
        self._found_last = frames[-1] if frames else None
        return True


def _has_names_of(content: KnownContent, name_key: bytes) -> bool:
    """Whether its first page is called as it would be now.  A journal has no pages with a name: it
    is of the same graph, and its frames are looked at."""
    if not content.stored:
        return True
    first = chunk_digest(content.pages[0], name_key)
    return any(ref.digest == first for ref in content.stored)


def _is_same(parts: Parts, status: os.stat_result, started_ns: int) -> bool:
    """Nothing was written to the file since, and all of it is there."""
    first, last = parts[0], parts[-1]
    return (
        first.mtime_ns == status.st_mtime_ns
        and first.ctime_ns == status.st_ctime_ns
        and first.inode == status.st_ino
        and last.size == status.st_size
        and first.kind == EntryKind.FILE
        and first.hard_link is None
        and not first.problem
        and not last.problem
        and first.ctime_ns < started_ns - CLOCK_GRAIN_NS
        and _held_bytes(parts) == status.st_size
    )


def _held_bytes(parts: Parts) -> int:
    held = 0
    for part in parts:
        for chunk in part.chunks:
            held += chunk.size
        for hole in part.holes:
            held += hole.size
    return held


class _Cursor:
    """A place in one list, which only goes forward by pages; the last ones stay decoded."""

    def __init__(self, content: KnownContent) -> None:
        self.started_ns = content.started_ns
        self._recent: deque[tuple[list[Entry], bytes]] = deque(maxlen=PAGES_DECODED)
        self._pages = iter(content.pages)
        self._here: dict[bytes, Parts] = {}
        # The last name that was met: the next page may begin with more of its parts.
        self._begun: Parts = ()
        self._begun_key = b""
        self._go_on()

    def at(self, path: bytes) -> Parts:
        """The entry of that name, () if there is none."""
        while path not in self._here and self._begun and sort_key(path) >= self._begun_key:
            self._go_on()
        return self._here.get(path, ())

    def page_of(self, entries: Sequence[Entry]) -> bytes | None:
        """See KnownFiles.  What was found is the same object, so little is compared."""
        return next((page for known, page in self._recent if known == entries), None)

    def _go_on(self) -> None:
        page, entries = next(self._pages, None), list[Entry]()
        if page is not None:
            entries = decode_page(page)
            self._recent.append((entries, page))
        met = [tuple(parts) for _, parts in groupby((*self._begun, *entries), _PATH)]
        self._begun = met.pop() if entries else ()
        self._begun_key = sort_key(self._begun[0].path) if self._begun else b""
        # Without its beginning an entry says nothing; the page with it may have been lost.
        self._here = {parts[0].path: parts for parts in met if not parts[0].part}
