"""Content that compresses as that of people and programs does: text, logs and binary records."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import BinaryIO

import numpy as np

PIECE_BYTES = 8 << 20
WORDS = 20_000
LETTERS = "etaoinshrdlucmfwypvbgkqjxz"
WORDS_AT_ONCE = 200_000
LINES_AT_ONCE = 50_000
LEVELS = ("INFO", "WARN", "DEBUG", "ERROR")
STATES = (200, 200, 200, 404)
RECORD = np.dtype(
    [("id", "<u4"), ("value", "<f4"), ("kind", "<u2"), ("flags", "u1"), ("zero", "u1"),
     ("time", "<u4")]
)  # fmt: skip


def write_text(file: BinaryIO, seed: int, first: int, size_bytes: int) -> None:
    """Pieces of 8 MiB, text, log and records in turn; first: the kind that begins."""
    chance = np.random.Generator(np.random.PCG64(seed))
    kinds = (_text, _log, _records)
    for number in range(size_bytes // PIECE_BYTES):
        data = bytearray()
        for part in kinds[(first + number) % len(kinds)](chance):
            data += part
            if len(data) >= PIECE_BYTES:
                break
        file.write(data[:PIECE_BYTES])


def _text(chance: np.random.Generator) -> Iterator[bytes]:
    """Words of one vocabulary, the frequent ones as frequent as in a language."""
    words = _vocabulary()
    weights = 1 / (np.arange(WORDS) + 2.7)
    weights /= weights.sum()
    while True:
        drawn = chance.choice(WORDS, WORDS_AT_ONCE, p=weights)
        yield " ".join([words[number] for number in drawn]).encode() + b"\n"


@cache
def _vocabulary() -> list[str]:
    chance = np.random.Generator(np.random.PCG64(77))
    lengths = np.clip(chance.poisson(5, WORDS), 1, 14)
    return [
        "".join(LETTERS[min(letter, len(LETTERS)) - 1] for letter in chance.geometric(0.12, length))
        for length in lengths
    ]


def _log(chance: np.random.Generator) -> Iterator[bytes]:
    """Lines of a service that is asked for objects."""
    begun = int(chance.integers(1_600_000_000, 1_700_000_000))
    while True:
        drawn = chance.integers(0, 1 << 30, (LINES_AT_ONCE, 4)).tolist()
        times = (begun + np.cumsum(chance.integers(0, 3, LINES_AT_ONCE))).tolist()
        begun = times[-1]
        lines = [_line(at, *numbers) for at, numbers in zip(times, drawn, strict=True)]
        yield "".join(lines).encode()


def _line(at: int, a: int, b: int, c: int, d: int) -> str:
    level = LEVELS[b & 3] if b & 64 else LEVELS[0]
    return (
        f"{at}.{a % 1000:03d} {level} svc-{b >> 3 & 31:02d}[{2000 + (b >> 9 & 255)}] "
        f"GET /api/v1/object/{c:08x} status={STATES[d & 3]} bytes={d % 60000} dt={a >> 14}us\n"
    )


def _records(chance: np.random.Generator) -> Iterator[bytes]:
    """Rows of a table: numbers that grow, wander and repeat."""
    count = PIECE_BYTES // RECORD.itemsize
    rows = np.zeros(count, RECORD)
    rows["id"] = np.arange(count, dtype=np.uint32) + int(chance.integers(0, 1 << 30))
    rows["value"] = np.round(np.cumsum(chance.normal(0, 1, count)), 1)
    rows["kind"] = chance.integers(0, 300, count)
    rows["flags"] = chance.integers(0, 4, count)
    rows["time"] = np.cumsum(chance.integers(0, 9, count))
    yield rows.tobytes()
