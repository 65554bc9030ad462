"""Keys that readers have: each is opened when the first frame asks for it, and kept in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from flowbackup.errors import DamageError, WrongKeyError
from flowbackup.frame.cipher import FrameOpener, Lock, lock_of
from flowbackup.frame.key_slots import Slot, parse_slots
from flowbackup.frame.keys import RepositoryKey
from flowbackup.model.frame import FrameHeader

Unlock = Callable[[bytes, Sequence[Slot]], RepositoryKey]
"""Opens the key of this name, which is wrapped in these slots.  Raises WrongKeyError."""


class KeyRing:
    """May be used by several threads: a passphrase is asked for once, and a refusal is final."""

    def __init__(self, unlock: Unlock) -> None:
        self._unlock = unlock
        self._lock = threading.Lock()
        self._openers: dict[bytes, FrameOpener | WrongKeyError] = {}

    def opened(self, header: FrameHeader, payload: memoryview) -> tuple[memoryview, bytes]:
        """Content and chunk index of a sealed payload, and the key with which its chunks are named.
        Raises WrongKeyError, and DamageError for what nobody who has the key has sealed so."""
        lock = lock_of(payload)
        opener = self._opener(lock)
        return opener.opened(header, payload, lock), opener.name_key

    def _opener(self, lock: Lock) -> FrameOpener:
        with self._lock:
            found = self._openers.get(lock.key_id)
            if found is None:
                found = self._openers[lock.key_id] = self._unlocked(lock)
        if isinstance(found, WrongKeyError):
            raise found
        return found

    def _unlocked(self, lock: Lock) -> FrameOpener | WrongKeyError:
        try:
            key = self._unlock(lock.key_id, parse_slots(lock.slots))
        except WrongKeyError as error:
            return error
        if key.key_id != lock.key_id:
            raise DamageError(f"the key {key.key_id.hex()} was opened for {lock.key_id.hex()}")
        return FrameOpener(key)


def _refuse(key_id: bytes, slots: Sequence[Slot]) -> RepositoryKey:
    raise WrongKeyError(
        f"it is encrypted with key {key_id.hex()[:8]}, which is not at hand",
        remedy="name the file with its passphrase in FLOWBACKUP_PASSPHRASE_FILE",
    )


NO_KEYS = KeyRing(_refuse)
"""Of who reads nothing that is sealed."""
