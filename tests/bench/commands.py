"""Whole commands on L, from the shell's view: start and end of process included."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.datasets import size_of
from tests.bench.measure import Bench, Rounds, command_seconds, in_rounds, settle
from tests.bench.peers import Borg, Restic, copies_seconds, install, tar_seconds, tee_seconds
from tests.bench.tables import Row, Table, pair_ratios

FLOWBACKUP = (sys.executable, "-c", "from flowbackup.cli.main import main; main()")
"""What the console script runs, with this interpreter."""
COPIES_OF_ROUND = 12
"""How often a round writes the source, at most."""
ONE, TWO = "flowbackup, 1 device", "flowbackup, 2 devices"
TAR, RESTIC, BORG = "tar + sync", "restic", "borg"
TEE, BOTH, COPIES = "tar | tee + sync", "restic, both repositories at once", "two cp -a + sync"
TARGETS = {
    (ONE, TAR): 1.3,
    (ONE, RESTIC): 4.5,
    (ONE, BORG): 3.5,
    (TWO, TEE): 3.0,
    (TWO, BOTH): 6.0,
    (TWO, COPIES): 1.0,
}
"""How many times as fast as each peer."""


@dataclass(frozen=True, slots=True)
class Ours:
    """A medium for each device and a catalog, new, and what is backed up there, again and again."""

    words: tuple[str, ...]

    @classmethod
    def fresh(cls, bench: Bench, source: Path, devices: int) -> Ours:
        media = [str(bench.yard.fresh(f"medium{number}")) for number in range(devices)]
        for medium in media:
            command_seconds([*FLOWBACKUP, "device", "init", medium])
        mirrors = [word for medium in media[1:] for word in ("--mirror", medium)]
        catalog = str(bench.yard.fresh("catalog.sqlite"))
        return cls(
            (*FLOWBACKUP, "backup", str(source), "--to", media[0], *mirrors,
             "--catalog", catalog, "--quiet")
        )  # fmt: skip

    def seconds(self) -> float:
        return command_seconds(self.words)


def commands(bench: Bench) -> Table:
    """flowbackup against tar, cp, restic and borg, in alternating rounds."""
    missing = install()
    source = bench.data.large()
    size_bytes = size_of(source)[1]
    rounds = in_rounds(bench, COPIES_OF_ROUND * size_bytes, lambda: _round(bench, source, missing))
    return Table(
        "Whole commands on L",
        (*ratios(rounds, TARGETS, "L"),
         *(Row(f"L, {n}", "MB/s", rounds.rates(n, size_bytes)) for n in rounds.seconds)),
        (
            "restic and borg sync by themselves, the others get a `sync -f`. Repositories and "
            "media were made before. borg: lz4, no encryption; restic: its defaults.",
            *missing.values(),
        ),
    )  # fmt: skip


def _round(bench: Bench, source: Path, missing: dict[str, str]) -> Iterator[tuple[str, float]]:
    """Everybody once, flowbackup next to those it is compared with."""
    one, two = (Ours.fresh(bench, source, devices) for devices in (1, 2))
    runs = [(TAR, lambda: tar_seconds(source, bench.yard.fresh("tar"))), (ONE, one.seconds)]
    if RESTIC not in missing:
        restic, second = Restic(bench.yard.fresh("restic")), Restic(bench.yard.fresh("restic"))
        runs += [(RESTIC, lambda: restic.backup_seconds(source))]
    if BORG not in missing:
        borg = Borg(bench.yard.fresh("borg"))
        runs += [(BORG, lambda: borg.backup_seconds(source))]
    runs += [(TEE, lambda: tee_seconds(source, bench.yard.fresh("tee"))), (TWO, two.seconds)]
    runs += [(COPIES, lambda: copies_seconds(source, bench.yard.fresh("copies")))]
    if RESTIC not in missing:
        runs += [(BOTH, lambda: second.both_seconds(source))]
    for name, run in runs:
        settle(source)
        yield name, run()


def ratios(rounds: Rounds, targets: dict[tuple[str, str], float], source: str) -> list[Row]:
    """How many times as fast as each peer that was there."""
    return [
        Row(f"{source}, {ours} / {peer}", "x",
            pair_ratios(rounds.seconds[ours], rounds.seconds[peer]), target)
        for (ours, peer), target in targets.items()
        if peer in rounds.seconds
    ]  # fmt: skip
