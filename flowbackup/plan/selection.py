"""Which versions a copy group takes: what the catalog knows of them in, a choice out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from flowbackup.catalog.rows import VersionRow
from flowbackup.plan.decided import CopySelection

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that the restore group may read.  pools: of the media that hold something of it.
    copies: how many durable ones it has.  in_session: the session that is copied made it."""

    version: VersionRow
    pools: frozenset[str] = frozenset()
    copies: int = 1
    in_session: bool = False


def selected(
    selection: CopySelection, candidates: Iterable[Candidate], now_ns: int
) -> list[VersionRow]:
    """Those for which everything holds that was written, in the order of the candidates."""
    found = [item for item in candidates if _is_named(selection, item.version)]
    newest: dict[tuple[str, str], int] = {}
    for item in found:
        key = _key(item.version)
        newest[key] = max(item.version.number, newest.get(key, 0))
    return [
        item.version
        for item in found
        if _is_due(selection, item, newest) and _fits(selection, item, now_ns)
    ]


def _key(version: VersionRow) -> tuple[str, str]:
    return version.record.client, version.record.name


def _is_named(selection: CopySelection, version: VersionRow) -> bool:
    name = "/".join(_key(version))
    patterns = selection.objects
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _is_due(
    selection: CopySelection, item: Candidate, newest: dict[tuple[str, str], int]
) -> bool:  # fmt: skip
    if selection.versions == "session":
        return item.in_session
    return selection.versions == "all" or item.version.number == newest[_key(item.version)]


def _fits(selection: CopySelection, item: Candidate, now_ns: int) -> bool:
    age_ns = now_ns - item.version.record.finished_ns
    is_young = not selection.since_seconds or age_ns <= selection.since_seconds * SECOND_NS
    is_there = not selection.pool or selection.pool in item.pools
    return is_young and is_there and (not selection.below or item.copies < selection.below)
