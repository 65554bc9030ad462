"""The Doorkeeper actor: stands for a session at the door of ONE device, on the node of that."""

from __future__ import annotations

from flowbackup.media.locks.door import DeviceDoor
from flowbackup.media.open import open_device
from flowbackup.model.device import DeviceTarget
from flowbackup.model.queue import DoorView, Ticket


class Doorkeeper:
    """A DeviceDoor in a process of its own, which dies with the session."""

    def __init__(self, target: DeviceTarget, holder: str) -> None:
        self._door = DeviceDoor(open_device(target), holder)

    def look(self) -> DoorView:
        return self._door.look()

    def enter(self, ticket: Ticket) -> None:
        self._door.enter(ticket)

    def leave(self) -> None:
        self._door.leave()

    def lock(self) -> None:
        self._door.lock()

    def unlock(self) -> None:
        self._door.unlock()
