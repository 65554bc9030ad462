"""Target F5: structural mutations, stale and forged, through everything that reads a medium.

A mutation that fails is named with its number: `check(folder, [NUMBER])` does it again.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from flowbackup.errors import FlowbackupError
from flowbackup.media.labels.label import LOCK_NAME
from tests.faults.commands import by_commands
from tests.faults.mutations import Mutation, Originals
from tests.faults.parallel import in_folder, shared_out
from tests.faults.readings import Watch, read_package, surroundings
from tests.faults.test_hostile_media import guard
from tests.judge import check_here, recovered_here
from tests.targets import Target

MUTATIONS = 20_000
PARTS = 10
"""A test that takes too long is killed."""
PEAK_KIB_MAX = 100 * 1024
SECONDS_MAX = 2.0
"""Of the processor; gross excess only, because machines are shared.  The target is 0.1."""
BY_COMMANDS = 25
"""Every so many mutations goes through the commands too, which take longest."""


class Cost(NamedTuple):
    """longest_seconds, peak_kib: of one mutation for one reader; slow: how many took over 0.1 s."""

    longest_seconds: float
    peak_kib: int
    slow: int


def check(folder: Path, seeds: Sequence[int]) -> Cost:
    (folder / "originals").mkdir()
    originals = Originals.made(folder / "originals")
    # They are in memory: to look at the files behind every mutation took a tenth of the time.
    shutil.rmtree(folder / "originals")
    guard(folder / "outside")
    # What is imported and made once belongs to no mutation.
    costs = [check_one(folder, originals, seed) for seed in (seeds[0], *seeds)][2:]
    flat = [cost for pair in costs for cost in pair]
    return Cost(
        max((cost.seconds for cost in flat), default=0),
        max((cost.peak_kib for cost in flat), default=0),
        sum(cost.seconds > 0.1 for cost in flat),
    )


def check_one(folder: Path, originals: Originals, seed: int) -> tuple[Watch, Watch]:
    mutation = Mutation(originals, seed)
    medium, work = folder / "medium", folder / "work"
    mutation.write(medium)
    (medium / LOCK_NAME).touch()
    for name in ("package", "judge", "commands"):
        (work / name).mkdir(parents=True)
    before = surroundings(folder, without=work)
    try:
        with Watch() as package:
            read_package(medium, work / "package")
        with Watch() as judge:
            check_here([medium])
            recovered_here([medium], work / "judge" / "0", "all")
        assert surroundings(folder, without=work) == before, "something outside has changed"
        if seed % BY_COMMANDS == 0:
            by_commands(medium, work / "commands")
        if mutation.stale:
            assert restored(work) <= originals.contents, "wrong bytes were believed"
        for watch in (package, judge):
            assert watch.peak_kib < PEAK_KIB_MAX, f"{watch.peak_kib} KiB"
            assert watch.seconds < SECONDS_MAX, f"{watch.seconds} s"
    except (Exception, FlowbackupError) as error:
        error.add_note(mutation.name)
        raise
    for place in (medium, work):
        shutil.rmtree(place)
    return package, judge


def restored(work: Path) -> set[bytes]:
    """The content of every file that somebody restored."""
    found = set()
    for where, _, names in os.walk(work):
        for name in names:
            path = Path(where) / name
            is_file = stat.S_ISREG(path.lstat().st_mode)
            if is_file and not path.name.startswith("catalog"):
                found.add(path.read_bytes())
    return found


TEXT = "mutations: our errors only, right bytes only, nothing outside changed"


def show(target: Target, cases: int, costs: Sequence[Cost]) -> None:
    slow = sum(cost.slow for cost in costs)
    print(f"{slow} of {cases} mutations took over 0.1 s")
    target(
        "F5", cases=cases, text=TEXT,
        longest_seconds=max(cost.longest_seconds for cost in costs),
        peak_bytes=1024 * max(cost.peak_kib for cost in costs),
    )  # fmt: skip


def test_some_mutations(target: Target) -> None:
    seeds = Random(1).sample(range(MUTATIONS), 70)
    show(target, len(seeds), [in_folder(check, seeds)])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_mutations(part: int, target: Target) -> None:
    seeds = range(part, MUTATIONS, PARTS)
    show(target, len(seeds), shared_out(check, seeds))
