"""Target F12: another process changes names for links while trees are restored.  Whatever it does,
nothing outside of the target is changed, and every restore ends.

Run as root, because then nothing but the program itself prevents the harm.
"""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowbackup.errors import FlowbackupError
from flowbackup.model.entry import Entry, EntryKind
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore import Overwrite, RestoreSettings, restore_tree
from tests.faults import attacker
from tests.faults.parallel import in_folder
from tests.faults.readings import surroundings
from tests.restore.memory import Memory
from tests.targets import Target

WAIT_SECONDS_MAX = 60.0
"""Until the attacker, who may get no processor for a while, exchanges names again."""


def guard(outside: Path) -> None:
    """Names as in the target, so that going through a link would find what it wants to write."""
    for name in ("d0/d2", "d1/d2"):
        (outside / name).mkdir(parents=True)
        (outside / name / "f2").write_text("mine")
    for name in attacker.NAMES:
        if not (outside / name).exists():
            (outside / name).write_text("mine")
    (outside / "linked").write_text("mine")
    (outside / "linked").chmod(0o600)


def tree(memory: Memory) -> list[Entry]:
    """A little of everything, owned by somebody else and open to all."""
    everybody = {"mode": 0o4777, "uid": 1234, "gid": 1234}

    def entry(path: bytes, kind: EntryKind, **fields: object) -> Entry:
        return Entry(path, kind)._replace(**everybody, **fields)

    def file(path: bytes, **fields: object) -> Entry:
        return entry(path, EntryKind.FILE, size=4, chunks=memory.put(b"harm"), **fields)

    folders = [entry(path, EntryKind.DIRECTORY) for path in (b"", b"d0", b"d0/d2", b"d1")]
    found = [
        *folders, file(b"d0/f0", links=2), file(b"d0/d2/f2"), file(b"d1/f1"),
        entry(b"d0/fifo", EntryKind.FIFO), entry(b"d1/link", EntryKind.SYMLINK, target=b"f1"),
        file(b"d1/second", links=2)._replace(hard_link=b"d0/f0", chunks=()),
    ]  # fmt: skip
    return sorted(found, key=lambda e: e.path.replace(b"/", b"\0"))


@contextmanager
def attacking(base: Path) -> Iterator[mmap.mmap]:
    """The number of exchanges so far, while the attacker runs."""
    counter, place = base / "counter", base / "attack"
    counter.write_bytes(bytes(8))
    place.mkdir()
    command = [sys.executable, attacker.__file__, str(base / "target"), str(place), str(counter)]
    process = subprocess.Popen(command)
    try:
        with counter.open("r+b") as file:
            yield mmap.mmap(file.fileno(), 8)
    finally:
        process.kill()
        process.wait()


def race(base: Path, wanted: int) -> tuple[int, int]:
    """Restores until so many had an exchange of names while they ran: how many exchanges there
    were then, and how many problems were reported.  Behind one that had none it waits for the
    attacker, so that there are never many restores for each of his turns."""
    guard(base / "outside")
    (base / "target").mkdir()
    before = surroundings(base / "outside", without=base / "outside" / "linked")
    linked = look(base / "outside" / "linked")
    memory, monitor = Memory(), RecordingMonitor()
    entries = tree(memory)
    first = {entry.path: entry for entry in entries}
    raced = swaps = restores = 0
    with attacking(base) as counter:
        while raced < wanted:
            restores += 1
            overwrite = list(Overwrite)[restores % 3]
            settings = RestoreSettings(overwrite, sync=False)
            begun = exchanges(counter)
            try:
                target = os.fsencode(base / "target")
                restore_tree(entries, memory, target, settings, monitor, first.__getitem__)
            except FlowbackupError as error:
                monitor.message(str(error))
            here = exchanges(counter) - begun
            swaps, raced = swaps + here, raced + (here > 0)
            if not here:
                wait_for_attacker(counter)
    assert surroundings(base / "outside", without=base / "outside" / "linked") == before
    assert look(base / "outside" / "linked") == linked
    return swaps, len(monitor.problems)


def exchanges(counter: mmap.mmap) -> int:
    return int.from_bytes(counter[:8], "little")


def wait_for_attacker(counter: mmap.mmap) -> None:
    """Until he has exchanged names once more."""
    before, latest = exchanges(counter), time.monotonic() + WAIT_SECONDS_MAX
    while exchanges(counter) == before:
        assert time.monotonic() < latest, "the attacker does nothing"
        time.sleep(0.001)


def look(path: Path) -> tuple[object, ...]:
    """All but the number of its names, which the attacker changes, and when that was."""
    found = path.stat()
    rights = (found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns)
    return *rights, os.listxattr(path), path.read_text()


TEXT = "restores raced by a process that swaps names for links: nothing outside changed"


@pytest.mark.root
@pytest.mark.parametrize("wanted", [50, pytest.param(2000, marks=pytest.mark.slow)])
def test_races(wanted: int, target: Target) -> None:
    if os.geteuid():
        pytest.skip("needs root")
    swaps, problems = in_folder(lambda base, _: race(base, wanted), [])
    print(f"{swaps} exchanges in {wanted} restores, {problems} problems reported")
    assert swaps >= wanted
    target("F12", cases=wanted, text=TEXT)
