"""Whole commands on S, tens of thousands of small files: the first backup, and one behind which
nothing has changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.bench.commands import RESTIC, TAR, Ours, ratios
from tests.bench.datasets import size_of
from tests.bench.measure import Bench, in_rounds, settle
from tests.bench.peers import Restic, install, tar_seconds
from tests.bench.tables import Row, Table

COPIES_OF_ROUND = 4
FIRST, AGAIN, RESTIC_AGAIN = "flowbackup", "flowbackup, unchanged", "restic, unchanged"
TARGETS = {(FIRST, TAR): 1 / 1.5, (FIRST, RESTIC): 3.0, (AGAIN, RESTIC_AGAIN): 3.0}


def small(bench: Bench) -> Table:
    """flowbackup against tar and restic, in alternating rounds."""
    missing = install()
    source = bench.data.small()
    size_bytes = size_of(source)[1]
    rounds = in_rounds(bench, COPIES_OF_ROUND * size_bytes, lambda: _round(bench, source, missing))
    return Table(
        "Whole commands on S",
        (*ratios(rounds, TARGETS, "S"),
         *(Row(f"S, {n}", "s", tuple(rounds.seconds[n])) for n in rounds.seconds)),
        ("0.67 times as fast as tar is within 1.5 of its time.", *missing.values()),
    )  # fmt: skip


def _round(bench: Bench, source: Path, missing: dict[str, str]) -> Iterator[tuple[str, float]]:
    ours = Ours.fresh(bench, source, 1)
    runs = [(TAR, lambda: tar_seconds(source, bench.yard.fresh("tar"))), (FIRST, ours.seconds)]
    again = [(AGAIN, ours.seconds)]
    if RESTIC not in missing:
        restic = Restic(bench.yard.fresh("restic"))
        runs += [(RESTIC, lambda: restic.backup_seconds(source))]
        again += [(RESTIC_AGAIN, lambda: restic.backup_seconds(source))]
    for name, run in (*runs, *again):
        settle(source)
        yield name, run()
