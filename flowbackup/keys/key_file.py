"""Key files: a repository key in wrapped form, which may lie anywhere, and writer keys, which may
not.

    {"flowbackup": "key", "public": "...", "slots": [{"name": "laptop", "kind": "scrypt", ...}]}
    {"flowbackup": "writer key", "public": "...", "secret": "...", "slots": [...]}

The wrapped form goes with every frame: the file is needed to write, and to add or remove slots.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from flowbackup.errors import NotFoundError, UsageError
from flowbackup.frame.key_slots import (
    SCRYPT_N,
    Slot,
    pack_slots,
    slot_id,
    wrapped_by_passphrase,
)
from flowbackup.frame.keys import KEY_BYTES, RepositoryKey, WriterKey, key_id_of

KEY, WRITER_KEY = "key", "writer key"
FILE_BYTES_MAX = 1 << 16


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a key file says.  secret: of a writer key, else b""."""

    public: bytes
    slots: tuple[Slot, ...]
    secret: bytes = b""

    @property
    def key_id(self) -> bytes:
        return key_id_of(self.public)

    @property
    def is_writer(self) -> bool:
        return bool(self.secret)

    def writer(self, key: RepositoryKey | None = None) -> WriterKey:
        """The writer key that this file is, or that `key`, which it holds, gives."""
        slots = packed(self.slots)
        if key is not None:
            return key.writer(slots)
        return WriterKey(self.public, self.secret, slots)

    def with_slot(self, slot: Slot) -> KeyFile:
        """Raises UsageError where there is no room for one more."""
        more = replace(self, slots=(*self.slots, slot))
        packed(more.slots)
        return more

    def without_slot(self, wanted: str) -> KeyFile:
        """wanted: the name of a slot, or the beginning of its id.  Raises NotFoundError, and
        UsageError for the last one: nobody could open the key any more."""
        found = [s for s in self.slots if s.get("name") == wanted]
        found = found or [s for s in self.slots if wanted and slot_id(s).startswith(wanted)]
        if len(found) != 1:
            raise NotFoundError(
                f'"{wanted}" means {len(found)} of the slots of key {self.key_id.hex()[:8]}',
                remedy="`flowbackup key list` shows them",
            )
        left = tuple(slot for slot in self.slots if slot is not found[0])
        if not left:
            raise UsageError("nobody could open the key any more", remedy="add another slot before")
        return replace(self, slots=left)


def packed(slots: Sequence[Slot]) -> bytes:
    """See `pack_slots`.  Raises UsageError where they are too many."""
    try:
        return pack_slots(slots)
    except ValueError as error:
        raise UsageError(str(error), remedy="remove a slot that nobody uses") from error


def new_key(passphrase: bytes, name: str, n: int = SCRYPT_N) -> KeyFile:
    """A new repository key, which this passphrase opens."""
    key = RepositoryKey(secrets.token_bytes(KEY_BYTES))
    slot = {"name": name, **wrapped_by_passphrase(key, passphrase, n)}
    return KeyFile(key.public, (slot,))


def read_key_file(path: str | Path) -> KeyFile:
    """Raises UsageError."""
    try:
        data = Path(path).read_bytes()
        if len(data) > FILE_BYTES_MAX:
            raise ValueError("it is too long")
        value = json.loads(data)
        if value["flowbackup"] not in (KEY, WRITER_KEY):
            raise ValueError("it is none of ours")
        public = _bytes(value["public"])
        slots = tuple(dict(slot) for slot in value["slots"])
        secret = _bytes(value["secret"]) if value["flowbackup"] == WRITER_KEY else b""
    except OSError as error:
        raise UsageError(
            f"key file {path} cannot be read: {error.strerror}",
            remedy=f"make one: flowbackup key create {path}",
        ) from error
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no key file: {error}") from error
    if len(public) != KEY_BYTES or len(secret) not in (0, KEY_BYTES):
        raise UsageError(f"{path} is no key file: its keys have wrong lengths")
    return KeyFile(public, slots, secret)


def write_key_file(path: str | Path, file: KeyFile, *, new: bool) -> None:
    """Writes it for its owner alone, all of it or nothing.  new: there is none yet.  Raises
    UsageError."""
    value: dict[str, object] = {
        "flowbackup": WRITER_KEY if file.is_writer else KEY, "public": _text(file.public),
    }  # fmt: skip
    if file.is_writer:
        value["secret"] = _text(file.secret)
    data = json.dumps(value | {"slots": [*map(dict, file.slots)]}, indent=1).encode() + b"\n"
    beside = f"{path}.new"
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        if new:
            os.link(beside, path)
            os.unlink(beside)
        else:
            os.replace(beside, path)
    except FileExistsError as error:
        os.unlink(beside)
        raise UsageError(f"{path} exists", remedy="name another file") from error
    except OSError as error:
        raise UsageError(f"key file {path} cannot be written: {error.strerror}") from error


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
