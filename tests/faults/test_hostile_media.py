"""F12: media that mean harm, each with right checksums.  Whatever they say, reading and restoring
them ends in an error or a problem of ours, soon and in little memory, and nothing outside of the
target is changed.

Run as root, because then nothing but the program itself prevents the harm.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from flowbackup.media.labels.label import LOCK_NAME
from flowbackup.model.entry import Entry
from tests.faults.commands import by_commands
from tests.faults.forge import Recipe, forged
from tests.faults.hostile_entries import ALLOWED, ENTRIES, NAMES, PAGES
from tests.faults.hostile_records import FILES, HARMLESS, INDEXES, LENGTHS, TEXTS
from tests.faults.readings import Watch, read_package, surroundings
from tests.judge import check_here, recovered_here
from tests.targets import Target

REFUSED = LENGTHS | INDEXES | TEXTS | FILES | PAGES | NAMES | ENTRIES
ALL = REFUSED | ALLOWED | HARMLESS
LENIENT = {
    "a file in a directory that nobody made", "a footer that counts 2^32 - 1 frames",
    "a hard link to a link out of it", "a label of half a character",
    "a label of the format 1.9e300", "a label with Infinity", "a label with NaN",
    "a label with a number of 4,000 digits", "a page of 1,000 batches", "a page of two batches",
    "a record of half a character", "a record of the year 10^12", "a record whose name is a list",
    "a record with a number of 4,000 digits", "a root of no pages",
    "a root that is listed as a file",
}  # fmt: skip
"""What recover.py takes without a word, because nothing that it restores depends on it."""
QUICK = sorted(ALL)[::24]
"""A sample for the quick run."""
SHOWN = "an error or problem of ours, nothing outside changed"
SECONDS_MAX = 2.0
"""Of the processor; gross excess only, because machines are shared."""
PEAK_KIB_MAX = 100 * 1024


@pytest.fixture
def base() -> Iterator[Path]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with TemporaryDirectory(prefix="flowbackup-test-", dir=memory) as name:
        guard(Path(name) / "outside")
        yield Path(name)


def guard(place: Path) -> None:
    """What must not change: names, rights, content, and what links lead to."""
    (place / "folder").mkdir(parents=True)
    (place / "secret").write_text("secret")
    (place / "folder" / "inside").write_text("inside")
    (place / "secret").chmod(0o600)
    os.symlink("secret", place / "link")


def aimed(recipe: Recipe, outside: Path) -> Recipe:
    """OUTSIDE in names and targets of links becomes the guarded folder."""

    def aim(value: object) -> object:
        known = isinstance(value, bytes) and value.startswith(b"OUTSIDE")
        return value.replace(b"OUTSIDE", os.fsencode(outside)) if known else value

    found = [Entry(*map(aim, entry)) for entry in recipe.entries]
    return replace(recipe, entries=found)


def seen(base: Path, name: str, read: Reading) -> tuple[list[str], Watch]:
    """What a reader says of a medium, and what that cost."""
    forged(base / "medium", aimed(ALL[name], base / "outside"))
    # Whoever locks a medium writes there who he is.
    lock = base / "medium" / LOCK_NAME
    lock.touch()
    before = surroundings(base, without=base / "work")
    (base / "work" / "targets").mkdir(parents=True)
    with Watch() as watch:
        told = read(base / "medium", base / "work" / "targets")
    after = surroundings(base, without=base / "work")
    del before[bytes(lock)], after[bytes(lock)]
    assert after == before, name
    beside = os.listdir(base / "work" / "targets")
    assert all(n.isdigit() for n in beside), "something is beside the target"
    return told, watch


def by_judge(medium: Path, target: Path) -> list[str]:
    """The way of somebody who has nothing but the medium."""
    found = [check_here([medium]), recovered_here([medium], target / "0")]
    return [line for recovery in found for line in recovery.problems]


Reading = Callable[[Path, Path], list[str]]
READERS: dict[str, Reading] = {
    "package": read_package, "commands": by_commands, "recover.py": by_judge,
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in sorted(ALL)]
)
def test_hostile_media(base: Path, name: str, reader: str, target: Target) -> None:
    told, watch = seen(base, name, READERS[reader])
    assert told or name not in REFUSED or (reader == "recover.py" and name in LENIENT)
    assert watch.seconds < SECONDS_MAX
    assert watch.peak_kib < PEAK_KIB_MAX
    target(
        "F12", cases=1, text=f"crafted media, {reader}: {SHOWN}",
        longest_seconds=watch.seconds, peak_bytes=1024 * watch.peak_kib,
    )  # fmt: skip


def test_there_are_enough() -> None:
    assert len(ALL) >= 60
    assert len(ALL) == sum(
        map(len, (LENGTHS, INDEXES, TEXTS, FILES, PAGES, NAMES, ENTRIES, ALLOWED, HARMLESS))
    )
