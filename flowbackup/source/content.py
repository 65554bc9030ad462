"""The content of one open file, cut into chunks and read straight into slots.

Chunks end at multiples of the chunk size in the file, or where a cutter says so, and at holes.  A
file is read to the size it had when it was opened and not further, however it grows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from errno import EINVAL, ENXIO
from itertools import pairwise
from time import perf_counter
from typing import NamedTuple, TypeVar

from flowbackup.model.chunk import ChunkRef
from flowbackup.model.chunking import Chunking
from flowbackup.model.entry import Extent
from flowbackup.source.cutting import cutter_of
from flowbackup.source.filler import FrameFiller
from flowbackup.source.hashing import CrewSeconds
from flowbackup.source.stream import Stream
from flowbackup.units import MIB

READ_BYTES = 2 * MIB
"""One call reads so much: long enough that the call is nothing, short enough that hashing what was
read before overlaps the next read several times per frame."""

AHEAD_BYTES = 32 * MIB
"""Asked for ahead of reading, so that a device which needs several requests at once gets them."""


Scanned = TypeVar("Scanned")


class ReadError(Exception):
    """The system failed to read a file; `error` is what it said."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Piece(NamedTuple):
    """What follows of a file's content.  end: the place in the file that was reached; last: whether
    this is all, which it is also where the file turned out shorter than expected."""

    chunks: tuple[ChunkRef, ...]
    holes: tuple[Extent, ...]
    end: int
    last: bool


@dataclass(slots=True)
class ReadCounters:
    """What a reader has done so far; another thread may look at it at any time.

    entries: all names; files: regular files; bytes_source: their size; bytes_read: what the system
    gave; bytes_cut: what of it became chunks, be they new or known; bytes_known: what was safe
    already and not read; bytes_packed: what the new content takes in frames; problems: what was
    reported.
    scan_seconds: in which names were found; read_seconds: in which the system read; hashing: see
    CrewSeconds."""

    entries: int = 0
    files: int = 0
    bytes_source: int = 0
    bytes_read: int = 0
    bytes_cut: int = 0
    bytes_known: int = 0
    bytes_packed: int = 0
    problems: int = 0
    scan_seconds: float = 0.0
    read_seconds: float = 0.0
    hashing: CrewSeconds = field(default_factory=CrewSeconds)

    def scanning(self, names: Iterator[Scanned]) -> Iterator[Scanned]:
        """The same, with the time that they take."""
        begun = perf_counter()
        for name in names:
            self.scan_seconds += perf_counter() - begun
            yield name
            begun = perf_counter()
        self.scan_seconds += perf_counter() - begun


