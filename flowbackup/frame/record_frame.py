"""The last frame of a session: its record, equal on every medium that took part."""

from __future__ import annotations

from flowbackup.frame.cipher import Cipher
from flowbackup.frame.keys import WriterKey
from flowbackup.frame.seal import seal
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.ids import NO_ID, FrameId

SESSION_STREAM = 0
"""Streams of clients are numbered from 1; what tells of the session is its own."""


def record_frame(
    session: bytes, record: bytes, key: WriterKey | None = None
) -> tuple[FrameHeader, bytes]:
    """The frame with the record of a session, sealed where there is a key."""
    cipher = Cipher(key, session) if key is not None else None
    memory = memoryview(bytearray(len(record) + (cipher.more_bytes if cipher else 0)))
    memory[: len(record)] = record
    frame = FrameId(session, SESSION_STREAM, 0)
    header = seal(memory, (), frame, FrameKind.CATALOG, NO_ID, len(record), cipher=cipher)
    return header, bytes(memory[: header.payload_bytes])
