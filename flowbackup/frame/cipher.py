"""Sealed payloads: AES-256-GCM over content and chunk index, and what their reader needs behind it.

    ciphertext, tag (16), slots (m), nonce (12), share (32), key id (16), m (u32)

A tag covers the header of the frame, too, but for its digest: a frame cannot be passed off as
another one.  A nonce counts the frames that were sealed under a key, which only one process has: it
never comes again, whatever happens to frames, streams and epochs.
"""

from __future__ import annotations

import struct
import threading
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from flowbackup.errors import DamageError
from flowbackup.frame.key_slots import SLOTS_BYTES_MAX
from flowbackup.frame.keys import RepositoryKey, WriterKey
from flowbackup.model.frame import FrameHeader, FrameKind

TAG_BYTES = 16
FRAME_KEYS_KEPT = 64
_TAIL = struct.Struct("<12s32s16sI")
_BOUND = struct.Struct("<16sIQHH16sII")
_FORMAT = b"flowbackup frame 1"


class Lock(NamedTuple):
    """What stands behind a ciphertext of `sealed_bytes`, its tag included."""

    sealed_bytes: int
    slots: bytes
    nonce: bytes
    share: bytes
    key_id: bytes


class Cipher:
    """Seals the frames of one writer in one session.  May be used by several threads."""

    def __init__(self, key: WriterKey, session: bytes) -> None:
        self._key = key
        frame_key, self._share = key.new_frame_key(session)
        self._aead = AESGCM(frame_key)
        self._sealed = 0
        self._counting = threading.Lock()
        self.name_key = key.name_key
        self.more_bytes = TAG_BYTES + len(key.slots) + _TAIL.size
        """By which a sealed payload is longer."""

    def seal(self, memory: memoryview, plain_bytes: int, header: FrameHeader) -> int:
        """Seals what stands at the beginning of `memory`, in place.  header: what is known of it
        until now, its digest is not looked at.  Returns the length of the payload."""
        with self._counting:
            self._sealed += 1
            nonce = self._sealed.to_bytes(12, "little")
        end = plain_bytes + TAG_BYTES
        plain = memory[:plain_bytes]
        self._aead.encrypt_into(nonce, plain, bound_to(header), memory[:end])
        key = self._key
        tail = key.slots + _TAIL.pack(nonce, self._share, key.key_id, len(key.slots))
        memory[end : end + len(tail)] = tail
        return end + len(tail)


def bound_to(header: FrameHeader) -> bytes:
    """The associated data of a frame.  The record that ends an object goes down several chains, as
    a frame of each: its place in them is no part of it."""
    h = header
    place = (0, 0) if h.kind == FrameKind.CATALOG else (h.stream, h.sequence)
    return _FORMAT + _BOUND.pack(
        h.session, *place, h.kind, h.codec, h.object_id, h.content_bytes, h.chunk_count
    )


def lock_of(payload: memoryview) -> Lock:
    """What stands behind the ciphertext of a payload.  Raises DamageError."""
    at = len(payload) - _TAIL.size
    if at < TAG_BYTES:
        raise DamageError(f"a sealed payload has {len(payload)} bytes")
    nonce, share, key_id, slots_bytes = _TAIL.unpack(payload[at:])
    sealed_bytes = at - slots_bytes
    if slots_bytes > SLOTS_BYTES_MAX or sealed_bytes < TAG_BYTES:
        raise DamageError(f"a sealed payload with {slots_bytes} bytes of keys")
    return Lock(sealed_bytes, bytes(payload[sealed_bytes:at]), nonce, share, key_id)


class FrameOpener:
    """Opens what was sealed for one repository key.  May be used by several threads."""

    def __init__(self, key: RepositoryKey) -> None:
        self._key = key
        self._frame_key = lru_cache(maxsize=FRAME_KEYS_KEPT)(key.frame_key)
        self.name_key = key.name_key

    def opened(self, header: FrameHeader, payload: memoryview, lock: Lock) -> memoryview:
        """Content and chunk index.  Raises DamageError for what this key has not sealed so."""
        try:
            aead = AESGCM(self._frame_key(header.session, lock.share))
            sealed = payload[: lock.sealed_bytes]
            return memoryview(aead.decrypt(lock.nonce, sealed, bound_to(header)))
        except (InvalidTag, ValueError) as error:
            raise DamageError("it was not sealed so by anybody who has its key") from error
