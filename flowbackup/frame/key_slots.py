"""Wrapped keys: a repository key that a passphrase opens, or an identity of age.

    [{"kind": "scrypt", "n": 131072, "r": 8, "p": 1, "salt": "...", "wrapped": "..."},
     {"kind": "age", "wrapped": "..."}]

JSON, bytes in base64.  It stands on media, where everybody may read it and harm it: nothing is
computed with numbers that nobody would have chosen.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from flowbackup.frame.keys import KEY_BYTES, RepositoryKey

SLOTS_BYTES_MAX = 3072
"""They go with every frame, and the least frame has to have room for them."""
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 17, 8, 1
"""128 MiB and a third of a second for each guess."""
_N_MAX, _R_MAX, _P_MAX = 1 << 20, 8, 4
_NONCE = bytes(12)
"""Each wrapping key wraps once: its salt is random."""

Slot = Mapping[str, Any]
Identity = Callable[[bytes], bytes | None]
"""Opens what age has wrapped; None where it was wrapped for another."""


def wrapped_by_passphrase(key: RepositoryKey, passphrase: bytes, n: int = SCRYPT_N) -> Slot:
    """A slot that this passphrase opens.  n: what guessing costs; lower only for tests."""
    salt = secrets.token_bytes(16)
    slot = {"kind": "scrypt", "n": n, "r": SCRYPT_R, "p": SCRYPT_P, "salt": _text(salt)}
    wrapped = AESGCM(_stretched(slot, passphrase)).encrypt(_NONCE, key.secret, key.key_id)
    return {**slot, "wrapped": _text(wrapped)}


def wrapped_by_age(wrapped: bytes) -> Slot:
    """A slot with the repository key as a file of age."""
    return {"kind": "age", "wrapped": _text(wrapped)}


def slot_id(slot: Slot) -> str:
    """By which people call a slot."""
    return hashlib.sha256(str(slot.get("wrapped")).encode()).hexdigest()[:8]


def pack_slots(slots: Sequence[Slot]) -> bytes:
    """Slots as they stand on media: without names and recipients, which concern nobody there.
    Raises ValueError where they are too many."""
    public = ("kind", "n", "r", "p", "salt", "wrapped")
    bare = [{name: slot[name] for name in public if name in slot} for slot in slots]
    data = json.dumps(bare, separators=(",", ":")).encode()
    if len(data) > SLOTS_BYTES_MAX:
        raise ValueError(f"{len(slots)} ways to open a key take {len(data)} of {SLOTS_BYTES_MAX} B")
    return data


def parse_slots(data: bytes) -> list[Slot]:
    """The slots that stand somewhere, [] for what is none.  Of those nothing is believed yet."""
    try:
        found = json.loads(data) if len(data) <= SLOTS_BYTES_MAX else []
    except (ValueError, RecursionError):
        return []
    return [slot for slot in found if isinstance(slot, dict)] if isinstance(found, list) else []


def opened_by_passphrase(
    slots: Sequence[Slot], passphrase: bytes, key_id: bytes
) -> RepositoryKey | None:  # fmt: skip
    """The key of that name, if this passphrase opens one of the slots."""
    for slot in slots:
        if slot.get("kind") != "scrypt" or not _is_possible(slot):
            continue
        try:
            unwrapped = AESGCM(_stretched(slot, passphrase))
            secret = unwrapped.decrypt(_NONCE, _bytes(slot["wrapped"]), key_id)
        except (InvalidTag, KeyError, TypeError, ValueError):
            continue
        if (key := _named(secret, key_id)) is not None:
            return key
    return None


def opened_by_identity(
    slots: Sequence[Slot], identity: Identity, key_id: bytes
) -> RepositoryKey | None:  # fmt: skip
    """The key of that name, if this identity of age opens one of the slots."""
    for wrapped in _wrapped_by_age(slots):
        secret = identity(wrapped)
        if secret is not None and (key := _named(secret, key_id)) is not None:
            return key
    return None


def has_kind(slots: Sequence[Slot], kind: str) -> bool:
    return any(slot.get("kind") == kind for slot in slots)


def _wrapped_by_age(slots: Sequence[Slot]) -> Iterator[bytes]:
    for slot in slots:
        if slot.get("kind") == "age":
            try:
                yield _bytes(slot["wrapped"])
            except (KeyError, TypeError, ValueError):
                continue


def _named(secret: bytes, key_id: bytes) -> RepositoryKey | None:
    key = RepositoryKey(secret)
    return key if len(secret) == KEY_BYTES and key.key_id == key_id else None


def _is_possible(slot: Slot) -> bool:
    """Numbers that take a bounded time and memory, at most a GiB."""
    n, r, p = (slot.get(name) for name in ("n", "r", "p"))
    numbers = isinstance(n, int) and isinstance(r, int) and isinstance(p, int)
    return bool(
        numbers and 2 <= n <= _N_MAX and not n & n - 1 and 1 <= r <= _R_MAX and 1 <= p <= _P_MAX  # type: ignore[operator]
    )


def _stretched(slot: Slot, passphrase: bytes) -> bytes:
    salt = _bytes(slot["salt"])
    return Scrypt(salt, KEY_BYTES, slot["n"], slot["r"], slot["p"]).derive(passphrase)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
