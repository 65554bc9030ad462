"""The door of a device: what a session does there before it is let in."""

from __future__ import annotations

from flowbackup.media.port import Device
from flowbackup.model.queue import DoorView, Ticket


class DeviceDoor:
    """A device of this machine, with the queue in front of it.  One session, one thread."""

    def __init__(self, device: Device, holder: str) -> None:
        """holder: who the session is, for people."""
        self.device = device
        self._holder = holder
        self._queue = device.queue()

    def look(self) -> DoorView:
        """Raises DeviceError for a medium that is not there, as `Device.info`."""
        device, queue = self.device, self._queue
        return DoorView(device.name, device.info().device_id, device.holder(), queue.standing())

    def enter(self, ticket: Ticket) -> None:
        """Stands in the queue."""
        self._queue.enter(ticket, self._holder)

    def leave(self) -> None:
        """Does not stand there any more; safe to repeat."""
        self._queue.leave()

    def lock(self) -> None:
        """Takes the device.  Raises DeviceLockedError naming who has it."""
        self.device.lock(self._holder)

    def unlock(self) -> None:
        """Gives it back; safe to repeat."""
        self.device.close()
