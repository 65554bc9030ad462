"""A part of a version's entries: which one, follows from their paths alone, so that the same part
of tomorrow's version holds the same files, and all parts together hold everything once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flowbackup.model.digest import header_checksum
from flowbackup.model.entry import Entry, EntryKind


@dataclass(frozen=True, slots=True)
class Part:
    """One of `parts`, counted from 0."""

    number: int
    parts: int

    def holds(self, path: bytes) -> bool:
        return header_checksum(path) % self.parts == self.number


def sampled(entries: Iterable[Entry], part: Part) -> Iterator[Entry]:
    """The entries of the part, in path order, each directory on the way to one of them just before
    what is in it, and the root."""
    waiting: list[Entry] = []
    for entry in entries:
        path = entry.path
        while waiting and not path.startswith(waiting[-1].path + b"/"):
            waiting.pop()
        if not path or part.holds(path):
            yield from waiting
            waiting.clear()
            yield entry
        elif entry.kind == EntryKind.DIRECTORY:
            waiting.append(entry)
