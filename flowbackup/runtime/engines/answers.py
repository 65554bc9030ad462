"""Waiting for calls of actors: never longer than is said, and shorter when the user says so."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from flowbackup.runtime.engines.port import CallLateError, Engine, Reference

LOOK_SECONDS = 0.1
"""How often who waits looks whether his time has become shorter."""
READY_SECONDS_MAX = 10.0
"""An answer that is there has to be fetched, if it is large from another node."""


def answer_by(reference: Reference, latest: Callable[[], float]) -> Any:
    """What a call has returned.  latest: the moment of the monotonic clock until which is waited;
    asked again and again, because it may come closer.  Raises CallError."""
    while True:
        left = latest() - time.monotonic()
        try:
            return reference.result(max(0.0, min(left, LOOK_SECONDS)))
        except CallLateError:
            if left <= LOOK_SECONDS:
                raise


def fetched(reference: Reference) -> Any:
    """What a call has returned of which `wait_for_any` said that it has.  Raises CallError."""
    return reference.result(READY_SECONDS_MAX)


def wait_for_any(
    engine: Engine, references: Collection[Reference], seconds_max: float,
    is_news: Callable[[], bool],
) -> list[Reference]:  # fmt: skip
    """One of these calls when it has returned; nothing when there is news, or no time left."""
    latest = time.monotonic() + seconds_max
    while True:
        left = latest - time.monotonic()
        ready = engine.wait_any(references, max(0.0, min(left, LOOK_SECONDS)))
        if ready or left <= LOOK_SECONDS or is_news():
            return ready
