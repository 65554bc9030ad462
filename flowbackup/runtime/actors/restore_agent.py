"""The RestoreAgent actor: reads ONE medium on the node of its device and hands frames over."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flowbackup.media.checks.witness import copies_seen
from flowbackup.media.devices.kinds import medium_device
from flowbackup.media.open import open_device
from flowbackup.media.port import StoredFrame
from flowbackup.model.device import DeviceTarget, FramePlace, MediumInfo
from flowbackup.model.frame import FrameHeader

Payload = NDArray[np.uint8]
"""Travels through Ray's object store without being copied in this process."""


class RestoreAgent:
    """Keeps nothing between calls; may be asked by several threads at once."""

    def __init__(self, target: DeviceTarget) -> None:
        self._target = target

    def look(self) -> tuple[MediumInfo, str]:
        """What the label says, and who writes to the medium now.  Raises DeviceError."""
        device = open_device(self._target)
        return device.info(), device.holder()

    def seen(self, copies: Sequence[StoredFrame]) -> set[FramePlace]:
        """See copies_seen.  Raises DeviceError."""
        return copies_seen(medium_device(self._target).reader(cached=False), copies)

    def read(self, place: FramePlace) -> tuple[FrameHeader, Payload]:
        """Header and sealed payload, digests checked.  Raises DamageError, DeviceError."""
        header, payload = open_device(self._target).reader().read(None, place)
        return header, np.frombuffer(payload, dtype=np.uint8)
