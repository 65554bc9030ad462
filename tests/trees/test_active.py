"""A tree that changes all the time, in every way: a backup of it neither fails nor hangs nor
lies."""

from __future__ import annotations

import os
import subprocess
import sys
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
"""Until one has met trouble: its maker may get no processor for a while."""


@contextmanager
def troubled(folder: Path, seed: int) -> Iterator[Path]:
    """A tree in which trouble is made until the end of the block."""
    tree, outside = folder / "tree", folder / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(SECRET)
    (tree / "n0-between").mkdir(parents=True)
    for name, content in STABLE.items():
        (tree / os.fsdecode(name)).write_bytes(content)
    command = [sys.executable, trouble.__file__, tree, outside, str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as maker:
        assert maker.stdin is not None and maker.stdout is not None
        begun = int(maker.stdout.readline())
        try:
            yield tree
        except BaseException:
            maker.kill()
            raise
        maker.stdin.close()
        done = int(maker.stdout.readline())
    assert maker.returncode == 0
    assert done > begun + 100


@pytest.mark.parametrize("seed", range(3))
def test_readings_of_a_tree_that_changes(memory_path: Path, seed: int) -> None:
    flagged = readings = 0
    before = open_descriptors()
    with troubled(memory_path, seed) as tree:
        while readings < (READINGS if flagged else READINGS_MAX):
            reading = read_tree(tree)
            check(reading)
            flagged += len(reading.monitor.problems)
            readings += 1
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
    with troubled(memory_path, 7) as tree:
        for _ in range(3):
            local.run(tree, "nas")
    for number in (1, 2, 3):
        target = memory_path / f"back{number}"
        recovery = recovered_here([local.place("nas")], target, f"tree@{number}")
        damaged = [line for line in recovery.problems if "damage" in line]
        assert not damaged, damaged
        for name, content in STABLE.items():
            assert (target / os.fsdecode(name)).read_bytes() == content
