"""The door of a device: what a session does there before it is let in."""

from __future__ import annotations

from flowbackup.errors import DeviceError, DeviceLockedError
from flowbackup.media.bounded import within
from flowbackup.media.failure import FULL
from flowbackup.media.port import DeviceQueue, WritableDevice
from flowbackup.model.queue import DoorView, Ticket


def check_turn(queue: DeviceQueue, device: str) -> None:
    """For those who do not wait: who came first is not overtaken.  Raises DeviceLockedError where
    somebody stands in the queue, DeviceError."""
    standing = queue.standing()
    if standing:
        first = standing[0].holder
        raise DeviceLockedError(
            f'device "{device}" is kept for {first}, which came first',
            remedy="wait until it has finished, or end it",
            device=device,
            holder=first,
        )


def lock_in_turn(device: WritableDevice, holder: str) -> None:
    """Locks a device for which nobody waits.  Raises DeviceLockedError, DeviceError."""
    check_turn(device.queue(), device.name)
    device.lock(holder)


class DeviceDoor:
    """A device of this machine, with the queue in front of it.  One session, one thread."""

    def __init__(self, device: WritableDevice, holder: str) -> None:
        """holder: who the session is, for people."""
        self.device = device
        self._holder = holder
        self._queue = device.queue()

    def look(self) -> DoorView:
        """Raises DeviceError for a medium that is not there, as `Device.info`, or does not
        answer."""
        return within(self.device.name, "its medium", self._look)

    def _look(self) -> DoorView:
        device, queue = self.device, self._queue
        return DoorView(device.name, device.info().device_id, device.holder(), queue.standing())

    def enter(self, ticket: Ticket) -> None:
        """Stands in the queue.  Raises DeviceError, DeviceLockedError."""
        try:
            self._queue.enter(ticket, self._holder)
        except DeviceError as error:
            if error.errno not in FULL:
                raise
            # A killed session may have reserved all room; who locks the device gives that back.
            self.lock()
            self.unlock()
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
