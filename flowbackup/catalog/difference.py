"""What differs between two versions: what `diff` answers.

Pages that both versions have are not even read: the paths in them are the same in both.  Of the
others the rows are compared one by one, also the later parts of big files, of which one part may
lie in a page that both have.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from flowbackup.catalog.database import Database
from flowbackup.catalog.finding import entry_with_content
from flowbackup.catalog.pages import Pages
from flowbackup.catalog.rows import ChangeKind, DifferenceRow, VersionRow
from flowbackup.catalog.versions import version_key
from flowbackup.errors import NotFoundError
from flowbackup.model.entry import Entry, EntryKind, sort_key
from flowbackup.model.sameness import differing, state_of
from flowbackup.units import format_path

Page = tuple[int, bytes]


class Side(NamedTuple):
    """A version, or what is below a path of it; paths are then compared relative to that."""

    version: VersionRow
    under: bytes = b""


def differences(database: Database, pages: Pages, before: Side, after: Side) -> list[DifferenceRow]:
    """By path, that of a name which was removed or moved being its old one.  Memory is that of the
    differences.  Raises NotFoundError for a path that a version does not have."""
    for side in (before, after):
        if side.under and pages.first(side.version.object_id, side.under) is None:
            raise NotFoundError(
                f'there is no "{format_path(side.under)}" in {side.version}',
                remedy="`flowbackup ls` shows what there is",
            )
    sides = (before, after)
    listed = [
        pages.between(version_key(database, side.version.object_id), side.under) for side in sides
    ]
    # Below different paths the same page says different things.
    common = set(listed[0]) & set(listed[1]) if before.under == after.under else set()
    streams = [
        _keyed(pages, [page for page in held if page not in common], side, number)
        for number, (held, side) in enumerate(zip(listed, sides, strict=True))
    ]
    found: list[DifferenceRow] = []
    for _, group in groupby(merge(*streams, key=itemgetter(0)), key=itemgetter(0)):
        row = _difference(pages, sides, [(number, entry) for _, number, entry in group])
        if row is not None:
            found.append(row)
    return sorted(_with_moves(found), key=lambda row: sort_key((row.before or _entry(row)).path))


def _keyed(
    pages: Pages, held: list[Page], side: Side, number: int
) -> Iterator[tuple[bytes, int, Entry]]:
    for entry in pages.rows(held, side.under):
        yield sort_key(_relative(entry.path, side.under)), number, entry


def _relative(path: bytes, under: bytes) -> bytes:
    return path[len(under) + 1 :] if under else path


def _difference(
    pages: Pages, sides: Sequence[Side], rows: Sequence[tuple[int, Entry]]
) -> DifferenceRow | None:
    """Of the rows of one path, on either side; None if there is none."""
    parts = [[entry for number, entry in rows if number == side] for side in (0, 1)]
    if len(parts[0]) == len(parts[1]) and all(map(_same, *parts)):
        return None
    if any(_is_partial(entry) for _, entry in rows):
        number, entry = rows[0]
        path = _relative(entry.path, sides[number].under)
        before, after = (_looked_up(pages, side, path) for side in sides)
    else:
        before, after = (part[0] if part else None for part in parts)
    if before is None or after is None:
        kind = ChangeKind.ADDED if before is None else ChangeKind.REMOVED
        return DifferenceRow(kind, before, after)
    aspects = differing(state_of(before), state_of(after))
    return DifferenceRow(ChangeKind.CHANGED, before, after, aspects) if aspects else None


def _same(one: Entry, other: Entry) -> bool:
    return (
        one.part == other.part
        and one.hard_link == other.hard_link
        and state_of(one) == state_of(other)
    )


def _is_partial(row: Entry) -> bool:
    """Whether a part of the entry may stand in other rows, on this side or the other."""
    return bool(row.part or row.hard_link is not None or len(row.chunks) + len(row.holes) > 1)


def _looked_up(pages: Pages, side: Side, path: bytes) -> Entry | None:
    whole = b"/".join(part for part in (side.under, path) if part)
    return entry_with_content(pages, side.version, whole)


# Moves

_Pair = tuple[DifferenceRow, DifferenceRow]
_Key = Callable[[Entry], Hashable | None]


def _with_moves(found: list[DifferenceRow]) -> list[DifferenceRow]:
    """Puts together what is gone here and has come there: what is still the same inode, then what
    has the same content and the same name or time."""
    gone = [row for row in found if row.kind is ChangeKind.REMOVED]
    come = [row for row in found if row.kind is ChangeKind.ADDED]
    pairs: list[_Pair] = []
    for key in (_inode, _content_and_name, _content_and_time):
        fresh = _pairs(gone, come, key)
        pairs += fresh
        taken = {id(row) for pair in fresh for row in pair}
        gone = [row for row in gone if id(row) not in taken]
        come = [row for row in come if id(row) not in taken]
    parents = {tuple(row.path.rpartition(b"/")[0] for row in pair) for pair in pairs}
    moves = [pair for pair in pairs if _is_credible(pair, parents)]
    taken = {id(row) for pair in moves for row in pair}
    return [row for row in found if id(row) not in taken] + [_moved(*pair) for pair in moves]


def _pairs(
    gone: Sequence[DifferenceRow], come: Sequence[DifferenceRow], key: _Key
) -> list[_Pair]:  # fmt: skip
    waiting: dict[Hashable, deque[DifferenceRow]] = defaultdict(deque)
    for old in gone:
        waiting[key(_entry(old))].append(old)
    waiting.pop(None, None)
    return [
        (waiting[name].popleft(), new)
        for new in come
        if waiting.get(name := key(_entry(new)))
    ]  # fmt: skip


def _inode(entry: Entry) -> Hashable | None:
    """Numbers of inodes are given again: what is no directory is to be what it was, too."""
    if not entry.inode:
        return None
    inode = (entry.device, entry.inode, entry.kind)
    if entry.kind == EntryKind.DIRECTORY:
        return inode
    return (*inode, entry.mtime_ns, entry.target, _content(entry))


def _content_and_name(entry: Entry) -> Hashable | None:
    content = _content(entry)
    return content and (content, entry.path.rpartition(b"/")[2])


def _content_and_time(entry: Entry) -> Hashable | None:
    content = _content(entry)
    return content and (content, entry.mtime_ns)


def _content(entry: Entry) -> tuple[object, ...]:
    """Empty where nothing can be told by it."""
    if entry.kind != EntryKind.FILE or not entry.chunks:
        return ()
    return entry.size, entry.holes, tuple(chunk.digest for chunk in entry.chunks)


def _is_credible(pair: _Pair, parents: set[tuple[bytes, ...]]) -> bool:
    """A directory of the same number that has been changed since was moved only if something in it
    was moved along."""
    old, new = map(_entry, pair)
    return (
        old.kind != EntryKind.DIRECTORY
        or old.mtime_ns == new.mtime_ns
        or (old.path, new.path) in parents
    )


def _moved(old: DifferenceRow, new: DifferenceRow) -> DifferenceRow:
    before, after = _entry(old), _entry(new)
    aspects = differing(state_of(before), state_of(after))
    return DifferenceRow(ChangeKind.MOVED, before, after, aspects)


def _entry(row: DifferenceRow) -> Entry:
    entry = row.after or row.before
    assert entry is not None
    return entry
