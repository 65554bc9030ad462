"""Sealing and opening: the digest vouches for every byte."""

from __future__ import annotations

import pytest

from flowbackup.errors import DamageError, FormatError
from flowbackup.frame.seal import chunk_of, open_frame, seal
from flowbackup.model.chunk import ChunkRef, ChunkSpan
from flowbackup.model.digest import chunk_digest
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.ids import FrameId

FRAME = FrameId(b"s" * 16, 1, 7)
CHUNKS = (b"alpha", b"b", b"gamma" * 9)


def sealed() -> tuple[FrameHeader, bytes]:
    memory = bytearray(4096)
    content = b"".join(CHUNKS)
    memory[: len(content)] = content
    spans, offset = [], 0
    for chunk in CHUNKS:
        spans.append(ChunkSpan(chunk_digest(chunk), offset, len(chunk)))
        offset += len(chunk)
    header = seal(memoryview(memory), spans, FRAME, FrameKind.DATA, b"o" * 16, len(content))
    return header, bytes(memory[: header.payload_bytes])


def test_an_opened_frame_gives_its_chunks_back() -> None:
    header, payload = sealed()
    opened = open_frame(header, payload)
    spans = opened.spans()
    assert header.frame_id == FRAME
    assert tuple(bytes(opened.content[s.offset : s.offset + s.size]) for s in spans) == CHUNKS
    for span, chunk in zip(spans, CHUNKS, strict=True):
        ref = ChunkRef(span.digest, span.size, FRAME, span.offset)
        assert bytes(chunk_of(opened.content, ref)) == chunk


def test_every_flipped_bit_is_found() -> None:
    header, payload = sealed()
    for place in range(len(payload) * 8):
        broken = bytearray(payload)
        broken[place // 8] ^= 1 << place % 8
        with pytest.raises(DamageError):
            open_frame(header, bytes(broken))


@pytest.mark.parametrize(
    "change",
    [
        {"payload_bytes": 10},
        {"content_bytes": 0},
        {"chunk_count": 2},
        {"chunk_count": 2**31},
        {"digest": bytes(16)},
    ],
)
def test_a_header_that_lies_is_damage(change: dict[str, object]) -> None:
    header, payload = sealed()
    with pytest.raises(DamageError):
        open_frame(header._replace(**change), payload)  # type: ignore[arg-type]


def test_a_codec_of_the_future_is_refused() -> None:
    header, payload = sealed()
    with pytest.raises(FormatError, match="newer"):
        open_frame(header._replace(codec=9), payload)


def test_what_does_not_fit_is_refused_before_it_is_written() -> None:
    memory = memoryview(bytearray(100))
    spans = [ChunkSpan(bytes(32), 0, 61)]
    with pytest.raises(ValueError, match="over the slot"):
        seal(memory, spans, FRAME, FrameKind.DATA, bytes(16), 61)
    assert bytes(memory) == bytes(100)


@pytest.mark.parametrize("ref", [(60, 1), (0, 10**9), (0, 4)])
def test_a_reference_is_checked_against_the_content(ref: tuple[int, int]) -> None:
    header, payload = sealed()
    content = open_frame(header, payload).content
    offset, size = ref
    with pytest.raises(DamageError):
        chunk_of(content, ChunkRef(chunk_digest(b"alpha"), size, FRAME, offset))