class ContentReader:
    """Reads files into the slots of a filler."""

    def __init__(
        self, filler: FrameFiller, counters: ReadCounters, chunking: Chunking, piece_chunks: int
    ) -> None:
        """whole_bytes_max: a file of no more is one chunk.  Raises SourceError for chunks that
        cannot be made here."""
        self._filler = filler
        self._counters = counters
        self._chunk_bytes = chunking.chunk_bytes_max
        self._piece_chunks = piece_chunks
        self._cutter = cutter_of(chunking)
        self.whole_bytes_max = chunking.min_bytes or chunking.size_bytes

    def read_small(self, descriptor: int, size: int) -> ChunkRef | None:
        """The first `size` bytes (at most a chunk) as one chunk, smaller where the file ends
        before; None where nothing was left.  Raises ReadError."""
        view = self._filler.room(size)[:size]
        got = self._read(descriptor, view, 0)
        self._counters.bytes_cut += got
        return self._filler.add(got) if got else None

    def pieces(self, descriptor: int, size: int, sparse: bool) -> Iterator[Piece]:
        """The first `size` bytes in pieces of a bounded number of chunks and holes; exactly one is
        the last.  Raises ReadError."""
        _advise(descriptor, 0, size, os.POSIX_FADV_SEQUENTIAL)
        asked = 0
        holes: list[Extent] = []
        refs: list[ChunkRef] = []
        extents = _data_extents(descriptor, size) if sparse else iter((Extent(0, size),))
        waiting = place = 0
        for start, length in extents:
            if start > place:
                holes.append(Extent(place, start - place))
            place, end = start, start + length
            while place < end:
                asked = _ask_ahead(descriptor, place, end, asked)
                read = self._read_run if self._cutter is None else self._read_cut
                wanted, got, chunks = read(descriptor, place, end)
                place += got
                waiting += chunks
                if got < wanted:
                    refs += self._filler.collect()
                    yield Piece(tuple(refs), tuple(holes), place, last=True)
                    return
                if waiting + len(holes) >= self._piece_chunks:
                    refs += self._filler.collect()
                    yield Piece(tuple(refs), tuple(holes), place, last=False)
                    refs, holes, waiting = [], [], 0
        refs += self._filler.collect()
        yield Piece(tuple(refs), tuple(holes), place, last=True)

    def stream_pieces(self, stream: Stream) -> Iterator[Piece]:
        """A stream to its good end, in pieces of a bounded number of chunks; exactly one is the
        last.  Raises what the stream does."""
        place = waiting = 0
        left, last = b"", False
        while not last or left:
            view = self._filler.room(self._chunk_bytes)[: self._chunk_bytes]
            view[: len(left)] = left
            held = len(left)
            if not last:
                begun = perf_counter()
                got = stream.fill(view[held:])
                self._counters.read_seconds += perf_counter() - begun
                self._counters.bytes_read += got
                held += got
                last = held < len(view)
            size, made = self._cut(view[:held], is_all=last)
            left = bytes(view[size:held])
            place += size
            waiting += made
            if (last and not left) or waiting >= self._piece_chunks:
                yield Piece(tuple(self._filler.collect()), (), place, last and not left)
                waiting = 0

    def _cut(self, content: memoryview, *, is_all: bool) -> tuple[int, int]:
        """Makes chunks of what stands in `room`, as far as it is known where they end; bytes and
        chunks."""
        if self._cutter is not None:
            sizes = self._cutter.sizes(content, is_all=is_all)
        else:
            sizes = [len(content)] if content else []
        done = made = 0
        for size in sizes:
            if made and self._filler.index_room(size) < 1:
                break
            self._filler.add_later(size)
            done += size
            made += 1
        self._counters.bytes_cut += done
        return done, made

    def _read_cut(self, descriptor: int, place: int, end: int) -> tuple[int, int, int]:
        """As `_read_run`, cut by the content.  What is left behind the last cut is read again, as
        the beginning of the next run: it is in memory by then."""
        room = self._filler.room(self._chunk_bytes)
        wanted = min(len(room), end - place, max(4 * READ_BYTES, 2 * self._chunk_bytes))
        got = self._read(descriptor, room[:wanted], place)
        ends_here = got < wanted or place + got == end
        size, made = self._cut(room[:got], is_all=ends_here)
        self._counters.bytes_read -= got - size
        return (wanted if size == got else size), size, made

    def _read_run(self, descriptor: int, place: int, end: int) -> tuple[int, int, int]:
        """Reads chunks from `place` as far as one call and the slot go: bytes wanted, bytes read,
        chunks made of them."""
        sizes = self._sizes_from(place, end)
        room = self._filler.room(sizes[0])
        fit = total = 0
        for size in sizes:
            if fit and (
                total + size > len(room) or self._filler.index_room(total + size) < fit + 1
            ):
                break
            total += size
            fit += 1
        got = self._read(descriptor, room[:total], place)
        self._counters.bytes_cut += got
        left = got
        for made, size in enumerate(sizes[:fit]):
            if not left:
                return total, got, made
            self._filler.add_later(min(size, left))
            left -= min(size, left)
        return total, got, fit

    def _sizes_from(self, place: int, end: int) -> list[int]:
        stop = min(end, place + max(READ_BYTES, self._chunk_bytes))
        borders = range(
            (place // self._chunk_bytes + 1) * self._chunk_bytes, stop, self._chunk_bytes
        )
        edges = [place, *borders, stop]
        # A run that was cut short by READ_BYTES ends at a border, not within a chunk.
        if stop < end and len(edges) > 2 and stop % self._chunk_bytes:
            del edges[-1]
        return [behind - before for before, behind in pairwise(edges)]

    def _read(self, descriptor: int, view: memoryview, place: int) -> int:
        got, begun = 0, perf_counter()
        try:
            while got < len(view):
                count = os.preadv(descriptor, (view[got:] if got else view,), place + got)
                if not count:
                    break
                got += count
        except OSError as error:
            raise ReadError(error) from error
        finally:
            self._counters.bytes_read += got
            self._counters.read_seconds += perf_counter() - begun
        return got


def _data_extents(descriptor: int, size: int) -> Iterator[Extent]:
    """Where data is, in order, with an empty one at the end of a file that ends with a hole."""
    place = 0
    while place < size:
        try:
            start = os.lseek(descriptor, place, os.SEEK_DATA)
            end = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
        except OSError as error:
            if error.errno == ENXIO:
                break
            if error.errno != EINVAL:
                raise ReadError(error) from error
            start, end = place, size  # a file system that knows no holes
        if start >= size or end <= start:
            break
        yield Extent(start, end - start)
        place = end
    if place < size:
        yield Extent(size, 0)


def _ask_ahead(descriptor: int, place: int, end: int, asked: int) -> int:
    """Keeps half of AHEAD_BYTES or more under way before `place`; returns how far was asked."""
    if place + AHEAD_BYTES // 2 < asked:
        return asked
    asked = max(asked, place)
    ahead = min(AHEAD_BYTES, end - asked)
    if ahead > 0:
        _advise(descriptor, asked, ahead, os.POSIX_FADV_WILLNEED)
        asked += ahead
    return asked


def _advise(descriptor: int, place: int, size: int, advice: int) -> None:
    # Only a hint: a file system that refuses it is read all the same.
    try:
        os.posix_fadvise(descriptor, place, size, advice)
    except OSError:
        return
