"""Chunks that earlier versions have made safe, found by their digests, many at a time.

The index is made of the manifest pages of these versions, which come to the client anyhow: each
names the digest, frame and place of every chunk.  So nobody keeps, repairs or rebuilds another, and
to look something up costs no call to another process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from flowbackup.frame.page_chunks import DIGEST_WORDS, page_chunks
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.ids import FrameId

CHUNKS_MAX = 1 << 21
"""So many are looked for: two TiB of large files, or two million small ones, in 92 MiB.  What is
behind them in path order is sent again when it changes its name, or a part of it changes."""


class KnownChunks:
    """Made when something is looked up for the first time: a first backup, and one in which nothing
    changed, have no need of it."""

    def __init__(self, pages: Iterable[bytes], safe: Collection[FrameId]) -> None:
        """pages: those of which the chunks count that lie in `safe` frames; of one chunk in two
        frames the first counts."""
        self._pages: Iterable[bytes] | None = pages
        self._safe = safe
        self._frames: list[FrameId] = []
        self._digests = np.empty((0, DIGEST_WORDS), np.uint64)
        self._rows = np.empty((0, 3), np.uint32)

    def find(self, digests: Sequence[bytes]) -> list[ChunkRef | None]:
        """Where each of them lies.  Raises DamageError for pages that cannot be decoded."""
        if self._pages is not None:
            self._make(self._pages)
            self._pages = None
        if not len(self._digests):
            return [None] * len(digests)
        wanted = np.frombuffer(b"".join(digests), np.uint64).reshape(-1, DIGEST_WORDS)
        places = np.searchsorted(self._digests[:, 0], wanted[:, 0])
        places[places == len(self._digests)] = 0
        same = (self._digests[places] == wanted).all(axis=1)
        return [
            self._ref(digest, place) if is_same else None
            for digest, place, is_same in zip(digests, places.tolist(), same.tolist(), strict=True)
        ]

    def _ref(self, digest: bytes, place: int) -> ChunkRef:
        frame, offset, size = self._rows[place].tolist()
        return ChunkRef(digest, size, self._frames[frame], offset)

    def _make(self, pages: Iterable[bytes]) -> None:
        digests, rows = [self._digests], [self._rows]
        numbers: dict[FrameId, int] = {}
        count = 0
        for page in pages:
            chunks = page_chunks(page, is_checked=True)
            if len(chunks.digests):
                named = [
                    numbers.setdefault(frame, len(numbers)) if frame in self._safe else -1
                    for frame in chunks.frames
                ]
                frames = np.array(named)[chunks.frame_numbers]
                table = np.stack([frames, chunks.offsets, chunks.sizes], axis=1)
                digests.append(chunks.digests[frames >= 0])
                rows.append(table[frames >= 0].astype(np.uint32))
                count += len(rows[-1])
            if count >= CHUNKS_MAX:
                break
        self._frames = list(numbers)
        together = np.concatenate(digests)
        # By the first of their numbers alone: what is equal in it and not the same is not found,
        # and sent again.
        order = np.argsort(together[:, 0], kind="stable")
        self._digests, self._rows = together[order], np.concatenate(rows)[order]
