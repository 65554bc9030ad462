"""The media that the catalog knows, each looked at once, when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol, TypeVar

from flowbackup.catalog.catalog import Catalog
from flowbackup.errors import DeviceError
from flowbackup.flow.choice import MediumState
from flowbackup.media.bounded import within
from flowbackup.media.open import open_device
from flowbackup.media.port import Device
from flowbackup.model.device import DeviceTarget, FramePlace, MediumInfo
from flowbackup.model.frame import FrameHeader
from flowbackup.model.ids import id_text
from flowbackup.model.location import kind_at

T = TypeVar("T")
OpenDevice = Callable[[DeviceTarget], Device]


class PlaceReader(Protocol):
    """The part of a FrameReader that a restore needs."""

    def read(
        self, header: FrameHeader | None, place: FramePlace
    ) -> tuple[FrameHeader, bytes | memoryview]:
        """See FrameReader."""


class ReadableMedium(Protocol):
    """The part of a Device that a restore needs; on another node there is no more."""

    def info(self) -> MediumInfo:
        """See Device."""

    def holder(self) -> str:
        """See Device."""

    def reader(self) -> PlaceReader:
        """See Device."""


OpenFar = Callable[[MediumInfo], ReadableMedium]
"""Raises DeviceError for a medium that is out of reach."""


class KnownMedia:
    """What can be read from here, and how.  May be used by several threads at once."""

    def __init__(
        self, catalog: Catalog, opening: OpenDevice = open_device, far: OpenFar | None = None
    ) -> None:
        """far: opens media of other nodes; without it they are out of reach."""
        self.infos = {info.medium: info for info in catalog.media()}
        self._catalog = catalog
        self._opening = opening
        self._far = far
        self._states: dict[bytes, MediumState] = {}
        self._readers: dict[bytes, PlaceReader] = {}
        self._looking = threading.Lock()

    def state(self, medium: bytes) -> MediumState:
        """What was found when it was looked at, or since."""
        with self._looking:
            if medium not in self.infos:
                # Begun since, by a session that goes on beside this one or by this one itself.
                self.infos |= {info.medium: info for info in self._catalog.media()}
            if medium not in self._states:
                info = self.infos[medium]
                self._states[medium] = self._bounded(
                    info, lambda: self._look(info), lambda error: _faulty(info, str(error))
                )
            return self._states[medium]

    def seen(self) -> dict[bytes, MediumState]:
        """The states of those that were asked for."""
        with self._looking:
            return dict(self._states)

    def reader(self, medium: bytes) -> PlaceReader:
        """Raises DeviceError for a medium with a fault."""
        state = self.state(medium)
        if state.fault:
            raise DeviceError(state.fault, device=state.device)
        return self._readers[medium]

    def look_again(self, medium: bytes) -> MediumState:
        """After a failure: a medium that is gone is not asked for every frame again."""
        info, state = self.infos[medium], self.state(medium)
        fault = state.fault or self._bounded(info, lambda: self._present(info), str)
        with self._looking:
            self._states[medium] = replace(state, fault=fault)
            return self._states[medium]

    def _bounded(
        self, info: MediumInfo, look: Callable[[], T], late: Callable[[DeviceError], T]
    ) -> T:  # fmt: skip
        """late: what to think of a medium that does not answer; those of other nodes are asked
        within bounds of their own."""
        if not info.is_near or not info.location:
            return look()
        try:
            return within(info.device, info.location, look)
        except DeviceError as error:
            return late(error)

    def _look(self, info: MediumInfo) -> MediumState:
        fault = self._present(info)
        if fault:
            return _faulty(info, fault)
        try:
            device = self._open(info)
            self._readers[info.medium] = device.reader()
            return replace(_faulty(info, ""), holder=device.holder())
        except DeviceError as error:
            return _faulty(info, str(error))

    def _open(self, info: MediumInfo) -> ReadableMedium:
        if info.is_near or self._far is None:
            return self._opening(target_of(info))
        return self._far(info)

    def _present(self, info: MediumInfo) -> str:
        """Why the medium is not there, "" if it is."""
        if not info.is_near and self._far is None:
            return (
                f'device "{info.device}" is on node {info.node}, and not on this machine '
                "(give the --address of the Ray cluster)"
            )
        if not info.location:
            return f'device "{info.device}" swallows what it is given and can return nothing'
        try:
            found = self._open(info).info()
        except DeviceError as error:
            return str(error) if info.membership is None else _lost_text(info, error)
        if found.medium == info.medium:
            return ""
        return (
            f"{info.location} holds medium {id_text(found.medium)}, "
            f"expected {id_text(info.medium)} (connect the right medium there)"
        )


def _faulty(info: MediumInfo, fault: str) -> MediumState:
    return MediumState(info.device, info.location, node=info.node, fault=fault)


def _lost_text(info: MediumInfo, error: DeviceError) -> str:
    """Of a medium of a set, which nobody makes anew."""
    reason = error.message.removeprefix(f'device "{info.device}": ')
    return f"{info.title}: {reason} (connect it there; medium {id_text(info.medium)})"


def target_of(info: MediumInfo) -> DeviceTarget:
    """The device on which a medium was seen last."""
    return DeviceTarget(info.device, kind_at(info.location), info.location, info.block_bytes)


def device_of(info: MediumInfo) -> DeviceTarget:
    """The device on which its kind is written: of a medium of a set that of the whole set."""
    return replace(target_of(info), location=info.device_location)


def elsewhere(device: str, node: str) -> DeviceError:
    """What who works in this process says of a device of another node."""
    return DeviceError(
        f'device "{device}" is on node {node}, and not on this machine',
        remedy="give the --address of the Ray cluster",
        device=device,
    )
