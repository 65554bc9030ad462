"""Content is packed where that saves something, comes back equal, and unfolds into no more than was
said."""

from __future__ import annotations

from random import Random

import pyarrow as pa
import pytest

from flowbackup.errors import DamageError
from flowbackup.frame.packing import (
    PIECE_BYTES_MAX,
    PIECE_BYTES_MIN,
    Packed,
    next_piece_bytes,
    packed_content,
    packer,
    unpacked_content,
)
from flowbackup.frame.seal import open_frame, seal
from flowbackup.model.chunk import ChunkSpan
from flowbackup.model.digest import chunk_digest, frame_digest
from flowbackup.model.frame import CONTENT_BYTES_MAX, Codec, FrameHeader, FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.units import KIB, MIB

FRAME = FrameId(b"s" * 16, 1, 7)
PIECE_BYTES = 1 * MIB
NOISE = Random(1).randbytes(2 * PIECE_BYTES)
TEXT = b"".join(b"%d bottles of beer on the wall\n" % number for number in range(70_000))


def sealed(content: bytes, level: int = 3) -> tuple[FrameHeader, bytes]:
    """A frame of one chunk, its pieces packed as the reader has it done."""
    memory = memoryview(bytearray(len(content) + 4096))
    memory[: len(content)] = content
    pack = packer(level)
    assert pack is not None
    pieces = range(0, len(content), PIECE_BYTES)
    packed = [pack(memory[at : min(at + PIECE_BYTES, len(content))]) for at in pieces]
    spans = [ChunkSpan(chunk_digest(content), 0, len(content))]
    header = seal(memory, spans, FRAME, FrameKind.DATA, b"o" * 16, len(content), packed)
    return header, bytes(memory[: header.payload_bytes])


@pytest.mark.parametrize(
    ("content", "codec"),
    [
        (TEXT, Codec.ZSTD),
        (b"x", Codec.PLAIN),
        (b"x" * PIECE_BYTES, Codec.ZSTD),
        (NOISE, Codec.PLAIN),
        (NOISE + TEXT, Codec.ZSTD),
        (TEXT[:PIECE_BYTES] + NOISE + b"end", Codec.ZSTD),
        (NOISE[: PIECE_BYTES + 9] + b"x" * 900, Codec.PLAIN),
    ],
    ids=["text", "a byte", "a piece", "noise", "noise first", "noise last", "hardly any gain"],
)
def test_it_comes_back_equal_and_smaller(content: bytes, codec: Codec) -> None:
    header, payload = sealed(content)
    opened = open_frame(header, payload)
    assert (header.codec, header.content_bytes) == (codec, len(content))
    assert bytes(opened.content) == content
    (span,) = opened.spans()
    assert (span.digest, span.size) == (chunk_digest(content), len(content))
    packed_bytes = len(payload) - 40
    assert packed_bytes < len(content) if codec else packed_bytes == len(content)


def test_any_reader_of_zstd_unfolds_it() -> None:
    header, payload = sealed(TEXT)
    with pa.input_stream(pa.py_buffer(payload[:-40]), compression="zstd") as stream:
        assert stream.read() == TEXT
    assert header.payload_bytes < len(TEXT) / 4


def test_what_a_sample_does_not_shrink_costs_no_packing() -> None:
    pack = packer(19)
    assert pack is not None
    assert pack(memoryview(NOISE)) == (len(NOISE), None)
    assert packer(0) is None
    assert packed_content(memoryview(NOISE), [Packed(PIECE_BYTES, None)] * 2) == []


def test_nothing_is_gained_by_a_piece_that_only_looked_good() -> None:
    large = Packed(PIECE_BYTES, [pa.py_buffer(bytes(PIECE_BYTES))])
    assert packed_content(memoryview(NOISE), [large, large]) == []


@pytest.mark.parametrize("hands", [2, 3, 8])
@pytest.mark.parametrize("frame_bytes", [64 * KIB, 4 * MIB, 16 * MIB, 256 * MIB])
def test_the_last_pieces_of_a_frame_are_small_and_no_hand_has_much_more(
    hands: int, frame_bytes: int
) -> None:
    busy, end, sizes = [0] * hands, 0, []
    while end < frame_bytes:
        sizes.append(next_piece_bytes(frame_bytes - end, hands))
        end += sizes[-1]
        busy[busy.index(min(busy))] += sizes[-1]
    assert sizes == sorted(sizes, reverse=True)
    assert PIECE_BYTES_MIN <= sizes[-1] <= sizes[0] <= PIECE_BYTES_MAX
    assert max(busy) - min(busy) <= PIECE_BYTES_MIN


@pytest.mark.parametrize("change", [-1, 1, 10**6])
def test_another_length_than_was_said_is_damage(change: int) -> None:
    header, payload = sealed(TEXT)
    with pytest.raises(DamageError, match="unpacked"):
        open_frame(header._replace(content_bytes=len(TEXT) + change), payload)


def test_what_unfolds_into_too_much_is_refused_before_it_does() -> None:
    bomb = b"".join(
        pa.Codec("zstd").compress(bytes(32 * PIECE_BYTES), asbytes=True) for _ in range(9)
    )
    header, _ = sealed(TEXT)
    for said in (CONTENT_BYTES_MAX + 1, 9 * 32 * PIECE_BYTES, 2**32 - 1):
        forged = header._replace(
            content_bytes=said, chunk_count=0, payload_bytes=len(bomb), digest=frame_digest(bomb)
        )
        before = pa.total_allocated_bytes()
        with pytest.raises(DamageError, match="allowed are"):
            open_frame(forged, bomb)
        assert pa.total_allocated_bytes() == before
    with pytest.raises(DamageError, match="unpacked"):
        unpacked_content(memoryview(bomb), PIECE_BYTES)


def test_every_flipped_bit_is_found() -> None:
    header, payload = sealed(TEXT[:5000])
    assert header.codec == Codec.ZSTD
    for place in range(len(payload) * 8):
        broken = bytearray(payload)
        broken[place // 8] ^= 1 << place % 8
        with pytest.raises(DamageError, match="digest"):
            open_frame(header, bytes(broken))
