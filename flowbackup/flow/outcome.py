"""How objects and sessions end: success, incomplete, failed, and the exit code that says why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flowbackup.errors import (
    EXIT_COPIES_MISSING,
    EXIT_FAILED,
    EXIT_INCOMPLETE_SOURCE,
    EXIT_INTERRUPTED,
    EXIT_SUCCESS,
)
from flowbackup.model.report import Outcome


@dataclass(frozen=True, slots=True)
class ObjectEnd:
    """source: how reading ended; copies_durable: agents that hold every frame durably;
    copies_missing: whether required ones are absent."""

    source: Outcome
    copies_durable: int
    copies_missing: bool

    @property
    def outcome(self) -> Outcome:
        if self.source is Outcome.FAILED or self.copies_durable == 0:
            return Outcome.FAILED
        if self.source is Outcome.INCOMPLETE or self.copies_missing:
            return Outcome.INCOMPLETE
        return Outcome.SUCCESS


def end_object(
    source: Outcome, frames_sent: int, frames_durable: Mapping[str, int],
    required: Iterable[str], copies: int,
) -> ObjectEnd:  # fmt: skip
    """frames_durable: agent -> frames of the object that it has under a commit.  required: agents
    that must hold it all; with copies > 0 any so many agents are enough instead."""
    complete = {
        agent for agent, frames in frames_durable.items() if frames_sent and frames >= frames_sent
    }
    missing = len(complete) < copies if copies else not set(required) <= complete
    return ObjectEnd(source, len(complete), missing)


def end_session(objects: Iterable[ObjectEnd], *, interrupted: bool = False) -> tuple[Outcome, int]:
    """Outcome and exit code of a session: the worst of its objects."""
    ends = list(objects)
    outcomes = {end.outcome for end in ends}
    if interrupted:
        finished = ends and Outcome.FAILED not in outcomes
        return (Outcome.INCOMPLETE if finished else Outcome.FAILED), EXIT_INTERRUPTED
    if Outcome.FAILED in outcomes or not ends:
        return Outcome.FAILED, EXIT_FAILED
    if any(end.source is Outcome.INCOMPLETE for end in ends):
        return Outcome.INCOMPLETE, EXIT_INCOMPLETE_SOURCE
    if any(end.copies_missing for end in ends):
        return Outcome.INCOMPLETE, EXIT_COPIES_MISSING
    return Outcome.SUCCESS, EXIT_SUCCESS
