"""What two states of one name have in common, as far as the backup of it is concerned."""

from __future__ import annotations

from enum import StrEnum

from flowbackup.model.entry import Entry, EntryKind


class Aspect(StrEnum):
    """What may differ between two states of a name.  Inode, links and the time of the inode's own
    change are none: they follow from how a file came to its place, not from what it is."""

    KIND = "kind"
    CONTENT = "content"
    TARGET = "target"
    MODE = "mode"
    OWNER = "owner"
    TIME = "time"
    XATTRS = "xattrs"
    PROBLEM = "problem"


State = tuple[object, ...]
"""Equal for equal states: one value for each Aspect, in their order."""


def state_of(entry: Entry) -> State:
    """The state of an entry.  That of a further name of a file holds no content: give it that of
    its first name before, where content is to be compared (`with_content`).

    The time of a directory is none of its own: it says that something in it came or went, which is
    told by that."""
    is_directory = entry.kind == EntryKind.DIRECTORY
    return (
        entry.kind,
        (entry.size, entry.holes, tuple(chunk.digest for chunk in entry.chunks)),
        (entry.target, entry.rdev),
        entry.mode,
        (entry.uid, entry.gid, entry.owner, entry.group),
        0 if is_directory else entry.mtime_ns,
        entry.xattrs,
        entry.problem,
    )


def with_content(entry: Entry, first: Entry) -> Entry:
    """A further name of a file with the content that stands with its first name."""
    return entry._replace(size=first.size, holes=first.holes, chunks=first.chunks)


def differing(one: State, other: State) -> tuple[Aspect, ...]:
    """In which aspects two states differ."""
    return tuple(
        aspect for aspect, a, b in zip(Aspect, one, other, strict=True) if a != b
    )  # fmt: skip
