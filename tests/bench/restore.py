"""Restore and verify from the shell's view, cold: nothing of what is read is in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.commands import FLOWBACKUP
from tests.bench.datasets import size_of
from tests.bench.measure import Bench, Rounds, command_seconds, files_of, forget, say
from tests.bench.peers import Restic, install, pack, unpack_words
from tests.bench.tables import Row, Table, pair_ratios

L_AGAINST_TAR = 1.2
S_AGAINST_TAR = 1 / 1.2
S_AGAINST_RESTIC = 1.5
NEAR_THE_DEVICE = 0.8
COPIES_OF_SOURCES = 3
"""How often the sources are written before the first round: media, archive, repository."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Two ways to do the same with so many bytes; we are to be `target` times as fast."""

    ours: str
    theirs: str
    run_ours: Callable[[], float]
    run_theirs: Callable[[], float]
    target: float
    size_bytes: int


def restore(bench: Bench) -> Table:
    """L against tar, S against restic, verify against dd, in alternating rounds."""
    missing = install()
    size_bytes = sum(size_of(source)[1] for source in (bench.data.large(), bench.data.small()))
    bench.yard.make_room((COPIES_OF_SOURCES + 2 * bench.rounds) * size_bytes)
    contests = tuple(_contests(bench, missing))
    rounds, cold = Rounds(), True
    for number in range(bench.rounds):
        say(f"  round {number + 1} of {bench.rounds}")
        for contest in contests:
            for name, run in (
                (contest.ours, contest.run_ours), (contest.theirs, contest.run_theirs)
            ):  # fmt: skip
                cold = forget() and cold
                rounds.note(name, run())
    return Table(
        "Restore and verify, whole commands",
        (*(_ratio(contest, rounds) for contest in contests), *_rates(contests, rounds)),
        (
            "Each restore goes to a fresh directory and ends with a `sync -f`, whoever makes it.",
            "Caches were dropped before each run." if cold else "No root: caches were **warm**.",
            *missing.values(),
        ),
    )


def _contests(bench: Bench, missing: dict[str, str]) -> Iterator[Contest]:
    large, small = bench.data.large(), bench.data.small()
    backup = _Backup(bench, large)
    yield Contest(
        "verify", "dd iflag=direct", backup.verify_seconds, backup.direct_read_seconds,
        NEAR_THE_DEVICE, size_of(large)[1],
    )  # fmt: skip
    if "tar" not in missing:
        archive = pack(large, bench.yard.fresh("L.tar"))
        yield Contest(
            "restore of L", "tar -x + sync", backup.restore_seconds,
            lambda: _restored_seconds(bench, unpack_words(archive), large),
            L_AGAINST_TAR, size_of(large)[1],
        )  # fmt: skip
    kept = _Backup(bench, small)
    if "tar" not in missing:
        names = pack(small, bench.yard.fresh("S.tar"))
        yield Contest(
            "restore of S", "tar -x + sync of S", kept.restore_seconds,
            lambda: _restored_seconds(bench, unpack_words(names), small),
            S_AGAINST_TAR, size_of(small)[1],
        )  # fmt: skip
    if "restic" not in missing:
        restic = Restic(bench.yard.fresh("restic"))
        restic.backup_seconds(small)
        yield Contest(
            "restore of S, beside restic", "restic restore + sync", kept.restore_seconds,
            lambda: _restored_seconds(bench, restic.restore_words(), small),
            S_AGAINST_RESTIC, size_of(small)[1],
        )  # fmt: skip


class _Backup:
    """A data set on a medium of ours."""

    def __init__(self, bench: Bench, source: Path) -> None:
        self._bench = bench
        self._source = source
        self._medium = bench.yard.fresh("medium")
        self._catalog = ("--catalog", str(bench.yard.fresh("catalog.sqlite")), "--quiet")
        words = ("backup", str(source), "--to", str(self._medium), "--init")
        command_seconds([*FLOWBACKUP, *words, *self._catalog])

    def restore_seconds(self) -> float:
        words = [*FLOWBACKUP, "restore", "latest", *self._catalog, "--target"]
        return _restored_seconds(self._bench, words, self._source)

    def verify_seconds(self) -> float:
        return command_seconds([*FLOWBACKUP, "verify", *self._catalog])

    def direct_read_seconds(self) -> float:
        """The segments read by somebody who only reads."""
        return sum(
            command_seconds(["dd", f"if={path}", "of=/dev/null", "iflag=direct", "bs=16M"])
            for path in files_of(self._medium / "segments")
        )


def _restored_seconds(bench: Bench, words: list[str], source: Path) -> float:
    """A restore into a fresh directory, whose name ends the command.  Raises RuntimeError if not
    everything is there."""
    target = bench.yard.fresh("restored")
    target.mkdir()
    started = time.perf_counter()
    command_seconds([*words, str(target)])
    command_seconds(["sync", "-f", str(target)])
    seconds = time.perf_counter() - started
    if size_of(target) != size_of(source):
        raise RuntimeError(f"{words[0]} restored {size_of(target)}, expected {size_of(source)}")
    return seconds


def _ratio(contest: Contest, rounds: Rounds) -> Row:
    ratios = pair_ratios(rounds.seconds[contest.ours], rounds.seconds[contest.theirs])
    return Row(f"{contest.ours} / {contest.theirs}", "x", ratios, contest.target)


def _rates(contests: tuple[Contest, ...], rounds: Rounds) -> Iterator[Row]:
    for contest in contests:
        for name in (contest.ours, contest.theirs):
            yield Row(name, "MB/s", rounds.rates(name, contest.size_bytes))
