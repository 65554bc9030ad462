"""A tree that changes all the time, in every way: a backup of it neither fails nor hangs nor
lies."""

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

from flowbackup.model.entry import EntryKind
from tests.judge import recovered_here
from tests.local_backup import LocalBackup
from tests.source.memory_sink import Reading, open_descriptors, read_tree
from tests.trees import trouble

SECRET = b"what is outside is none of our business"
STABLE = {b"a-first": b"first", b"n0-between/file": b"between" * 9999, b"z-last": b"last"}
READINGS = 20
READINGS_MAX = 1000
"""Until one has met trouble."""
CHANGES = 20
WAIT_SECONDS_MAX = 60.0


class Maker:
    """Who makes trouble.  He may get no processor for a while, and is waited for then."""

    def __init__(self, process: subprocess.Popen[bytes], counter: mmap.mmap) -> None:
        self._process = process
        self._counter = counter

    def wait(self) -> None:
        """Until he has done some more."""
        wanted, latest = self._done() + CHANGES, time.monotonic() + WAIT_SECONDS_MAX
        while self._done() < wanted:
            assert self._process.poll() is None and time.monotonic() < latest
            time.sleep(0.001)

    def _done(self) -> int:
        return int.from_bytes(self._counter[:8], "little")


@contextmanager
def troubled(folder: Path, seed: int) -> Iterator[tuple[Path, Maker]]:
    """A tree in which trouble is made until the end of the block."""
    tree, outside = folder / "tree", folder / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(SECRET)
    (tree / "n0-between").mkdir(parents=True)
    for name, content in STABLE.items():
        (tree / os.fsdecode(name)).write_bytes(content)
    counter = folder / "counter"
    counter.write_bytes(bytes(8))
    command = [sys.executable, trouble.__file__, tree, outside, str(seed), counter]
    with (
        counter.open("r+b") as file,
        mmap.mmap(file.fileno(), 8) as done,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process,
    ):
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        maker = Maker(process, done)
        maker.wait()
        try:
            yield tree, maker
        except BaseException:
            process.kill()
            raise
        process.stdin.close()
    assert process.returncode == 0


@pytest.mark.parametrize("seed", range(3))
def test_readings_of_a_tree_that_changes(memory_path: Path, seed: int) -> None:
    flagged = readings = 0
    before = open_descriptors()
    with troubled(memory_path, seed) as (tree, maker):
        while readings < (READINGS if flagged else READINGS_MAX):
            reading = read_tree(tree)
            check(reading)
            flagged += len(reading.monitor.problems)
            readings += 1
            maker.wait()
    assert open_descriptors() <= before
    assert flagged


def check(reading: Reading) -> None:
    """What is there and not flagged is a state that was there."""
    entries = reading.by_path()
    for name, content in STABLE.items():
        assert not entries[name].problem
        assert reading.content(entries[name]) == content
    for path, entry in entries.items():
        assert path.rpartition(b"/")[0] in entries
        if entry.kind != EntryKind.FILE or entry.hard_link is not None or path in STABLE:
            continue
        content = reading.content(entry) if entry.chunks or not entry.size else b""
        assert content == trouble.pattern(content[0] if content else 0, len(content)), path
        assert entry.problem or len(content) == entry.size
        assert SECRET not in content
    flagged = [path for path, entry in entries.items() if entry.problem]
    problems = len(reading.monitor.problems)
    assert reading.record.problems == problems >= len(flagged)
    assert reading.record.outcome == ("incomplete" if problems else "success")


def test_a_session_over_such_a_tree_is_restored_by_the_judge(memory_path: Path) -> None:
    local = LocalBackup(memory_path, "nas")
    with troubled(memory_path, 7) as (tree, maker):
        for _ in range(3):
            local.run(tree, "nas")
            maker.wait()
    for number in (1, 2, 3):
        target = memory_path / f"back{number}"
        recovery = recovered_here([local.place("nas")], target, f"tree@{number}")
        damaged = [line for line in recovery.problems if "damage" in line]
        assert not damaged, damaged
        for name, content in STABLE.items():
            assert (target / os.fsdecode(name)).read_bytes() == content
