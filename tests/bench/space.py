"""What a backup takes on its device, and how fast it is made so small, beside restic.

T at several levels of compression: small as restic's, and nearly as small but much faster.  Thirty
daily versions of S, each with one file of a hundred changed: what all of them take together, and
what a restore of the last costs that one of the first does not.
"""

from __future__ import annotations

import filecmp
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.bench.commands import FLOWBACKUP, RESTIC
from tests.bench.datasets import size_of
from tests.bench.increments import change_some
from tests.bench.measure import Bench, Rounds, command_seconds, files_of, forget, say, settle
from tests.bench.peers import Restic, install
from tests.bench.tables import Row, Table, pair_ratios

LEVELS = ("zstd:1", "zstd:2", "zstd:3")
RESTIC_RATIO, AT_TIMES = 1.0, 2.5
NEAR_RATIO, AT_MORE_TIMES = 0.95, 5.0
DAYS = 30
RESTORES = 3
WITHIN = 1.1
COPIES_OF_ROUND = 3


def text(bench: Bench) -> Table:
    """T, at each level against restic, in alternating rounds: seconds and bytes."""
    missing = install()
    source = bench.data.text()
    size_bytes = size_of(source)[1]
    rounds, ratios = Rounds(), Rounds()
    for number in range(bench.command_rounds):
        say(f"  round {number + 1} of {bench.command_rounds}")
        bench.yard.make_room(COPIES_OF_ROUND * size_bytes)
        for name, seconds, kept_bytes in _text_round(bench, source, missing):
            rounds.note(name, seconds)
            ratios.add(name, size_bytes / kept_bytes)
    return Table(
        "Space and speed on T",
        (*_text_rows(rounds, ratios),
         *(Row(f"T, {name}", "MB/s", rounds.rates(name, size_bytes)) for name in rounds.seconds),
         *(Row(f"T, {name}, source / kept", "x", tuple(ratios.seconds[name]))
           for name in rounds.seconds)),
        ("Kept: all files of the medium and of the repository.", *missing.values()),
    )  # fmt: skip


def _text_round(
    bench: Bench, source: Path, missing: dict[str, str]
) -> Iterator[tuple[str, float, int]]:
    """name, seconds and bytes kept, of everybody once."""
    for level in LEVELS:
        medium, words = _ours(bench, source)
        settle(source)
        seconds = command_seconds([*words, "--compression", level])
        yield _named(level), seconds, size_of(medium)[1]
    if RESTIC not in missing:
        repository = bench.yard.fresh("restic")
        restic = Restic(repository)
        settle(source)
        seconds = restic.backup_seconds(source)
        yield RESTIC, seconds, size_of(restic.first)[1]


def _text_rows(rounds: Rounds, ratios: Rounds) -> Iterator[Row]:
    """For every level both: how much faster than restic, and how much of its ratio."""
    if RESTIC not in rounds.seconds:
        return
    theirs = ratios.seconds[RESTIC]
    for level in LEVELS:
        name, is_least = _named(level), level == LEVELS[0]
        kept = tuple(own / other for own, other in zip(ratios.seconds[name], theirs, strict=True))
        faster = pair_ratios(rounds.seconds[name], rounds.seconds[RESTIC])
        yield Row(
            f"T, {name} / restic, speed", "x", faster, AT_MORE_TIMES if is_least else AT_TIMES
        )
        yield Row(f"T, {name} / restic, ratio", "x", kept, NEAR_RATIO if is_least else RESTIC_RATIO)


def versions(bench: Bench) -> Table:
    """Thirty versions of S into one medium and one repository."""
    missing = install()
    small = bench.data.small()
    bench.yard.make_room((COPIES_OF_ROUND + 2 * RESTORES) * size_of(small)[1])
    source = shutil.copytree(small, bench.yard.fresh("S"))
    first = shutil.copytree(small, bench.yard.fresh("S"))
    medium, words = _ours(bench, source)
    restic = None if RESTIC in missing else Restic(bench.yard.fresh("restic"))
    rounds, chance = Rounds(), random.Random(30)
    for day in range(DAYS):
        if day:
            change_some(source, chance)
        settle(source)
        rounds.add("flowbackup", command_seconds(words))
        if restic is not None:
            settle(source)
            rounds.add(RESTIC, restic.backup_seconds(source))
        say(
            f"  day {day + 1}: {', '.join(f'{n} {s[-1]:.2f} s' for n, s in rounds.seconds.items())}"
        )
    kept = {"flowbackup": size_of(medium)[1]}
    if restic is not None:
        kept[RESTIC] = size_of(restic.first)[1]
    catalog = words[words.index("--catalog") + 1]
    restores = _restores(bench, catalog, {"first": first, "last": source})
    return Table(
        f"{DAYS} versions of S, 1 % changed each day",
        (*_version_rows(rounds, kept),
         Row("restore of the last / of the first, time", "x",
             pair_ratios(restores.seconds["first"], restores.seconds["last"]),
             WITHIN, at_most=True),
         *(Row(f"restore of the {n}", "s", tuple(s)) for n, s in restores.seconds.items())),
        ("Both restores were compared with their sources, byte by byte.", *missing.values()),
    )  # fmt: skip


def _version_rows(rounds: Rounds, kept: dict[str, int]) -> Iterator[Row]:
    if RESTIC in kept:
        share = kept["flowbackup"] / kept[RESTIC]
        yield Row("kept, flowbackup / restic", "x", (share,), WITHIN, at_most=True)
    for name, size_bytes in kept.items():
        yield Row(f"kept, {name}", "MB", (size_bytes / 1e6,))
    for name, seconds in rounds.seconds.items():
        yield Row(f"a day behind the first, {name}", "s", tuple(seconds[1:]))


def _restores(bench: Bench, catalog: str, sources: dict[str, Path]) -> Rounds:
    """Cold, alternating.  Raises RuntimeError if one is not equal to its source."""
    rounds = Rounds()
    for _ in range(RESTORES):
        for name, version in (("first", "S@1"), ("last", f"S@{DAYS}")):
            target = bench.yard.fresh("restored")
            forget()
            words = [*FLOWBACKUP, "restore", version, "--target", str(target)]
            rounds.note(name, command_seconds([*words, "--catalog", catalog, "--quiet"]))
            _compare(sources[name], target)
    return rounds


def _ours(bench: Bench, source: Path) -> tuple[Path, list[str]]:
    """A new medium, and the command that backs up to it."""
    medium, catalog = bench.yard.fresh("medium"), bench.yard.fresh("catalog.sqlite")
    command_seconds([*FLOWBACKUP, "device", "init", str(medium)])
    words = [*FLOWBACKUP, "backup", str(source), "--to", str(medium), "--quiet"]
    return medium, [*words, "--catalog", str(catalog)]


def _named(level: str) -> str:
    return f"flowbackup, {level}"


def _compare(source: Path, restored: Path) -> None:
    """Raises RuntimeError at the first file that is not as it was."""
    if size_of(source) != size_of(restored):
        raise RuntimeError(f"{size_of(restored)} was restored, not {size_of(source)}")
    for path in files_of(source):
        if not filecmp.cmp(path, restored / path.relative_to(source), shallow=False):
            raise RuntimeError(f"{path} came back with other content")
