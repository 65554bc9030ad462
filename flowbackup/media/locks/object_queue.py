"""The queue of a medium in a bucket: one object for each session that wants it.

As in a directory the name is the ticket and the text says whose it is.  Whoever stands there writes
his own anew when he looks, and one that was not written for a lease is of a dead session.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from flowbackup.media.failure import device_error
from flowbackup.media.locks.holder import HOLDER_BYTES_MAX, describe, holder_here, parse_holder
from flowbackup.media.locks.lease import LEASE_SECONDS, RENEWALS
from flowbackup.media.locks.queue import name_of, parse_name
from flowbackup.media.places.bucket import CLOCK_NAME, object_at
from flowbackup.media.places.store import FoundObject
from flowbackup.model.queue import Ticket, Waiting


class ObjectQueue:
    """The queue in the folder `path`; this object may stand in it once."""

    def __init__(self, path: str, device: str) -> None:
        self._path = path
        self._device = device
        self._name = ""
        self._text = b""
        self._written = 0.0

    def standing(self) -> tuple[Waiting, ...]:
        """Everybody who waits, the first one first; tickets of the dead are removed.  Raises
        DeviceError."""
        found: list[Waiting] = []
        with self._guard("looking at"):
            store, folder = object_at(self._path)
            if self._name and time.monotonic() - self._written > LEASE_SECONDS / RENEWALS:
                self._write()
            for name, meta in store.listing(folder)[0].items():
                ticket = parse_name(name)
                text = self._text_if_held(name, meta)
                if ticket is not None and text is not None:
                    found.append(Waiting(ticket, describe(text)))
        return tuple(sorted(found))

    def enter(self, ticket: Ticket, holder: str) -> None:
        """See DeviceQueue."""
        self.leave()
        with self._guard("standing in"):
            self._name, self._text = name_of(ticket), holder_here(holder).to_json()
            self._write()

    def leave(self) -> None:
        """Safe to repeat, never raises."""
        name, self._name = self._name, ""
        if name:
            with suppress(OSError):
                store, folder = object_at(self._path)
                store.remove(os.path.join(folder, name))

    def _write(self) -> None:
        store, folder = object_at(self._path)
        store.put(os.path.join(folder, self._name), self._text)
        self._written = time.monotonic()

    def _text_if_held(self, name: str, meta: FoundObject) -> bytes | None:
        """What a ticket says; None for one that nobody holds, which is removed."""
        store, folder = object_at(self._path)
        key = os.path.join(folder, name)
        try:
            text, _ = store.read_begin(key, HOLDER_BYTES_MAX)
        except FileNotFoundError:
            return None
        holder = parse_holder(text)
        if holder is not None and holder.process.is_alive():
            return text
        if holder is not None and not holder.process.is_dead():
            # Of another machine: only time tells.
            clock = os.path.join(os.path.dirname(folder), CLOCK_NAME)
            if store.server_time(clock) - meta.changed < timedelta(seconds=LEASE_SECONDS):
                return text
        store.remove(key)
        return None

    @contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise device_error(self._device, f"{what} the queue {self._path}", error) from error
