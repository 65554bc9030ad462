"""What manifest pages say of frames: which ones they refer to, and which chunks lie in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from flowbackup.errors import DamageError
from flowbackup.frame.index import RECORDS
from flowbackup.frame.page_chunks import PageChunks, page_chunks
from flowbackup.model.ids import FrameId
from flowbackup.model.json_values import NUMBER_MAX

CHUNKS_MAX = 1 << 15
"""Six megabytes with all that is made of them; the million small files of a version are many times
as many."""


def frames_of_page(body: bytes) -> list[FrameId]:
    """Each once.  Raises DamageError."""
    return _frames(page_chunks(body))


def _frames(chunks: PageChunks) -> list[FrameId]:
    if any(frame.sequence > NUMBER_MAX for frame in chunks.frames):
        raise DamageError("a manifest page refers to a frame that no stream has")
    return list(dict.fromkeys(chunks.frames))


class ToldChunks:
    """The chunks of the pages that were added, by the frames in which they lie.

    Bounded: who adds pages hands on what is there whenever `is_full` says so, and clears it.
    begun: the frames of which this version was the first to tell, and may tell more.
    """

    def __init__(self) -> None:
        self.begun: set[FrameId] = set()
        self.clear()

    def clear(self) -> None:
        self._numbers: dict[FrameId, int] = {}
        self._frames: list[NDArray[np.int64]] = []
        self._records: list[NDArray[np.void]] = []
        self._count = 0

    def add(self, body: bytes) -> list[FrameId]:
        """The frames that this page refers to, each once.  Raises DamageError."""
        chunks = page_chunks(body)
        frames = _frames(chunks)
        places = [self._numbers.setdefault(frame, len(self._numbers)) for frame in chunks.frames]
        records = np.empty(len(chunks.digests), RECORDS)
        records["digest"] = chunks.digests.view("V32").reshape(-1)
        records["offset"] = chunks.offsets
        records["size"] = chunks.sizes
        self._frames.append(np.array(places, np.int64)[chunks.frame_numbers])
        self._records.append(records)
        self._count += len(records)
        return frames

    @property
    def is_full(self) -> bool:
        return self._count >= CHUNKS_MAX

    @property
    def frames(self) -> Collection[FrameId]:
        return self._numbers.keys()

    def records(self, known: Mapping[FrameId, bytes]) -> Iterator[tuple[FrameId, bytes]]:
        """Of each of these frames its chunks, as the index of a frame has them, with those that are
        known already."""
        if not self._records:
            return
        frames, records = np.concatenate(self._frames), np.concatenate(self._records)
        # Small files with the same content refer to the same chunk.
        places = frames << 32 | records["offset"]
        _, once = np.unique(places, return_index=True)
        frames, records = frames[once], records[once]
        for frame, number in self._numbers.items():
            if frame in known:
                begin, end = np.searchsorted(frames, (number, number + 1))
                yield frame, _joined(known[frame], records[begin:end].tobytes())


def _joined(known: bytes, more: bytes) -> bytes:
    if not known:
        return more
    both = np.frombuffer(known + more, RECORDS)
    _, once = np.unique(both["offset"], return_index=True)
    return both[once].tobytes()
