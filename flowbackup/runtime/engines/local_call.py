"""Calls between the actors of one process, each until it has its answer."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Generator, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from flowbackup.errors import FlowbackupError
from flowbackup.runtime.engines.port import ActorDiedError, CallFailedError, CallLateError

ENDED = "it was ended"


class LocalReference:
    """See Reference.  The first answer counts."""

    def __init__(self) -> None:
        self.future: Future[Any] = Future()
        # Who does not wait any more takes nothing from those who do.
        self.future.set_running_or_notify_cancel()

    def result(self, seconds_max: float) -> Any:
        try:
            return self.future.result(seconds_max)
        except TimeoutError as error:
            raise CallLateError() from error

    def __await__(self) -> Generator[Any, None, Any]:
        return asyncio.wrap_future(self.future).__await__()


class Call(NamedTuple):
    """What an actor is asked."""

    reference: LocalReference
    method: str
    arguments: tuple[object, ...]
    named: Mapping[str, object]


class OpenCalls:
    """Calls to one actor that have no answer yet.  Of any thread."""

    def __init__(self) -> None:
        self._open: set[LocalReference] = set()
        self._lock = threading.Lock()
        self.is_ended = False

    def begin(self, reference: LocalReference) -> bool:
        """False, and its answer, where nobody is there any more."""
        with self._lock:
            if not self.is_ended:
                self._open.add(reference)
                return True
        reference.future.set_exception(ActorDiedError(ENDED))
        return False

    def answer(self, reference: LocalReference, result: object) -> None:
        if self._take(reference):
            reference.future.set_result(result)

    def fail(self, reference: LocalReference, error: BaseException) -> None:
        """With an error of its own for everybody: who hears of one may add to its message."""
        if self._take(reference):
            cause = copy.copy(error) if isinstance(error, FlowbackupError) else error
            reference.future.set_exception(CallFailedError(cause))

    def end(self) -> bool:
        """All that are open, and all that come, have no answer.  False if that was so before."""
        with self._lock:
            if self.is_ended:
                return False
            self.is_ended = True
            lost = [*self._open]
            self._open.clear()
        for reference in lost:
            reference.future.set_exception(ActorDiedError(ENDED))
        return True

    def _take(self, reference: LocalReference) -> bool:
        """Is it still open?  It is not, from now on."""
        with self._lock:
            if reference not in self._open:
                return False
            self._open.discard(reference)
            return True


def tell_ended(actor: object) -> None:
    """It is to leave things alone, if it has a method for that: no thread of it can be ended."""
    abandon = getattr(actor, "abandon", None)
    if abandon is not None:
        abandon()
