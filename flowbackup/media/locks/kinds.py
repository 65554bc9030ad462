"""Locks and queues by the kind of place in which they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flowbackup.media.locks.lease import LeaseLock, present_lessee
from flowbackup.media.locks.lock import MediumLock, present_holder
from flowbackup.media.locks.object_queue import ObjectQueue
from flowbackup.media.locks.queue import MediumQueue
from flowbackup.media.locks.tape_lock import holder_of_tape, lock_tape, queue_for_tape
from flowbackup.media.port import DeviceQueue
from flowbackup.model.location import DIRECTORY, S3, TAPE, kind_at


@dataclass(frozen=True, slots=True)
class Locking:
    """lock: path, device, holder -> the lock, held.  queue: path, device -> the queue.  holder:
    path -> who has the lock, "" for nobody."""

    lock: Callable[[str, str, str], MediumLock | LeaseLock]
    queue: Callable[[str, str], DeviceQueue]
    holder: Callable[[str], str]


LOCKING: Mapping[str, Locking] = MappingProxyType(
    {
        DIRECTORY: Locking(MediumLock, MediumQueue, present_holder),
        S3: Locking(LeaseLock, ObjectQueue, present_lessee),
        TAPE: Locking(lock_tape, queue_for_tape, holder_of_tape),
    }
)


def locking_at(location: str) -> Locking:
    """How media at a place are locked."""
    return LOCKING[kind_at(location)]
