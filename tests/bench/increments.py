"""A tree of small files again and again: what is not changed is neither read nor sent."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from tests.bench.commands import FLOWBACKUP
from tests.bench.datasets import size_of
from tests.bench.measure import Bench, Rounds, command_seconds, say, settle
from tests.bench.peers import Restic, install
from tests.bench.tables import Row, Table, pair_ratios

STEPS = ("S, first", "S again, unchanged", "S, 1 % changed")
FASTER = 1.0
CHANGED_SHARE = 100
"""One file of so many gets other content."""
COPIES_OF_ROUND = 4


def increments(bench: Bench) -> Table:
    """flowbackup against restic, step by step on one tree, each into what it has made before."""
    missing = install()
    small = bench.data.small()
    size_bytes = size_of(small)[1]
    rounds, grown = Rounds(), Rounds()
    for number in range(bench.command_rounds):
        say(f"  round {number + 1} of {bench.command_rounds}")
        bench.yard.make_room(COPIES_OF_ROUND * size_bytes)
        _round(bench, shutil.copytree(small, bench.yard.fresh("S")), rounds, grown, missing)
    names = [name for name in rounds.seconds if name.startswith("flowbackup")]
    ratios = [
        Row(f"flowbackup / restic, {step}", "x",
            pair_ratios(rounds.seconds[f"flowbackup, {step}"], rounds.seconds[f"restic, {step}"]),
            FASTER)
        for step in STEPS if f"restic, {step}" in rounds.seconds
    ]  # fmt: skip
    return Table(
        "Increments of S",
        (
            *ratios,
            *(Row(name, "s", tuple(rounds.seconds[name])) for name in rounds.seconds),
            *(Row(f"{name}: grown by", "MB", tuple(grown.seconds[name])) for name in names),
        ),
        ("Media and repositories keep what the steps before have made.", *missing.values()),
    )


def _round(
    bench: Bench, source: Path, rounds: Rounds, grown: Rounds, missing: dict[str, str]
) -> None:
    medium, catalog = bench.yard.fresh("medium"), bench.yard.fresh("catalog.sqlite")
    command_seconds([*FLOWBACKUP, "device", "init", str(medium)])
    restic = None if "restic" in missing else Restic(bench.yard.fresh("restic"))
    words = [*FLOWBACKUP, "backup", str(source), "--to", str(medium), "--catalog", str(catalog)]
    for step in STEPS:
        if step == STEPS[-1]:
            change_some(source, random.Random(42))
        settle(source)
        before = size_of(medium)[1]
        rounds.note(f"flowbackup, {step}", command_seconds([*words, "--quiet"]))
        grown.add(f"flowbackup, {step}", (size_of(medium)[1] - before) / 1e6)
        if restic is not None:
            settle(source)
            rounds.note(f"restic, {step}", restic.backup_seconds(source))


def change_some(source: Path, chance: random.Random) -> None:
    """Other content of the same size for some files; which ones, the seed decides."""
    files = sorted(place for place in source.rglob("*") if place.is_file())
    for place in chance.sample(files, len(files) // CHANGED_SHARE):
        place.write_bytes(chance.randbytes(place.stat().st_size))
