"""Media of other nodes, read there: a RestoreAgent for each, as long as somebody reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from flowbackup.errors import DeviceError
from flowbackup.media.port import StoredFrame
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import FrameHeader
from flowbackup.runtime.actors.restore_agent import RestoreAgent
from flowbackup.runtime.engines.far_agent import DeviceAgent
from flowbackup.runtime.engines.port import Engine
from flowbackup.runtime.reading.known_media import target_of

FRAMES_AT_A_TIME = 2
"""So many frames of one medium may be on their way: while one travels the device reads on."""
LOOK_SECONDS_MAX = 60
"""A worker starts in half a second, on a loaded host in many."""
READ_SECONDS_MAX = 300
"""A frame has at most 256 MiB: a device or network slower than 1 MB/s hangs."""


@contextmanager
def far_media(engine: Engine) -> Iterator[Callable[[MediumInfo], FarMedium]]:
    """Opens media of other nodes; their agents end with it."""
    opened: dict[bytes, FarMedium] = {}
    opening = threading.Lock()

    def open_far(info: MediumInfo) -> FarMedium:
        with opening:
            if info.medium not in opened:
                opened[info.medium] = FarMedium(engine, info)
            return opened[info.medium]

    try:
        yield open_far
    finally:
        for medium in opened.values():
            medium.close()


class FarMedium:
    """A medium on another node, with what reading asks of a device."""

    def __init__(self, engine: Engine, info: MediumInfo) -> None:
        """Raises DeviceError for a node that is not there."""
        self._agent = DeviceAgent(
            engine, info, "restore agent", RestoreAgent, target_of(info), calls_max=FRAMES_AT_A_TIME
        )

    def info(self) -> MediumInfo:
        """What the label says.  Raises DeviceError."""
        info, _ = self._look()
        return info

    def holder(self) -> str:
        """Who writes to the medium now.  Raises DeviceError."""
        _, holder = self._look()
        return holder

    def reader(self) -> FarMedium:
        """This reads by itself."""
        return self

    def seen(self, copies: Sequence[StoredFrame]) -> set[FramePlace]:
        """See copies_seen.  Raises DeviceError."""
        seen: set[FramePlace] = self._agent.ask("seen", copies, seconds_max=READ_SECONDS_MAX)
        return seen

    def read(self, header: FrameHeader | None, place: FramePlace) -> tuple[FrameHeader, bytes]:
        """See FrameReader."""
        found, data = self._agent.ask("read", place, seconds_max=READ_SECONDS_MAX)
        # A copy, because what stays in the object store blocks the frames behind it.
        payload = bytes(memoryview(data))
        if (header is not None and found != header) or frame_digest(payload) != found.digest:
            raise DeviceError(
                f'device "{self._agent.device}": frame {found.frame_id} is not what was read on '
                f"node {self._agent.node}",
                remedy="try again; if it happens again, test the memory of both machines",
                device=self._agent.device,
            )
        return found, payload

    def close(self) -> None:
        """Ends the agent."""
        self._agent.end()

    def _look(self) -> tuple[MediumInfo, str]:
        answer: tuple[MediumInfo, str] = self._agent.ask("look", seconds_max=LOOK_SECONDS_MAX)
        return answer
