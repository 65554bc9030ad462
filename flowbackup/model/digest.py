"""The two hashes of flowbackup; the only place that knows their algorithms.

`chunk_digest` (BLAKE3-256) is made at the client and checked at restore: it protects content end
to end.  `frame_digest` (XXH3-128) is fast and checked at every hop, every write and every read: it
finds accidents on the way, and protects against no attacker.  Both release the GIL for large input.
"""

from __future__ import annotations

import blake3
import xxhash

CHUNK_DIGEST_BYTES = 32
FRAME_DIGEST_BYTES = 16


def chunk_digest(data: bytes | bytearray | memoryview, key: bytes = b"") -> bytes:
    """BLAKE3-256 of a chunk: 32 bytes.  With a key of 32 bytes only who has it can tell whether a
    chunk is what he thinks."""
    return (blake3.blake3(data, key=key) if key else blake3.blake3(data)).digest()


def frame_digest(data: bytes | bytearray | memoryview) -> bytes:
    """XXH3-128 of a frame's payload: 16 bytes, big-endian (canonical)."""
    return xxhash.xxh3_128_digest(data)


def chained_digest(previous: bytes, data: bytes | bytearray | memoryview) -> bytes:
    """XXH3-128 over the digest before and this data: in a chain every link vouches for all."""
    state = xxhash.xxh3_128(previous)
    state.update(data)
    return state.digest()


def header_checksum(data: bytes | bytearray | memoryview) -> int:
    """XXH3-64 of a record header, as an unsigned number."""
    return xxhash.xxh3_64_intdigest(data)
