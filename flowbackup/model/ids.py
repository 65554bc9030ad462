"""Identifiers: UUIDv7 (RFC 9562) for sessions, objects and media; FrameId for frames.

An identifier travels as 16 bytes and is shown as UUID text; people may write a prefix of it.
"""

from __future__ import annotations

import os
import time
import uuid
from typing import NamedTuple

ID_BYTES = 16
NO_ID = bytes(ID_BYTES)


def new_id(time_ms: int | None = None, random: bytes | None = None) -> bytes:
    """A UUIDv7: 48 bits of Unix milliseconds, then random bits; sorts by time of making."""
    stamp = time.time_ns() // 1_000_000 if time_ms is None else time_ms
    noise = int.from_bytes(os.urandom(10) if random is None else random, "big")
    value = (stamp & (1 << 48) - 1) << 80 | noise
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return value.to_bytes(ID_BYTES, "big")


def id_text(value: bytes) -> str:
    """The UUID text of 16 bytes."""
    return str(uuid.UUID(bytes=value))


def id_from_text(text: str) -> bytes:
    """The 16 bytes of a UUID text.  Raises ValueError."""
    return uuid.UUID(text).bytes


class FrameId(NamedTuple):
    """What names a frame on every level: the session that made it, its stream (a row of frames
    from one client into one head agent), and its place in that stream, from 0."""

    session: bytes
    stream: int
    sequence: int

    def __str__(self) -> str:
        return f"{id_text(self.session)[:13]}/{self.stream}/{self.sequence}"
