"""Events of a run for one browser: the newest state, and never a queue.

Whoever is slow to take one gets the newest when he comes for the next; between two there is at
least a moment, and where nothing changes a sign of life now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from flowbackup.ui.refusal import Refused
from flowbackup.ui.values.runs import RunEvent

PAUSE_SECONDS = 0.6
"""States come once a second: looking a little more often loses none, and shows each soon."""
ALIVE_SECONDS = 15.0
BROWSERS_MAX = 32
"""Each holds a connection and asks once a pause."""

Read = Callable[[], RunEvent]
Pause = Callable[[float], Awaitable[object]]


class Events:
    """All streams of this server."""

    def __init__(self, pause: Pause = asyncio.sleep) -> None:
        self._pause = pause
        self._open = 0

    def answer(self, read: Read) -> StreamingResponse:
        """Raises Refused where too many look on already."""
        if self._open >= BROWSERS_MAX:
            raise Refused(429, "busy", "too many pages look on", "close one of them")
        return StreamingResponse(self._counted(read), media_type="text/event-stream")

    async def _counted(self, read: Read) -> AsyncIterator[str]:
        self._open += 1
        try:
            async for event in stream(read, self._pause):
                yield event
        finally:
            self._open -= 1


async def stream(read: Read, pause: Pause = asyncio.sleep) -> AsyncIterator[str]:
    """`state` events up to that of the end; read: called in a thread, once for each look."""
    shown, quiet_seconds = "", 0.0
    while True:
        event = await run_in_threadpool(read)
        text = event.model_dump_json()
        if text != shown:
            yield f"event: state\ndata: {text}\n\n"
            shown, quiet_seconds = text, 0.0
        elif quiet_seconds >= ALIVE_SECONDS:
            yield ": nothing new\n\n"
            quiet_seconds = 0.0
        if event.state != "running":
            return
        await pause(PAUSE_SECONDS)
        quiet_seconds += PAUSE_SECONDS
