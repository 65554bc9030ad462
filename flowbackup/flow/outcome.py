"""How objects and sessions end: success, incomplete, failed, and the exit code that says why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

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
    """source: how reading ended; copies_durable: how often all frames are durable (see
    `end_object`); copies_missing: whether required ones are absent."""

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


class Share(NamedTuple):
    """What one agent should hold of an object, and what it has under a commit, in frames.
    head: where the chain begins through which the frames came to it."""

    group: str
    head: str
    required: bool
    frames_due: int
    frames_durable: int

    @property
    def is_complete(self) -> bool:
        return self.frames_durable >= self.frames_due


def end_object(source: Outcome, shares: Iterable[Share], copies: int) -> ObjectEnd:
    """shares: of every agent behind the object's heads.  All required ones must be complete; with
    copies > 0 any so many copies are enough instead."""
    due = [share for share in shares if share.frames_due]
    durable = _copies(due)
    whole = bool(due) and all(share.is_complete for share in due if share.required)
    return ObjectEnd(source, durable, durable < copies if copies else not whole)


def _copies(shares: Collection[Share]) -> int:
    """A copy is one complete agent of a group behind each head: where a group spreads an object
    over its heads, its agents have one copy together."""
    heads = {share.head for share in shares}
    groups = {share.group for share in shares}
    complete = Counter((share.group, share.head) for share in shares if share.is_complete)
    return sum(min(complete[group, head] for head in heads) for group in groups)


def end_copies(
    versions: Iterable[Outcome], *, interrupted: bool = False, all_sealed: bool = True
) -> tuple[Outcome, int]:
    """Outcome and exit code of a session of copies, by its versions; none to copy is a success."""
    outcomes = set(versions)
    if interrupted:
        return Outcome.INCOMPLETE, EXIT_INTERRUPTED
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED, EXIT_FAILED
    if Outcome.INCOMPLETE in outcomes or not all_sealed:
        return Outcome.INCOMPLETE, EXIT_COPIES_MISSING
    return Outcome.SUCCESS, EXIT_SUCCESS


def end_session(
    objects: Iterable[ObjectEnd], *, interrupted: bool = False, all_sealed: bool = True
) -> tuple[Outcome, int]:
    """Outcome and exit code of a session: the worst of its objects.  all_sealed: a device that
    could not end its segment has its frames, but its copy is not to be relied on."""
    ends = list(objects)
    outcomes = {end.outcome for end in ends}
    if interrupted:
        finished = ends and Outcome.FAILED not in outcomes
        return (Outcome.INCOMPLETE if finished else Outcome.FAILED), EXIT_INTERRUPTED
    if Outcome.FAILED in outcomes or not ends:
        return Outcome.FAILED, EXIT_FAILED
    if any(end.source is Outcome.INCOMPLETE for end in ends):
        return Outcome.INCOMPLETE, EXIT_INCOMPLETE_SOURCE
    if any(end.copies_missing for end in ends) or not all_sealed:
        return Outcome.INCOMPLETE, EXIT_COPIES_MISSING
    return Outcome.SUCCESS, EXIT_SUCCESS
