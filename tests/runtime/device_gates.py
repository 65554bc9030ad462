"""Devices that take so many frames, and wait then until the test has done what it is to do: how far
a session has come is no matter of how fast anything is."""

from __future__ import annotations

import time
from pathlib import Path

from flowbackup.media.port import FrameWriter
from flowbackup.model.frame import FrameDescriptor
from flowbackup.runtime.actors.media_agent import MediaAgent

WAIT_SECONDS_MAX = 600.0
"""Ends an agent where the test itself is dead."""


class Gates:
    """Of one device, one behind the other.  The agents are made by `agent`, in whichever process,
    and whoever goes on for one of them stands at the same gate."""

    def __init__(self, folder: Path, device: str, *frames: int) -> None:
        """folder: for their files.  frames: how many of a stream it takes before each gate."""
        self._reached = [folder / f"gate{number}-reached" for number in range(len(frames))]
        self._opened = [folder / f"gate{number}-opened" for number in range(len(frames))]
        self._device = device
        self._frames = frames
        folder.mkdir(exist_ok=True)

    @property
    def is_reached(self) -> bool:
        """Does the device stand at a gate that is closed?"""
        pairs = zip(self._reached, self._opened, strict=True)
        return any(reached.exists() and not opened.exists() for reached, opened in pairs)

    def open(self) -> None:
        """The first one that is closed."""
        next(opened for opened in self._opened if not opened.exists()).touch()

    def agent(self, kind: type[MediaAgent]) -> type[MediaAgent]:
        """Media agents of this kind that know the gates.  The class travels to their processes by
        value, and so does all that it needs."""
        device, seconds_max = self._device, WAIT_SECONDS_MAX
        gates = list(zip(self._frames, self._reached, self._opened, strict=True))

        class Gated(kind):  # type: ignore[misc, valid-type]
            def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
                for frames, reached, opened in gates:
                    is_there = frame.header.frame_id.sequence >= frames
                    if self._settings.target.name == device and is_there:
                        reached.touch()
                        latest = time.monotonic() + seconds_max
                        while not opened.exists() and time.monotonic() < latest:
                            time.sleep(0.01)
                super()._append(writer, frame)

        Gated.__name__ = Gated.__qualname__ = kind.__name__
        return Gated
