"""A caller of a buffer that waits for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from flowbackup.errors import FlowbackupError
from flowbackup.model.ids import FrameId
from flowbackup.runtime.edges.wiring import Reply


class Waiter:
    """One offer that has not been answered yet."""

    def __init__(self, frames: Iterable[FrameId]) -> None:
        self.frames = tuple(frames)
        self.open = set(self.frames)
        self.asks: list[tuple[int, int]] = []
        self.answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def release(self, frame: FrameId) -> None:
        self.open.discard(frame)
        if not self.open:
            self.finish()

    def finish(self) -> None:
        if not self.answer.done():
            released = tuple(frame for frame in self.frames if frame not in self.open)
            self.answer.set_result(Reply(released, tuple(self.asks)))

    def fail(self, error: FlowbackupError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
