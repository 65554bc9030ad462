"""Asking an actor of a session and waiting for its answer, with what went wrong in our words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flowbackup.errors import FlowbackupError
from flowbackup.runtime.engines.answers import answer_by
from flowbackup.runtime.engines.faults import as_ours
from flowbackup.runtime.engines.port import CallError, Reference

START_SECONDS_MAX = 120
"""A worker starts in half a second, on a loaded host in many, on a lost node never."""


def answer_of(
    reference: Reference, who: str, faults: list[FlowbackupError], latest: Callable[[], float]
) -> object | None:  # fmt: skip
    """None where there is none until then, and then `faults` has one more.  who: is asked, in
    words."""
    try:
        answer: object = answer_by(reference, latest)
    except CallError as error:
        faults.append(as_ours(error, who))
        return None
    return answer


def raise_all(faults: Iterable[FlowbackupError]) -> None:
    """Raises the first fault, the others told in its message."""
    all_faults = list(faults)
    if not all_faults:
        return
    first = all_faults[0]
    first.message = "; ".join(fault.message for fault in all_faults)
    raise first
