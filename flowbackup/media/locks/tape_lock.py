"""Locks and queues of tapes: a tape has no files, so they stand on the machine of its drive."""

from __future__ import annotations

import os

from flowbackup.errors import DeviceError
from flowbackup.media.failure import device_error
from flowbackup.media.locks.lock import MediumLock, present_holder
from flowbackup.media.locks.queue import MediumQueue
from flowbackup.media.places.tape.state import state_folder
from flowbackup.model.tape_place import tape_place


def lock_tape(path: str, device: str, holder: str) -> MediumLock:
    """path: the place of the tape with the name of the lock behind it.  Raises as MediumLock."""
    return MediumLock(_here(path, device), device, holder)


def queue_for_tape(path: str, device: str) -> MediumQueue:
    """path: the place of the tape with the name of the queue behind it.  Raises DeviceError."""
    return MediumQueue(_here(path, device), device)


def holder_of_tape(path: str) -> str:
    """See present_holder."""
    try:
        return present_holder(_here(path, ""))
    except DeviceError:
        return ""


def _here(path: str, device: str) -> str:
    location, name = os.path.split(path)
    folder = state_folder(tape_place(location))
    try:
        # Of whoever comes first; the next one may be another user.
        os.makedirs(folder, mode=0o777, exist_ok=True)
    except OSError as error:
        raise device_error(device, f"making {folder}", error) from error
    return os.path.join(folder, name)
