"""Chunks that lie on the media of a session, whichever object, version or graph brought them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from flowbackup.catalog.catalog import Catalog
from flowbackup.frame.index import INDEX_RECORD_BYTES
from flowbackup.model.device import MediumInfo
from flowbackup.model.ids import FrameId
from flowbackup.model.known import HeldChunks

CHUNKS_MAX = 1 << 21
"""A client gets so many, those of the newest frames: 80 MiB in memory, two TiB of large files."""

Media = Mapping[str, Sequence[MediumInfo]]
"""Of each agent those that are within reach."""


class HeldFrame(NamedTuple):
    """A frame of which chunks are known, with the agents that hold it.  key: see FrameChunks."""

    key: int
    frame: FrameId
    agents: frozenset[str]


def frames_with_chunks(catalog: Catalog, media: Media, *, sealed: bool) -> list[HeldFrame]:
    """Those that an agent holds, the newest first.  sealed: encrypted ones, or plain ones."""
    agents_of = {info.medium: name for name, infos in media.items() for info in infos}
    found: list[HeldFrame] = []
    rows = catalog.earlier.chunks.holders(sealed=sealed)
    for key, same in groupby(rows, key=lambda row: row.key):
        told = [*same]
        agents = frozenset(agents_of[row.medium] for row in told if row.medium in agents_of)
        if agents:
            found.append(HeldFrame(key, told[0].frame, agents))
    return found


def chunks_in(
    catalog: Catalog, frames: Sequence[HeldFrame], batch_bytes: int
) -> Iterator[HeldChunks]:
    """What lies in these frames, in batches of about that size, up to CHUNKS_MAX."""
    batch: list[tuple[FrameId, bytes]] = []
    size = total = 0
    records = catalog.earlier.chunks.records([item.key for item in frames])
    for item, body in zip(frames, records, strict=True):
        batch.append((item.frame, body))
        size += len(body)
        total += len(body)
        if total >= CHUNKS_MAX * INDEX_RECORD_BYTES:
            break
        if size >= batch_bytes:
            yield _held(batch)
            batch, size = [], 0
    if batch:
        yield _held(batch)


def _held(batch: Sequence[tuple[FrameId, bytes]]) -> HeldChunks:
    return HeldChunks(
        tuple(frame for frame, _ in batch),
        tuple(len(body) // INDEX_RECORD_BYTES for _, body in batch),
        b"".join(body for _, body in batch),
    )
