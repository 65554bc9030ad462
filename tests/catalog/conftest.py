"""Catalogs, records and manifests for the tests of this house."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from flowbackup.catalog import Catalog, open_catalog
from flowbackup.frame.page import PageRef, encode_page
from flowbackup.model.chunk import ChunkRef
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.digest import chunk_digest, frame_digest
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.ids import FrameId, new_id
from flowbackup.model.record import VersionRecord

SESSION = new_id(1000, bytes(10))


def identifier(number: int) -> bytes:
    """An id that says its number: the same in every run."""
    return new_id(number << 20, bytes(10))


def frame(sequence: int, session: bytes = SESSION) -> FrameId:
    return FrameId(session, 0, sequence)


def header(name: FrameId, object_id: bytes, kind: int = FrameKind.DATA) -> FrameHeader:
    digest = frame_digest(repr(name).encode())
    return FrameHeader(*name, kind, 0, object_id, 10_000, 9_000, 3, digest)


def medium(number: int, location: str = "") -> MediumInfo:
    where = location or f"/mnt/{number}"
    return MediumInfo(identifier(1000 + number), f"device{number}", "default", where, 1, 0, 4096)


def place(info: MediumInfo, name: FrameId, segment: int = 1) -> FramePlace:
    return FramePlace(info.medium, segment, 1, 4096 + name.sequence * 16_384)


def file_entry(path: bytes, name: FrameId | None = None) -> Entry:
    chunks = () if name is None else (ChunkRef(chunk_digest(path), len(path), name, 0),)
    return Entry(path, EntryKind.FILE, 0o644, size=len(path) if chunks else 0, chunks=chunks)


def directory_entry(path: bytes) -> Entry:
    return Entry(path, EntryKind.DIRECTORY, 0o755)


def paged(entries: Sequence[Entry], size: int, name: FrameId) -> list[tuple[PageRef, bytes]]:
    """Pages of `size` rows, said to lie in the frame `name`."""
    pages = []
    for start in range(0, len(entries), size):
        part = entries[start : start + size]
        body = encode_page(part)
        ref = ChunkRef(chunk_digest(body), len(body), name, 0)
        pages.append((PageRef(part[0].path, len(part), ref), body))
    return pages


def record(
    object_id: bytes,
    manifest: FrameId,
    name: str = "site",
    client: str = "web",
    finished_ns: int = 1_000,
) -> VersionRecord:
    root = ChunkRef(bytes(32), 100, manifest, 0)
    return VersionRecord(
        object_id, SESSION, client, name, b"/srv/www", 0, finished_ns, "success", 3, 2, 20, 20, 20,
        0, root,
    )  # fmt: skip


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with open_catalog(tmp_path / "catalog.sqlite") as opened:
        yield opened
