"""The media that are asked whether they have what the catalog says they have."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from flowbackup.errors import DeviceError
from flowbackup.media.checks.witness import copies_seen
from flowbackup.media.devices.kinds import medium_device
from flowbackup.media.port import StoredFrame
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.ids import id_text
from flowbackup.runtime.reading.known_media import target_of


class Witness(Protocol):
    """A medium that answers."""

    def info(self) -> MediumInfo:
        """See Device."""

    def seen(self, copies: Sequence[StoredFrame]) -> set[FramePlace]:
        """See copies_seen."""


OpenWitness = Callable[[MediumInfo], Witness]
"""Raises DeviceError for a medium that is out of reach."""


class NearWitness:
    """A medium on this machine, asked past the page cache."""

    def __init__(self, info: MediumInfo) -> None:
        self._device = medium_device(target_of(info))

    def info(self) -> MediumInfo:
        """See Device."""
        return self._device.info()

    def seen(self, copies: Sequence[StoredFrame]) -> set[FramePlace]:
        """See copies_seen."""
        return copies_seen(self._device.reader(cached=False), copies)


class Witnesses:
    """All media of the catalog; each is opened when it is first asked, and one that is out of reach
    is not tried again.  faults: medium -> why it could not be asked."""

    def __init__(self, infos: Iterable[MediumInfo], opening: OpenWitness) -> None:
        self.infos = {info.medium: info for info in infos}
        self.faults: dict[bytes, str] = {}
        self._opening = opening
        self._opened: dict[bytes, Witness] = {}

    def device_of(self, medium: bytes) -> tuple[str, str]:
        """Node and name of its device: two media of one device are lost together."""
        info = self.infos[medium]
        return info.node, info.device

    def seen(self, medium: bytes, copies: Sequence[StoredFrame]) -> set[FramePlace]:
        """The places at which the medium shows these copies; none where it is out of reach."""
        if medium in self.faults:
            return set()
        try:
            return self._witness(medium).seen(copies)
        except DeviceError as error:
            self.faults[medium] = str(error)
            return set()

    def _witness(self, medium: bytes) -> Witness:
        if medium not in self._opened:
            info = self.infos[medium]
            witness = self._opening(info)
            found = witness.info().medium
            if found != medium:
                raise DeviceError(
                    f"{info.location} holds medium {id_text(found)}, expected {id_text(medium)}",
                    remedy="connect the right medium there",
                    device=info.device,
                )
            self._opened[medium] = witness
        return self._opened[medium]
