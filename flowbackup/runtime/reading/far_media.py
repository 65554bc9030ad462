"""Media of other nodes, read there: a RestoreAgent for each, as long as somebody reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flowbackup.errors import DeviceError, FlowbackupError
from flowbackup.media.port import StoredFrame
from flowbackup.model.device import FramePlace, MediumInfo
from flowbackup.model.digest import frame_digest
from flowbackup.model.frame import FrameHeader
from flowbackup.plan.decided import NodePlan
from flowbackup.runtime.actors.restore_agent import RestoreAgent
from flowbackup.runtime.engines.faults import as_ours
from flowbackup.runtime.engines.port import CallError, Engine, Post, Reference
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
        self._engine = engine
        self._info = info
        self._who = f'the restore agent of device "{info.device}" on node {info.node}'
        try:
            node = engine.place((NodePlan(info.node, info.node_labels),))[info.node]
        except FlowbackupError as error:
            raise self._out_of_reach(error) from error
        post = Post(node, calls_max=FRAMES_AT_A_TIME)
        self._agent = engine.spawn(post, RestoreAgent, target_of(info))

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
        seen: set[FramePlace] = self._answer(self._agent.seen.remote(copies), READ_SECONDS_MAX)
        return seen

    def read(self, header: FrameHeader | None, place: FramePlace) -> tuple[FrameHeader, bytes]:
        """See FrameReader."""
        found, data = self._answer(self._agent.read.remote(place), READ_SECONDS_MAX)
        # A copy, because what stays in the object store blocks the frames behind it.
        payload = bytes(memoryview(data))
        if (header is not None and found != header) or frame_digest(payload) != found.digest:
            raise DeviceError(
                f'device "{self._info.device}": frame {found.frame_id} is not what was read on '
                f"node {self._info.node}",
                remedy="try again; if it happens again, test the memory of both machines",
                device=self._info.device,
            )
        return found, payload

    def close(self) -> None:
        """Ends the agent."""
        self._engine.end(self._agent)

    def _look(self) -> tuple[MediumInfo, str]:
        answer: tuple[MediumInfo, str] = self._answer(self._agent.look.remote(), LOOK_SECONDS_MAX)
        return answer

    def _answer(self, reference: Reference, seconds_max: float) -> Any:
        try:
            return reference.result(seconds_max)
        except CallError as error:
            ours = as_ours(error, self._who)
            if isinstance(ours, DeviceError):
                raise ours from error
            raise self._out_of_reach(ours) from error

    def _out_of_reach(self, error: FlowbackupError) -> DeviceError:
        return DeviceError(
            f'device "{self._info.device}" on node {self._info.node}: {error.message}',
            remedy=error.remedy,
            device=self._info.device,
        )
