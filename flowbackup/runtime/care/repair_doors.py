"""How a repair comes to its devices.  One that may wait takes all or none, as every session; else,
or when its time is over, it takes those that are free and leaves the others alone."""

from __future__ import annotations

from collections.abc import Sequence

from flowbackup.errors import DeviceError
from flowbackup.media.locks.door import DeviceDoor
from flowbackup.media.port import WritableDevice
from flowbackup.model.device import MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.monitor import Monitor
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.care.repair_reach import RepairReach
from flowbackup.runtime.crew.entrance import Entrance


class RepairDoors:
    """The devices of one repair.  What `take` returns is its caller's to close."""

    def __init__(
        self, session: bytes, reach: RepairReach, monitor: Monitor, cancel: Cancel
    ) -> None:  # fmt: skip
        self._session = session
        self._reach = reach
        self._monitor = monitor
        self._cancel = cancel
        self._taken: dict[bytes, WritableDevice] = {}

    def take_all(self, infos: Sequence[MediumInfo], seconds_max: float) -> None:
        """Waits so long for all of these devices together; 0 does nothing.  Who cannot have all
        has none when this returns, and that is said."""
        if seconds_max <= 0 or not infos:
            return
        try:
            doors = [self._door(info) for info in infos]
            self._entrance(doors, seconds_max).take()
        except DeviceError as error:
            self._monitor.message(f"going on without what cannot be had: {error.message}")
            return
        pairs = zip(infos, doors, strict=True)
        self._taken = {info.medium: door.device for info, door in pairs}

    def take(self, info: MediumInfo) -> WritableDevice:
        """The device, locked.  Raises DeviceLockedError at once, DeviceError."""
        taken = self._taken.pop(info.medium, None)
        if taken is not None:
            return taken
        door = self._door(info)
        self._entrance([door], 0).take()
        return door.device

    def close(self) -> None:
        """Gives back what was not asked for."""
        while self._taken:
            self._taken.popitem()[1].close()

    def _entrance(self, doors: Sequence[DeviceDoor], seconds_max: float) -> Entrance:
        return Entrance(self._session, doors, seconds_max, self._monitor, cancel=self._cancel)

    def _door(self, info: MediumInfo) -> DeviceDoor:
        return DeviceDoor(self._reach.device(info), f"repair {id_text(self._session)}")
