"""A catalog of ten million entries, ten versions of a million: whole commands that look into it,
and the commit of a session of a hundred changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from flowbackup.catalog.catalog import open_catalog
from tests.bench.commands import FLOWBACKUP
from tests.bench.large_catalog import VERSIONS, make_catalog, version_of
from tests.bench.measure import Bench, command_seconds, say
from tests.bench.tables import Row, Table

PAGES = 990
"""Of a version: a thousand entries each."""
CHANGES = 100
SECONDS_MAX = 1.0
PATH = "d00500/e3/x00500-3-07.dat"


def catalog(bench: Bench) -> Table:
    """With and without pages that versions share."""
    pages = max(20, round(PAGES * bench.data.scale))
    path = PATH.replace("00500", f"{pages // 2:05d}")
    rows: list[Row] = []
    for shared in (True, False):
        kind = "shared pages" if shared else "no page shared"
        file = make_catalog(bench.yard.fresh("catalog.sqlite"), pages, shared=shared)
        for name, run in _questions(file, path).items():
            say(f"  {name}, {kind}")
            seconds = tuple(run() for _ in range(bench.rounds))
            rows.append(Row(f"{name}, {kind}", "s", seconds, SECONDS_MAX, at_most=True))
        seconds = tuple(_commit_seconds(file, pages, VERSIONS + n) for n in range(bench.rounds))
        rows.append(
            Row(f"commit of {CHANGES} changes, {kind}", "s", seconds, SECONDS_MAX, at_most=True)
        )
    return Table("A catalog of ten million entries", tuple(rows))


def _questions(file: Path, path: str) -> dict[str, Callable[[], float]]:
    asked = {
        "find NAME": ("find", Path(path).name),
        "ls FOLDER": ("ls", f"large:{Path(path).parent}"),
        "ls of the root": ("ls", "large"),
        "history PATH": ("history", f"large:{path}"),
    }
    words = ("--catalog", str(file))
    return {n: partial(command_seconds, [*FLOWBACKUP, *ask, *words]) for n, ask in asked.items()}


def _commit_seconds(file: Path, pages: int, version: int) -> float:
    """Of a version in which so many files changed, each in a page of its own."""
    step = max(1, pages // CHANGES)
    record, body = version_of(version, [(n, version if n % step == 0 else 0) for n in range(pages)])
    with open_catalog(file) as opened:
        started = time.perf_counter()
        opened.add_version(record, body)
        return time.perf_counter() - started
