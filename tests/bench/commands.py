"""Whole commands on L, from the shell's view: start and end of process included."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.datasets import size_of
from tests.bench.measure import Bench, Rounds, command_seconds, say, settle
from tests.bench.peers import Borg, Restic, install, tar_seconds
from tests.bench.tables import Row, Table, pair_ratios

FASTER = 1.0
TWICE = 2.0
FLOWBACKUP = (sys.executable, "-c", "from flowbackup.cli.main import main; main()")
"""What the console script runs, with this interpreter."""
COPIES_OF_ROUND = 7
"""How often a round writes the source, at most."""


def commands(bench: Bench) -> Table:
    """flowbackup against restic, borg and tar, in alternating rounds."""
    missing = install()
    source = bench.data.large()
    size_bytes = size_of(source)[1]
    rounds = Rounds()
    bench.yard.clear_for(COPIES_OF_ROUND * bench.command_rounds * size_bytes)
    for number in range(bench.command_rounds):
        say(f"  round {number + 1} of {bench.command_rounds}")
        bench.yard.make_room(COPIES_OF_ROUND * size_bytes)
        _round(bench, source, rounds, missing)
    return Table(
        "Whole commands on L",
        (*_ratios(rounds), *(Row(n, "MB/s", rounds.rates(n, size_bytes)) for n in rounds.seconds)),
        (
            "restic and borg sync by themselves, tar gets a `sync -f`. Repositories and media were "
            "made before. borg: lz4, no encryption; restic: its defaults.",
            *missing.values(),
        ),
    )


def _round(bench: Bench, source: Path, rounds: Rounds, missing: dict[str, str]) -> None:
    """Everybody once, flowbackup next to the one it is compared with."""
    _flowbackup(bench, source, rounds, 1)
    if "restic" not in missing:
        restic = Restic(bench.yard.fresh("restic"))
        settle(source)
        backup = restic.backup_seconds(source)
        both = backup + restic.copy_seconds()
        _note(rounds, "restic backup", backup)
        _note(rounds, "restic backup + copy", both)
    _flowbackup(bench, source, rounds, 2)
    if "borg" not in missing:
        borg = Borg(bench.yard.fresh("borg"))
        settle(source)
        _note(rounds, "borg create", borg.backup_seconds(source))
    if "tar" not in missing:
        settle(source)
        _note(rounds, "tar + sync", tar_seconds(source, bench.yard.fresh("tar")))


def _flowbackup(bench: Bench, source: Path, rounds: Rounds, devices: int) -> None:
    catalog = ("--catalog", str(bench.yard.fresh("catalog.sqlite")))
    media = [str(bench.yard.fresh(f"medium{number}")) for number in range(devices)]
    for medium in media:
        command_seconds([*FLOWBACKUP, "device", "init", medium])
    mirrors = [word for medium in media[1:] for word in ("--mirror", medium)]
    settle(source)
    words = [*FLOWBACKUP, "backup", str(source), "--to", media[0], *mirrors, *catalog, "--quiet"]
    _note(rounds, _name(devices), command_seconds(words))


def _name(devices: int) -> str:
    return f"flowbackup backup, {devices} device(s)"


def _note(rounds: Rounds, name: str, seconds: float) -> None:
    rounds.add(name, seconds)
    say(f"    {name}: {seconds:.2f} s")


def _ratios(rounds: Rounds) -> list[Row]:
    compared = (
        (1, "restic backup", FASTER),
        (1, "borg create", FASTER),
        (2, "restic backup + copy", TWICE),
        (1, "tar + sync", None),
    )
    return [
        Row(f"flowbackup / {peer}, {devices} device(s)", "x",
            pair_ratios(rounds.seconds[_name(devices)], rounds.seconds[peer]), target)
        for devices, peer, target in compared
        if peer in rounds.seconds
    ]  # fmt: skip
