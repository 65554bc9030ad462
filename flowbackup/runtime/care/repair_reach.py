"""How a repair comes to its devices: those of this machine in this process, others by agents on
their nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from flowbackup.catalog.catalog import Catalog
from flowbackup.media.labels.mending import faults, mend
from flowbackup.media.port import WritableDevice
from flowbackup.model.device import MediumInfo
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.reading.known_media import OpenDevice, OpenFar, device_of
from flowbackup.runtime.reading.looking import look_at


class CaredDevice(WritableDevice, Protocol):
    """A device on whose node somebody also looks at its media."""

    def look(self, catalog: Catalog, info: MediumInfo) -> int: ...

    def faults(self, info: MediumInfo) -> tuple[str, ...]: ...

    def mend(self, info: MediumInfo) -> tuple[str, ...]: ...


class Far(NamedTuple):
    """What opens media of other nodes, to read and to repair.  Both raise DeviceError for what is
    out of reach."""

    read: OpenFar
    care: Callable[[MediumInfo], CaredDevice]


@contextmanager
def far_by(address: str, cancel: Cancel) -> Iterator[Far | None]:
    """With the Ray cluster at `address`; None for "", and then Ray is not even imported."""
    if not address:
        yield None
        return
    from flowbackup.runtime.care.far_device import far_devices  # noqa: PLC0415
    from flowbackup.runtime.engines.ray_start import ray_engine  # noqa: PLC0415  only with a cluster
    from flowbackup.runtime.reading.far_media import far_media  # noqa: PLC0415

    with (
        ray_engine(address, cancel) as engine,
        far_media(engine) as read,
        far_devices(engine) as care,
    ):
        yield Far(read, care)


class RepairReach:
    """The devices of one repair, wherever they are."""

    def __init__(self, opening: OpenDevice, far: Far | None) -> None:
        self.opening = opening
        self.far = far

    @property
    def reads_far(self) -> OpenFar | None:
        """For KnownMedia."""
        return None if self.far is None else self.far.read

    def can_write(self, info: MediumInfo) -> bool:
        """Is there a way to it, as long as its node is there?"""
        return info.is_near or self.far is not None

    def device(self, info: MediumInfo) -> WritableDevice:
        """That of a medium.  Raises DeviceError."""
        return self.opening(device_of(info)) if info.is_near else self._care(info)

    def look(self, catalog: Catalog, info: MediumInfo) -> int:
        """See look_at."""
        return look_at(catalog, info) if info.is_near else self._care(info).look(catalog, info)

    def faults(self, info: MediumInfo) -> tuple[str, ...]:
        """See mending.faults."""
        return faults(info.location, info.device) if info.is_near else self._care(info).faults(info)

    def mend(self, info: MediumInfo) -> tuple[str, ...]:
        """See mending.mend."""
        return mend(info.location, info.device) if info.is_near else self._care(info).mend(info)

    def _care(self, info: MediumInfo) -> CaredDevice:
        assert self.far is not None, "see can_write"
        return self.far.care(info)
