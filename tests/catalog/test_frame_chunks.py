"""Which chunks lie in which frames, as lists of files tell it."""

from __future__ import annotations

import pytest

from flowbackup.catalog import Catalog, page_frames
from flowbackup.catalog.frame_chunks import FrameChunks, ToldFrame
from flowbackup.frame.index import decode_index
from flowbackup.model.chunk import ChunkRef, ChunkSpan
from flowbackup.model.frame import Codec
from flowbackup.model.ids import FrameId
from tests.catalog.conftest import (
    file_entry,
    frame,
    header,
    identifier,
    medium,
    paged,
    place,
    record,
)


def add(catalog: Catalog, number: int, *refs: ChunkRef) -> None:
    entries = [file_entry(b"%03d" % n)._replace(chunks=(ref,)) for n, ref in enumerate(refs)]
    catalog.add_version(
        record(identifier(number), frame(90 + number)), paged(entries, 2, frame(90 + number))
    )


def ref(name: int, where: FrameId, offset: int) -> ChunkRef:
    return ChunkRef(bytes([name]) * 32, 100, where, offset)


def told(catalog: Catalog) -> dict[FrameId, list[ChunkSpan]]:
    chunks: FrameChunks = catalog.earlier.chunks
    held = [*chunks.holders(sealed=False)]
    bodies = chunks.records([item.key for item in held])
    return {
        item.frame: decode_index(body, len(body) // 40, 10_000)
        for item, body in zip(held, bodies, strict=True)
    }


def lie(catalog: Catalog, *frames: FrameId, on: int = 1) -> None:
    catalog.add_medium(medium(on))
    catalog.add_durable([(header(f, identifier(1)), place(medium(on), f)) for f in frames])


@pytest.mark.parametrize("at_once", [page_frames.CHUNKS_MAX, 2, 1])
def test_each_chunk_of_a_frame_is_told_once_and_in_order(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Also where the pages are many, and handed on a few at a time."""
    monkeypatch.setattr(page_frames, "CHUNKS_MAX", at_once)
    lie(catalog, frame(1), frame(2))
    one, two, other = ref(1, frame(1), 300), ref(2, frame(1), 0), ref(3, frame(2), 0)
    add(catalog, 1, one, two, one, other)
    assert told(catalog) == {
        frame(1): [ChunkSpan(two.digest, 0, 100), ChunkSpan(one.digest, 300, 100)],
        frame(2): [ChunkSpan(other.digest, 0, 100)],
    }


def test_who_refers_to_a_part_of_a_frame_changes_nothing(catalog: Catalog) -> None:
    lie(catalog, frame(1))
    one, two = ref(1, frame(1), 0), ref(2, frame(1), 100)
    add(catalog, 1, one, two)
    before = told(catalog)
    add(catalog, 2, two)
    assert told(catalog) == before
    catalog.forgetting.forget(catalog.versions(), 1)
    assert told(catalog) == before


def test_only_frames_count_that_lie_somewhere_sound(catalog: Catalog) -> None:
    lie(catalog, frame(1))
    lie(catalog, frame(1), on=2)
    add(catalog, 1, ref(1, frame(1), 0), ref(2, frame(2), 0))
    held = [*catalog.earlier.chunks.holders(sealed=False)]
    assert {(item.frame, item.medium) for item in held} == {
        (frame(1), medium(1).medium), (frame(1), medium(2).medium),
    }  # fmt: skip
    for number in (1, 2):
        catalog.mark_damaged(place(medium(number), frame(1)))
    assert [*catalog.earlier.chunks.holders(sealed=False)] == []


def test_encrypted_frames_are_others(catalog: Catalog) -> None:
    sealed = header(frame(1), identifier(1))._replace(codec=int(Codec.SEALED))
    catalog.add_medium(medium(1))
    catalog.add_durable([(sealed, place(medium(1), frame(1)))])
    add(catalog, 1, ref(1, frame(1), 0))
    assert [*catalog.earlier.chunks.holders(sealed=False)] == []
    (item,) = catalog.earlier.chunks.holders(sealed=True)
    assert isinstance(item, ToldFrame) and item.frame == frame(1)
