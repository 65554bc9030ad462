"""Offsets as lengths: what comes back is what was given, and nothing of a stranger is believed."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa
import pytest

from flowbackup.errors import DamageError
from flowbackup.frame.envelope import MAGIC, fold, unfold
from flowbackup.frame.lengths import lengths_to_offsets, offsets_to_lengths

ITEM = pa.struct([("name", pa.binary()), ("places", pa.list_(pa.string()))])
SCHEMA = pa.schema(
    [("number", pa.int32()), ("text", pa.string()), ("items", pa.list_(ITEM)), ("one", ITEM)]
)
ROWS = [
    {
        "number": number,
        "text": "x" * (number % 3) if number % 5 else None,
        "items": [{"name": b"n" * count, "places": ["a"] * count} for count in range(number % 4)],
        "one": {"name": b"same", "places": ["b", "longer"]},
    }
    for number in range(1000)
]


def streamed(batch: pa.RecordBatch) -> bytearray:
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, batch.schema) as writer:
        writer.write_batch(batch)
    return bytearray(stream.getvalue())


def read(stream: bytearray) -> pa.RecordBatch:
    return pa.ipc.open_stream(stream).read_next_batch()


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_every_column_comes_back(count: int) -> None:
    batch = pa.RecordBatch.from_pylist(ROWS[:count], schema=SCHEMA)
    assert unfold(fold(batch), SCHEMA).to_pylist() == ROWS[:count]


def test_every_offset_is_a_length_and_nothing_else_is_changed() -> None:
    before = streamed(pa.RecordBatch.from_pylist(ROWS, schema=SCHEMA))
    stream = bytearray(before)
    offsets_to_lengths(pa.py_buffer(stream), read(stream))
    changed = np.flatnonzero(np.frombuffer(stream, "<i4") != np.frombuffer(before, "<i4"))
    items = sum(len(row["items"]) for row in ROWS)
    # text, items, their names and places and these' texts, one's name and places and these' texts
    most = 2 * len(ROWS) + 2 * items + 3 * items + 2 * len(ROWS) + 2 * len(ROWS)
    assert 0 < len(changed) <= most
    text = read(stream).column("text").buffers()[1]
    assert list(np.frombuffer(text, "<i4")[:4]) == [0, 0, 1, 2]
    lengths_to_offsets(pa.py_buffer(stream), read(stream))
    assert stream == before


@pytest.mark.parametrize("length", [-1, 1 << 20, -(1 << 31), (1 << 31) - 1])
def test_lengths_that_cannot_be_are_damage(length: int) -> None:
    stream = streamed(pa.RecordBatch.from_pylist(ROWS[:9], schema=SCHEMA))
    offsets_to_lengths(pa.py_buffer(stream), read(stream))
    text = read(stream).column("text").buffers()[1]
    place = text.address - pa.py_buffer(stream).address
    stream[place + 16 : place + 20] = struct.pack("<i", length)
    packed = pa.Codec("zstd").compress(bytes(stream), asbytes=True)
    with pytest.raises(DamageError, match="cannot be read"):
        unfold(struct.pack("<4sI", MAGIC, len(stream)) + packed, SCHEMA)
