"""Which entries are meant, and what they are called below the target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowbackup.model.entry import Entry, EntryKind
from flowbackup.model.pattern import Matcher, path_matcher
from flowbackup.restore.settings import RestoreSettings

_SPECIAL = (b"", b".", b"..")


def selected(entries: Iterable[Entry], settings: RestoreSettings) -> Iterator[Entry]:
    """The entries that `settings` ask for, with paths relative to `under`.  A directory on the way
    to a match comes too, just before what is in it; what is in an excluded one does not."""
    if settings.under:
        entries = _below(entries, settings.under)
    if settings.exclude:
        entries = _not_excluded(entries, path_matcher(settings.exclude))
    if settings.include:
        entries = _included(entries, path_matcher(settings.include))
    return iter(entries)


def shortened(path: bytes, under: bytes) -> bytes | None:
    """The path relative to `under`; None for one that is not below it."""
    if not under or path == under:
        return path if not under else b""
    return path[len(under) + 1 :] if path.startswith(under + b"/") else None


def safe_names(path: bytes) -> list[bytes] | None:
    """The names of a path relative to the target, or None for one that must not be followed:
    empty names, ".", "..", absolute paths, NUL."""
    names = path.split(b"/")
    if b"" in names or b"." in names or b".." in names or b"\0" in path:
        return None
    return names


def is_plain_name(name: bytes) -> bool:
    """Whether it is a name in a directory, and not a path or a special one."""
    return b"/" not in name and name not in _SPECIAL and b"\0" not in name


def _below(entries: Iterable[Entry], under: bytes) -> Iterator[Entry]:
    for entry in entries:
        path = shortened(entry.path, under)
        if path is not None:
            yield entry._replace(path=path)


def _not_excluded(entries: Iterable[Entry], matches: Matcher) -> Iterator[Entry]:
    inside: bytes | None = None
    for entry in entries:
        path = entry.path
        if inside is not None and path.startswith(inside):
            continue
        inside = None
        if not path or not matches(path):
            yield entry
        elif entry.kind == EntryKind.DIRECTORY:
            inside = path + b"/"


def _included(entries: Iterable[Entry], matches: Matcher) -> Iterator[Entry]:
    waiting: list[Entry] = []
    inside: bytes | None = None
    for entry in entries:
        path = entry.path
        if inside is not None and path.startswith(inside):
            yield entry
            continue
        inside = None
        while waiting and waiting[-1].path and not path.startswith(waiting[-1].path + b"/"):
            waiting.pop()
        if path and matches(path):
            yield from waiting
            waiting = []
            yield entry
            if entry.kind == EntryKind.DIRECTORY:
                inside = path + b"/"
        elif entry.kind == EntryKind.DIRECTORY:
            waiting.append(entry)
        elif not path:
            yield entry
