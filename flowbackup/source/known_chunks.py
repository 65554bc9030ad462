"""Chunks that earlier sessions have made safe, found by their digests, many at a time.

The index is made of the manifest pages of the newest versions of an object, which come to the
client anyhow, and of what the catalog tells of other frames: older versions and other objects have
brought those.  To look something up costs no call to another process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from flowbackup.frame.index import RECORDS
from flowbackup.frame.page_chunks import DIGEST_WORDS, page_chunks
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.ids import FrameId
from flowbackup.model.known import HeldChunks

CHUNKS_MAX = 1 << 21
"""So many are looked for: two TiB of large files, or two million small ones, in 92 MiB.  What is
behind them in path order, or in older frames, is sent again when it changes its name, or a part of
it changes."""
_MARK_BYTES = 3
"""Of a digest: 16 MiB of marks, of which two million chunks set an eighth."""

Digests = NDArray[np.uint64]
Rows = NDArray[np.uint32]
"""Frame, offset, size."""


class KnownChunks:
    """Made when something is looked up for the first time: a first backup, and one in which nothing
    changed, have no need of it."""

    def __init__(
        self, pages: Iterable[bytes], safe: Collection[FrameId], held: Sequence[HeldChunks] = ()
    ) -> None:  # fmt: skip
        """pages: those of which the chunks count that lie in `safe` frames.  held: chunks that all
        count.  Of one chunk in two frames the first counts."""
        self._pages: Iterable[bytes] | None = pages
        self._held = held
        self._safe = safe
        self._frames: list[FrameId] = []
        self._digests = np.empty((0, DIGEST_WORDS), np.uint64)
        self._rows = np.empty((0, 3), np.uint32)
        self._marks = b""

    def find(self, digests: Sequence[bytes]) -> list[ChunkRef | None]:
        """Where each of them lies.  Raises DamageError for pages that cannot be decoded."""
        if self._pages is not None:
            self._make(self._pages)
            self._pages = None
        if not len(self._digests) or (len(digests) == 1 and not self._may_have(digests[0])):
            return [None] * len(digests)
        wanted = np.frombuffer(b"".join(digests), np.uint64).reshape(-1, DIGEST_WORDS)
        places = np.searchsorted(self._digests[:, 0], wanted[:, 0])
        places[places == len(self._digests)] = 0
        same = (self._digests[places] == wanted).all(axis=1)
        return [
            self._ref(digest, place) if is_same else None
            for digest, place, is_same in zip(digests, places.tolist(), same.tolist(), strict=True)
        ]

    def _may_have(self, digest: bytes) -> bool:
        """Small files are asked for one at a time, and mostly are new: to look closer takes twenty
        times as long."""
        return bool(self._marks[int.from_bytes(digest[:_MARK_BYTES], "little")])

    def _ref(self, digest: bytes, place: int) -> ChunkRef:
        frame, offset, size = self._rows[place].tolist()
        return ChunkRef(digest, size, self._frames[frame], offset)

    def _make(self, pages: Iterable[bytes]) -> None:
        digests, rows = [self._digests], [self._rows]
        numbers: dict[FrameId, int] = {}
        count = 0
        for found, table in chain(self._of_pages(pages, numbers), self._of_held(numbers)):
            digests.append(found)
            rows.append(table)
            count += len(table)
            if count >= CHUNKS_MAX:
                break
        self._held = ()
        self._frames = list(numbers)
        together = np.concatenate(digests)
        # By the first of their numbers alone: what is equal in it and not the same is not found,
        # and sent again.
        order = np.argsort(together[:, 0], kind="stable")
        self._digests, self._rows = together[order], np.concatenate(rows)[order]
        marks = np.zeros(1 << 8 * _MARK_BYTES, np.uint8)
        marks[self._digests[:, 0] & np.uint64(len(marks) - 1)] = 1
        self._marks = marks.tobytes()

    def _of_pages(
        self, pages: Iterable[bytes], numbers: dict[FrameId, int]
    ) -> Iterator[tuple[Digests, Rows]]:
        for page in pages:
            chunks = page_chunks(page, is_checked=True)
            if len(chunks.digests):
                named = [
                    numbers.setdefault(frame, len(numbers)) if frame in self._safe else -1
                    for frame in chunks.frames
                ]
                frames = np.array(named)[chunks.frame_numbers]
                table = np.stack([frames, chunks.offsets, chunks.sizes], axis=1)
                yield chunks.digests[frames >= 0], table[frames >= 0].astype(np.uint32)

    def _of_held(self, numbers: dict[FrameId, int]) -> Iterator[tuple[Digests, Rows]]:
        for held in self._held:
            named = [numbers.setdefault(frame, len(numbers)) for frame in held.frames]
            records = np.frombuffer(held.records, RECORDS)
            frames = np.repeat(np.array(named, np.uint32), held.counts)
            table = np.stack([frames, records["offset"], records["size"]], axis=1)
            words = np.ascontiguousarray(records["digest"]).view(np.uint64)
            yield words.reshape(-1, DIGEST_WORDS), table
