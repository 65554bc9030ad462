"""The part of the api that is about keys: who may write, who may read, and what opens that.

Nothing here goes to another process but writer keys, and those sealed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowbackup.errors import UsageError, WrongKeyError
from flowbackup.keys.passphrase import NEW_FILE, asked_passphrase, given_passphrase
from flowbackup.plan.decided import Plan

if TYPE_CHECKING:
    from flowbackup.frame.key_ring import KeyRing
    from flowbackup.frame.keys import RepositoryKey, WriterKey

IDENTITY_FILE = "FLOWBACKUP_IDENTITY_FILE"
"""Of age, for keys that are wrapped for its recipient."""


@dataclass(frozen=True, slots=True)
class KeySlot:
    """One way to open a key.  slot: by which it is called; kind: scrypt or age."""

    slot: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class KeyRow:
    """What a key file tells without being opened.  is_writer: it is a writer key."""

    key: str
    is_writer: bool
    slots: tuple[KeySlot, ...]


def writer_key_of(plan: Plan) -> WriterKey | None:
    """The key with which clients of a plan seal what they send; None for a plan without one.
    Raises UsageError, WrongKeyError."""
    if not plan.key:
        return None
    from flowbackup.keys.key_file import read_key_file

    file = read_key_file(plan.key)
    return file.writer(None if file.is_writer else _unlock(file.key_id, file.slots))


def reader_keys() -> KeyRing:
    """Opens keys when frames ask for them, with what the environment names or somebody types."""
    from flowbackup.frame.key_ring import KeyRing

    return KeyRing(_unlock)


def create_key(path: Path, name: str) -> KeyRow:
    """A new repository key in a new file, opened by a new passphrase.  Raises UsageError."""
    from flowbackup.keys.key_file import new_key, write_key_file

    passphrase = given_passphrase() or asked_passphrase("new passphrase", twice=True)
    file = new_key(passphrase, name)
    write_key_file(path, file, new=True)
    return key_row(path)


def add_slot(path: Path, name: str, recipient: str = "") -> KeyRow:
    """One more way to open a key: a new passphrase, or who has the identity of an age recipient.
    Raises UsageError, WrongKeyError."""
    from flowbackup.frame.key_slots import wrapped_by_age, wrapped_by_passphrase
    from flowbackup.keys.key_file import read_key_file, write_key_file

    file = read_key_file(path)
    _refuse_writer(file.is_writer)
    key = _unlock(file.key_id, file.slots)
    if recipient:
        from flowbackup.keys.age import wrapped_for

        wrapped = wrapped_by_age(wrapped_for(recipient, key.secret))
        slot = {"recipient": recipient, **wrapped}
    else:
        passphrase = given_passphrase(file=NEW_FILE)
        passphrase = passphrase or asked_passphrase("new passphrase", twice=True)
        slot = {**wrapped_by_passphrase(key, passphrase)}
    write_key_file(path, file.with_slot({"name": name, **slot}), new=False)
    return key_row(path)


def remove_slot(path: Path, slot: str) -> KeyRow:
    """Frames that are written from now on are not opened by it any more; those on media stay as
    they are.  Raises NotFoundError, UsageError."""
    from flowbackup.keys.key_file import read_key_file, write_key_file

    write_key_file(path, read_key_file(path).without_slot(slot), new=False)
    return key_row(path)


def make_writer_key(path: Path, target: Path) -> KeyRow:
    """A new file with the right to write, and not to read.  Raises UsageError, WrongKeyError."""
    from flowbackup.keys.key_file import read_key_file, write_key_file

    file = read_key_file(path)
    _refuse_writer(file.is_writer)
    writer = file.writer(_unlock(file.key_id, file.slots))
    write_key_file(target, replace(file, secret=writer.secret), new=True)
    return key_row(target)


def check_key(path: Path) -> KeyRow:
    """Opens a key, as a restore would.  Raises UsageError, WrongKeyError."""
    from flowbackup.keys.key_file import read_key_file

    file = read_key_file(path)
    _unlock(file.key_id, file.slots)
    return key_row(path)


def key_row(path: Path) -> KeyRow:
    """What the file tells.  Raises UsageError."""
    from flowbackup.frame.key_slots import slot_id
    from flowbackup.keys.key_file import read_key_file

    file = read_key_file(path)
    slots = (
        KeySlot(slot_id(slot), str(slot.get("name", "")), str(slot.get("kind", "")))
        for slot in file.slots
    )
    return KeyRow(file.key_id.hex()[:8], file.is_writer, tuple(slots))


def _refuse_writer(is_writer: bool) -> None:
    if is_writer:
        raise UsageError("that is a writer key", remedy="name the key that it was made from")


def _unlock(key_id: bytes, slots: Sequence[Mapping[str, Any]]) -> RepositoryKey:
    from flowbackup.frame.key_slots import has_kind, opened_by_identity, opened_by_passphrase

    name, place = key_id.hex()[:8], os.environ.get(IDENTITY_FILE)
    if place and has_kind(slots, "age"):
        from flowbackup.keys.age import identity_of

        key = opened_by_identity(slots, identity_of(place), key_id)
        if key is not None:
            return key
    if not has_kind(slots, "scrypt"):
        raise WrongKeyError(
            f"key {name} opens for an identity of age, and not for one in {place or IDENTITY_FILE}",
            remedy=f"name the file of that identity in {IDENTITY_FILE}",
        )
    passphrase = given_passphrase() or asked_passphrase(f"passphrase of key {name}")
    key = opened_by_passphrase(slots, passphrase, key_id)
    if key is None:
        raise WrongKeyError(
            f"the passphrase does not open key {name}",
            remedy="another one is wanted; `flowbackup key list` shows who can open a key file",
        )
    return key
