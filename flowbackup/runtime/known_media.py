"""The media that the catalog knows, each looked at once, when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DeviceError
from flowbackup.flow.choice import MediumState
from flowbackup.media.open import open_device
from flowbackup.media.port import Device, FrameReader
from flowbackup.model.device import DeviceTarget, MediumInfo
from flowbackup.model.ids import id_text

OpenDevice = Callable[[DeviceTarget], Device]


class KnownMedia:
    """What can be read from here, and how.  May be used by several threads at once."""

    def __init__(self, catalog: Catalog, opening: OpenDevice = open_device) -> None:
        self.infos = {info.medium: info for info in catalog.media()}
        self._opening = opening
        self._states: dict[bytes, MediumState] = {}
        self._readers: dict[bytes, FrameReader] = {}
        self._looking = threading.Lock()

    def state(self, medium: bytes) -> MediumState:
        """What was found when it was looked at, or since."""
        with self._looking:
            if medium not in self._states:
                self._states[medium] = self._look(self.infos[medium])
            return self._states[medium]

    def seen(self) -> dict[bytes, MediumState]:
        """The states of those that were asked for."""
        with self._looking:
            return dict(self._states)

    def reader(self, medium: bytes) -> FrameReader:
        """Raises DeviceError for a medium with a fault."""
        state = self.state(medium)
        if state.fault:
            raise DeviceError(state.fault, device=state.device)
        return self._readers[medium]

    def look_again(self, medium: bytes) -> MediumState:
        """After a failure: a medium that is gone is not asked for every frame again."""
        info, state = self.infos[medium], self.state(medium)
        fault = state.fault or self._present(info)
        with self._looking:
            self._states[medium] = replace(state, fault=fault)
            return self._states[medium]

    def _look(self, info: MediumInfo) -> MediumState:
        state = MediumState(info.device, info.location, node=info.node)
        fault = self._present(info)
        if fault:
            return replace(state, fault=fault)
        device = self._opening(target_of(info))
        try:
            self._readers[info.medium] = device.reader()
        except DeviceError as error:
            return replace(state, fault=str(error))
        return replace(state, holder=device.holder())

    def _present(self, info: MediumInfo) -> str:
        """Why the medium is not there, "" if it is."""
        if not info.is_near:
            return (
                f'device "{info.device}" is on node "{info.node}" and not within reach of this '
                "machine (run the command there)"
            )
        if not info.location:
            return f'device "{info.device}" swallows what it is given and can return nothing'
        try:
            found = self._opening(target_of(info)).info()
        except DeviceError as error:
            return str(error)
        if found.medium == info.medium:
            return ""
        return (
            f"{info.location} holds medium {id_text(found.medium)}, "
            f"expected {id_text(info.medium)} (connect the right medium there)"
        )


def target_of(info: MediumInfo) -> DeviceTarget:
    """The device on which a medium was seen last."""
    return DeviceTarget(info.device, "directory", info.location, info.block_bytes)
