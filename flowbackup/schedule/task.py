"""What is to be run by itself: the command of one graph."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flowbackup.errors import UsageError
from flowbackup.schedule.calendar import Calendar

PREFIX = "flowbackup-"
KUBERNETES_CHARACTERS_MAX = 52
"""Of a name from which Kubernetes makes names of jobs, which have 63."""


@dataclass(frozen=True, slots=True)
class Task:
    """graph: its name.  file: where it stands, as whoever runs it sees it.  words: the command,
    its program with its whole path.  writable: directories that a run writes to.  is_confined: it
    reads and writes files, and runs no program of the user.  passphrase: the file of one, or ""."""

    graph: str
    file: str
    words: tuple[str, ...]
    calendar: Calendar
    writable: tuple[str, ...] = ()
    is_confined: bool = True
    passphrase: str = ""

    def __post_init__(self) -> None:
        """Raises UsageError for what no unit and no line of cron can say."""
        for word in (*self.words, *self.writable, self.file, self.passphrase):
            if not word.isprintable():
                raise UsageError(
                    f"{word!r} holds characters that a schedule cannot name", remedy="rename it"
                )

    @property
    def marks(self) -> tuple[str, str]:
        """The first lines of everything that is made: whose it is, and of which file."""
        return mark(self.graph), f"# {self.file}"


def mark(graph: str) -> str:
    """By this line what flowbackup has made is known again."""
    return f"# made by flowbackup schedule, for graph {graph}"


def unit_name(graph: str) -> str:
    """Names of graphs hold nothing that a unit must not."""
    return PREFIX + graph


def crontab_name(graph: str) -> str:
    """cron passes over files with a dot in their names."""
    return PREFIX + graph.replace(".", "-")


def kubernetes_name(graph: str) -> str:
    """Small letters, digits and "-"."""
    name = PREFIX + re.sub("[^a-z0-9]+", "-", graph.lower())
    return name[:KUBERNETES_CHARACTERS_MAX].rstrip("-")
