"""The chunk index: what is written is read back, and nothing outside the content is believed."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbackup.errors import DamageError
from flowbackup.frame.index import INDEX_RECORD_BYTES, decode_index, encode_index
from flowbackup.model.chunk import ChunkSpan


def spans_of(sizes: list[int]) -> list[ChunkSpan]:
    spans, offset = [], 0
    for number, size in enumerate(sizes):
        spans.append(ChunkSpan(number.to_bytes(32, "big"), offset, size))
        offset += size
    return spans


@given(st.lists(st.integers(1, 5000), max_size=900))
def test_any_row_of_chunks_reads_back_equal(sizes: list[int]) -> None:
    spans = spans_of(sizes)
    data = encode_index(spans)
    assert len(data) == INDEX_RECORD_BYTES * len(spans)
    assert decode_index(data, len(spans), sum(sizes)) == spans


def test_the_layout_is_the_documented_one() -> None:
    digest = bytes(range(32))
    assert encode_index([ChunkSpan(digest, 7, 9)]) == digest + struct.pack("<II", 7, 9)


@pytest.mark.parametrize(
    ("spans", "content_bytes", "words"),
    [
        ([(0, 10), (10, 11)], 20, "behind the content"),
        ([(0xFFFFFFFF, 0xFFFFFFFF)], 20, "behind the content"),
        ([(0, 10), (9, 5)], 20, "overlap"),
        ([(10, 5), (0, 5)], 20, "overlap"),
        ([(0, 0)], 20, "empty"),
    ],
)
def test_a_span_that_lies_is_damage(
    spans: list[tuple[int, int]], content_bytes: int, words: str
) -> None:
    data = b"".join(bytes(32) + struct.pack("<II", *span) for span in spans)
    with pytest.raises(DamageError, match=words):
        decode_index(data, len(spans), content_bytes)


@pytest.mark.parametrize("cut", [1, 39, 40])
def test_a_short_index_is_damage(cut: int) -> None:
    data = encode_index(spans_of([5, 5]))
    with pytest.raises(DamageError, match="bytes, expected"):
        decode_index(data[:-cut], 2, 10)
