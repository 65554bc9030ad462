"""How the library speaks: it never prints, it reports to a Monitor that its caller brings.

`Problem` is something that did not go as asked and that a report must show; `EdgeState` is what
one edge of a chain is doing at a moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that went wrong.  `kind` is a stable word (unreadable, changed, vanished,
    device_failed, damaged, ...), `path` the source or target path as bytes, `device` a name."""

    kind: str
    text: str
    path: bytes | None = None
    device: str | None = None


@dataclass(frozen=True, slots=True)
class EdgeState:
    """One edge of the running graph.

    bytes_moved counts what the target accepted, bytes_durable what it has released; fill is slots
    in use of `slots`, 0 for what is only read; `waiting_for` names who holds the edge up, since
    `waiting_seconds`.
    """

    name: str
    level: int
    bytes_moved: int
    bytes_durable: int
    slots_used: int
    slots: int
    state: str = "running"
    waiting_for: str = ""
    waiting_seconds: float = 0.0


WAITING = "waiting for devices"
"""The stage of a session that others keep from its devices: one edge for each device, `waiting_for`
who has it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A snapshot of a session; totals are None while they are unknown."""

    stage: str
    files: int = 0
    bytes_read: int = 0
    files_total: int | None = None
    bytes_total: int | None = None
    edges: tuple[EdgeState, ...] = ()


class Monitor(Protocol):
    """Receives what happens.  Methods return quickly and never raise."""

    def session_began(self, session: bytes, kind: str, subject: str) -> None:
        """The catalog knows a session from now on; what follows is of it.  subject: the name of
        its graph, or what it is about."""

    def message(self, text: str) -> None:
        """One line that a person may want to read."""

    def problem(self, problem: Problem) -> None:
        """Something that changes the outcome."""

    def progress(self, progress: Progress) -> None:
        """Where the session stands; about twice a second."""


class SilentMonitor:
    """A Monitor that keeps nothing."""

    def session_began(self, session: bytes, kind: str, subject: str) -> None:
        """Forget it."""

    def message(self, text: str) -> None:
        """Forget it."""

    def problem(self, problem: Problem) -> None:
        """Forget it."""

    def progress(self, progress: Progress) -> None:
        """Forget it."""


@dataclass(slots=True)
class RecordingMonitor:
    """A Monitor that keeps everything in lists, for tests and for reports."""

    messages: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    snapshots: list[Progress] = field(default_factory=list)
    sessions: list[bytes] = field(default_factory=list)

    def session_began(self, session: bytes, kind: str, subject: str) -> None:
        self.sessions.append(session)

    def message(self, text: str) -> None:
        self.messages.append(text)

    def problem(self, problem: Problem) -> None:
        self.problems.append(problem)

    def progress(self, progress: Progress) -> None:
        self.snapshots.append(progress)


def count_by_kind(problems: Sequence[Problem]) -> dict[str, int]:
    """How many problems of each kind."""
    counts: dict[str, int] = {}
    for problem in problems:
        counts[problem.kind] = counts.get(problem.kind, 0) + 1
    return counts
