"""The lock of a medium in a bucket: an object with the name of its holder.

No system lets go of it for who dies.  So the holder writes his name anew all the time, and who
finds one that nobody has written for LEASE_SECONDS, by the clock of the server, may put his there;
of a process that died on this very machine he knows at once.  Each writing demands that the object
is as it was seen (If-Match), so of two that come at the same moment one is refused.  Who was taken
for dead and is not hears of it before he makes anything durable (`check`).
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from datetime import timedelta

from flowbackup.errors import DeviceError, DeviceLockedError
from flowbackup.media.failure import device_error
from flowbackup.media.locks.holder import (
    HOLDER_BYTES_MAX,
    Holder,
    holder_here,
    parse_holder,
)
from flowbackup.media.places.bucket import CLOCK_NAME, object_at
from flowbackup.media.places.store import ObjectStore
from flowbackup.process import identify

LEASE_SECONDS = 300.0
"""More than a store is away at times, and little for a backup to wait after a machine has died."""
RENEWALS = 10
"""In that time, so that some may fail."""

END_SECONDS_MAX = 10.0
"""For a renewal under way.  A lock that cannot be let go of ends with its process, or its lease."""

_HELD: set[str] = set()
_HOLDING = threading.Lock()
"""Locks of this process: the text of one names it also when it was let go in vain."""


class LeaseLock:
    """An exclusive lock on the object at `path`, from construction to `close`."""

    def __init__(self, path: str, device: str, holder: str) -> None:
        """Raises DeviceLockedError naming the present holder, DeviceError."""
        self._path = path
        self._device = device
        self._text = holder_here(holder).to_json()
        self._ended = threading.Event()
        self._taken_by = ""
        """Who has it now, of a lock that was lost."""
        with _HOLDING:
            is_held = path in _HELD
            _HELD.add(path)
        if is_held:
            raise self._locked(present_lessee(path) or "another session of this process")
        try:
            self._store, self._key = object_at(path)
            self._tag = self._take()
        except BaseException as error:
            _HELD.discard(path)
            if isinstance(error, FileExistsError):
                raise self._locked("another session, which came at the same moment") from None
            if isinstance(error, OSError):
                raise device_error(device, f"locking {path}", error) from error
            raise
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises DeviceError for a lock that is somebody else's by now."""
        if self._taken_by:
            raise DeviceError(
                f'device "{self._device}": its lock was taken over by {self._taken_by}, '
                f"because this session had not renewed it for {LEASE_SECONDS:.0f} s",
                remedy="run the command again; what was durable stays so",
                device=self._device,
            )

    def close(self) -> None:
        """Gives the lock back; safe to repeat."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join(END_SECONDS_MAX)
        _HELD.discard(self._path)
        if not self._taken_by:
            with suppress(OSError):
                # A name that stays is one of a dead process as soon as this one has ended.
                self._store.exchange(self._key, b"", self._tag)

    def _take(self) -> str:
        with suppress(FileExistsError):
            self._store.create(self._key, self._text)
            self._check_conditions()
            return self._store.find(self._key).tag
        data, tag = self._store.read_begin(self._key, HOLDER_BYTES_MAX)
        present = _living(data)
        is_other = present is not None and present.process != identify()
        if present is not None and is_other and not _is_stale(self._store, self._key):
            raise self._locked(present.describe())
        return self._store.exchange(self._key, self._text, tag)

    def _check_conditions(self) -> None:
        """Once for each medium: a store without conditional writes would let two write at a time,
        and the one over the other.  Raises DeviceError."""
        with suppress(FileExistsError):
            self._store.create(self._key, b"a second one")
            self._store.remove(self._key)
            raise DeviceError(
                f'device "{self._device}": the store overwrites what was only to be created',
                remedy="use a store that knows conditional writes (If-None-Match, If-Match)",
                device=self._device,
            )

    def _renew(self) -> None:
        while not self._ended.wait(LEASE_SECONDS / RENEWALS):
            try:
                self._tag = self._store.exchange(self._key, self._text, self._tag)
            except FileExistsError:
                self._taken_by = self._present() or "another session"
                return
            except OSError:
                # The next one may succeed; until then nobody takes it over for some minutes.
                continue

    def _present(self) -> str:
        try:
            data, _ = self._store.read_begin(self._key, HOLDER_BYTES_MAX)
        except OSError:
            return ""
        holder = parse_holder(data)
        return "" if holder is None else holder.describe()

    def _locked(self, present: str) -> DeviceLockedError:
        return DeviceLockedError(
            f'device "{self._device}" is in use by {present}',
            remedy="wait until it has finished, as --retry-lock does, or end it",
            device=self._device, holder=present,
        )  # fmt: skip


def _living(data: bytes) -> Holder | None:
    """Whom the text of a lock names, unless this machine knows that he is dead."""
    holder = parse_holder(data)
    return None if holder is None or holder.process.is_dead() else holder


def present_lessee(path: str) -> str:
    """Who holds the lock at `path`, "" for nobody; looks only."""
    try:
        store, key = object_at(path)
        data, _ = store.read_begin(key, HOLDER_BYTES_MAX)
    except OSError:
        return ""
    holder = _living(data)
    is_gone = holder is None or (holder.process == identify() and path not in _HELD)
    return "" if holder is None or is_gone else holder.describe()


def _is_stale(store: ObjectStore, key: str) -> bool:
    """Has nobody written it for so long that its holder must be dead?"""
    clock = os.path.join(os.path.dirname(key), CLOCK_NAME)
    age = store.server_time(clock) - store.find(key).changed
    return age > timedelta(seconds=LEASE_SECONDS)
