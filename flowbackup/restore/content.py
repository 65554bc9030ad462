"""Verified chunks of an entry, and where in the file they belong.

Chunks that lie one behind the other in a frame and in the file are written as one run, straight
from the frame's memory, after each was checked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from flowbackup.errors import DamageError, NotFoundError, UsageError
from flowbackup.frame.seal import Content
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.digest import CHUNK_DIGEST_BYTES, chunk_digest
from flowbackup.model.entry import Entry, EntryKind, Extent
from flowbackup.model.ids import FrameId
from flowbackup.restore.large import LARGE_BYTES_MIN, LargeFileWriter
from flowbackup.restore.port import Foresight, FrameSource
from flowbackup.units import MIB, format_path

RUN_BYTES_MAX = 16 * MIB
"""Bytes of one write: more gains nothing, and a full disk shows earlier."""

_ZEROS = bytes(MIB)
_NOTHING = memoryview(b"")


class ContentSource:
    """Checked content out of frames; keeps the frame that was asked last."""

    def __init__(self, frames: FrameSource, foresight: Foresight | None = None) -> None:
        """foresight: may have kept small chunks of frames that were asked for before."""
        self._frames = frames
        self._foresight = foresight
        self._frame: FrameId | None = None
        self._payload = Content(_NOTHING)

    def chunk(self, ref: ChunkRef) -> memoryview:
        """The bytes of a chunk.  Raises DamageError if they are not the ones that were saved."""
        return _checked(self._in_frame(ref), ref)

    def at_once(self, entry: Entry) -> memoryview | None:
        """The checked content of a file that is a single chunk, as small files are, or empty; None
        for every other.  Raises DamageError."""
        chunks = entry.chunks
        if entry.holes or len(chunks) > 1 or entry.size != (chunks[0].size if chunks else 0):
            return None
        return _checked(self._at_hand(chunks[0]), chunks[0]) if chunks else _NOTHING

    def unchecked(self, entry: Entry) -> tuple[memoryview, bytes] | None:
        """What is where the only chunk of a file should be, and the digest without a key that it is
        to have, for somebody who checks it; None where there is less.  Raises what reading the
        frame does, and DamageError for a chunk that is named with a key, which nobody else gets."""
        if not entry.chunks:
            return _NOTHING, bytes(CHUNK_DIGEST_BYTES)
        ref = entry.chunks[0]
        found = self._at_hand(ref)
        if found.name_key:
            data = _checked(found, ref)
            return data, chunk_digest(data)
        return (found.data, ref.digest) if len(found.data) == ref.size else None

    def runs(self, chunks: tuple[ChunkRef, ...]) -> Iterator[memoryview]:
        """The content as few long pieces, each chunk of them checked."""
        place = 0
        while place < len(chunks):
            first = chunks[place]
            self.chunk(first)
            payload = self._payload.data
            end = first.offset + first.size
            place += 1
            while place < len(chunks) and _continues(chunks[place], first, end):
                self.chunk(chunks[place])
                end += chunks[place].size
                place += 1
            yield payload[first.offset : end]

    def _at_hand(self, ref: ChunkRef) -> Content:
        """The chunk alone, out of its frame or kept aside."""
        if ref.frame != self._frame and self._foresight is not None:
            kept = self._foresight.kept(ref)
            if kept is not None:
                return kept
        return self._in_frame(ref)

    def _in_frame(self, ref: ChunkRef) -> Content:
        if ref.frame != self._frame:
            # The memory of the one before is free while the next one is waited for.
            self._frame, self._payload = None, Content(_NOTHING)
            self._payload = self._frames.payload(ref.frame)
            self._frame = ref.frame
        data = self._payload.data[ref.offset : ref.offset + ref.size]
        return Content(data, self._payload.name_key)


def _checked(found: Content, ref: ChunkRef) -> memoryview:
    """The bytes of a chunk.  Raises DamageError if they are not the ones that were saved."""
    if len(found.data) != ref.size or chunk_digest(found.data, found.name_key) != ref.digest:
        raise DamageError(
            f"frame {ref.frame} does not hold the chunk at {ref.offset} that was saved",
            remedy="verify the media that hold it",
        )
    return found.data


def lacks_content(entry: Entry) -> bool:
    """A file that could not be read when it was to be saved: only its metadata are known."""
    return bool(
        entry.kind == EntryKind.FILE
        and entry.problem
        and entry.size
        and not (entry.chunks or entry.holes or entry.hard_link)
    )


def extents(entry: Entry) -> list[Extent]:
    """The parts of a file that are not holes, checked against size and chunks.  Raises DamageError
    for holes that overlap or lie outside, and for content that does not fill the rest."""
    found: list[Extent] = []
    place = 0
    for hole in entry.holes:
        if hole.size < 0 or hole.offset < place or hole.offset + hole.size > entry.size:
            raise DamageError("its holes lie outside of it or over each other")
        if hole.offset > place:
            found.append(Extent(place, hole.offset - place))
        place = hole.offset + hole.size
    if entry.size > place:
        found.append(Extent(place, entry.size - place))
    content = sum(ref.size for ref in entry.chunks)
    wanted = sum(extent.size for extent in found)
    if content != wanted:
        raise DamageError(f"it has {content} bytes of content, expected {wanted}")
    return found


def write_file(
    descriptor: int, entry: Entry, source: ContentSource, large: LargeFileWriter
) -> int:  # fmt: skip
    """Fills a new, empty file; holes stay holes.  Returns the bytes written.  Raises DamageError
    before anything wrong is written, OSError."""
    data = source.at_once(entry)
    if data is not None:
        write_all(descriptor, data)
        return len(data)
    parts = extents(entry)
    if entry.holes:
        os.ftruncate(descriptor, entry.size)
    pieces = _placed(parts, source.runs(entry.chunks))
    if entry.size >= LARGE_BYTES_MIN:
        return large.fill(descriptor, pieces)
    written = 0
    for offset, data in pieces:
        if entry.holes:
            os.lseek(descriptor, offset, os.SEEK_SET)
        write_all(descriptor, data)
        written += len(data)
    return written


def write_content(entry: Entry, frames: FrameSource, out: BinaryIO) -> int:
    """Writes the content of a file to a stream, checked chunk by chunk, holes as zeros.  Returns
    the bytes written.  Raises UsageError for what is no file, NotFoundError for what was not
    saved, DamageError."""
    path = format_path(entry.path) or "the object itself"
    if entry.kind != EntryKind.FILE:
        kind = EntryKind(entry.kind).name.lower().replace("_", " ")
        remedy = f'{path} is a symlink to "{format_path(entry.target or b"")}": name that path'
        raise UsageError(
            f"{path} is no regular file, but a {kind}",
            remedy=remedy
            if entry.target
            else "`flowbackup ls -l -r` shows the files, "
            "`flowbackup restore` brings back all kinds",
        )
    if lacks_content(entry):
        raise NotFoundError(
            f"the content of {path} was not saved: {entry.problem}",
            remedy="name an earlier version, as in OBJECT@1:PATH",
        )
    place = 0
    for offset, data in _placed(extents(entry), ContentSource(frames).runs(entry.chunks)):
        _write_zeros(out, offset - place)
        out.write(data)
        place = offset + len(data)
    _write_zeros(out, entry.size - place)
    return entry.size


def _placed(parts: list[Extent], runs: Iterator[memoryview]) -> Iterator[tuple[int, memoryview]]:
    """Runs laid over the extents; a run that reaches over a hole is cut there."""
    waiting = iter(parts)
    offset = left = 0
    for run in runs:
        while run:
            if not left:
                offset, left = next(waiting)
            piece = run[:left]
            yield offset, piece
            offset, left = offset + len(piece), left - len(piece)
            run = run[len(piece) :]


def _continues(ref: ChunkRef, first: ChunkRef, end: int) -> bool:
    return (
        ref.offset == end
        and ref.frame == first.frame
        and end + ref.size - first.offset <= RUN_BYTES_MAX
    )


def write_all(descriptor: int, data: memoryview) -> None:
    """Writes everything where the descriptor stands.  Raises OSError."""
    while data:
        data = data[os.write(descriptor, data) :]


def _write_zeros(out: BinaryIO, size: int) -> None:
    while size > 0:
        size -= out.write(_ZEROS[:size]) or 0
