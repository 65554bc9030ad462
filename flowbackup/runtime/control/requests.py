"""Requests to a session: made in any thread, answered in that of the session."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, Queue

from flowbackup.errors import PeerLostError
from flowbackup.runtime.control.message import Message

WAITING_MAX = 16
"""Changes are made one at a time, and each takes seconds."""


@dataclass(frozen=True, slots=True)
class Request:
    """verb: of VERBS.  arguments: as they were sent."""

    verb: str
    arguments: Message = field(default_factory=dict)

    def text(self, name: str) -> str:
        """An argument that is a text; "" for one that was not given."""
        value = self.arguments.get(name, "")
        return value if isinstance(value, str) else ""

    def is_set(self, name: str) -> bool:
        return self.arguments.get(name) is True


class Requests:
    """A short queue.  Who asks waits for the answer, or for the end of the session."""

    def __init__(self) -> None:
        self._waiting: Queue[tuple[Request, Future[Message]]] = Queue(WAITING_MAX)
        self._is_closed = False

    def ask(self, request: Request, seconds_max: float) -> Message:
        """Raises what the session says, PeerLostError when it says nothing in time."""
        answer: Future[Message] = Future()
        if self._is_closed or self._waiting.full():
            why = "is ending" if self._is_closed else f"has {WAITING_MAX} requests waiting"
            raise PeerLostError(f"the session {why}", remedy="try again later")
        self._waiting.put_nowait((request, answer))
        try:
            return answer.result(seconds_max)
        except TimeoutError as error:
            answer.cancel()
            raise PeerLostError(
                f"the session did not come to it within {seconds_max:.0f} s",
                remedy="`flowbackup status` shows what it is doing",
            ) from error

    def answer_all(self, answer: Callable[[Request], Message]) -> None:
        """Answers what waits now; called by the session."""
        while (waiting := self._next()) is not None:
            request, future = waiting
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(answer(request))
            except Exception as error:  # noqa: BLE001  told to who asked; the session goes on
                future.set_exception(error)

    def close(self) -> None:
        """Nothing is answered any more."""
        self._is_closed = True
        while (waiting := self._next()) is not None:
            waiting[1].set_exception(PeerLostError("the session has ended"))

    def _next(self) -> tuple[Request, Future[Message]] | None:
        try:
            return self._waiting.get_nowait()
        except Empty:
            return None
