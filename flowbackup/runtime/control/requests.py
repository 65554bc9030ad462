"""Requests to a session: made in any thread, answered in that of the session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, Full, Queue

from flowbackup.errors import PeerLostError, ProtocolError
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

    def number(self, name: str) -> int:
        """An argument that is a whole number from 0.  Raises ProtocolError for one that is none."""
        value = self.arguments.get(name)
        if type(value) is not int or value < 0:
            raise ProtocolError(f'"{name}" of {self.verb} is no whole number from 0')
        return value

    def is_set(self, name: str) -> bool:
        return self.arguments.get(name) is True


class Requests:
    """A short queue.  Who asks waits for the answer, or for the end of the session."""

    def __init__(self) -> None:
        self._waiting: Queue[tuple[Request, Future[Message]]] = Queue(WAITING_MAX)
        self._is_closed = False
        self._closing = threading.Lock()

    def ask(self, request: Request, seconds_max: float) -> Message:
        """Raises what the session says, PeerLostError when it says nothing in time."""
        answer = self._put(request)
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
        with self._closing:
            self._is_closed = True
        while (waiting := self._next()) is not None:
            if waiting[1].set_running_or_notify_cancel():
                waiting[1].set_exception(PeerLostError("the session has ended"))

    def _put(self, request: Request) -> Future[Message]:
        answer: Future[Message] = Future()
        with self._closing:
            if self._is_closed:
                raise PeerLostError("the session is ending", remedy="repair copies when it has")
            try:
                self._waiting.put_nowait((request, answer))
            except Full:
                raise PeerLostError(
                    f"the session has {WAITING_MAX} requests waiting", remedy="try again later"
                ) from None
        return answer

    def _next(self) -> tuple[Request, Future[Message]] | None:
        try:
            return self._waiting.get_nowait()
        except Empty:
            return None
