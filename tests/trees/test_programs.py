"""The same torture for others: what tar, rsync, restic and borg bring back of it, beside ours."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from flowbackup.source.walk import walk
from flowbackup.testing.trees import torture_tree
from tests.targets import Target
from tests.trees.judges import compare, needs
from tests.trees.programs import PACKAGES, PROGRAMS

SLOW_ONES = ("over4gib", "tebibytes")
"""Sparse files that the others read for minutes, or hours."""


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_others_bring_back_of_the_torture_tree(
    roomy: Path, program: str, target: Target
) -> None:
    if os.geteuid():
        pytest.skip("root, who alone can restore everything")
    if program in PACKAGES:
        needs(program, PACKAGES[program])
    source, back, work = roomy / "source", roomy / "back", roomy / "work"
    torture_tree(str(source))
    for name in SLOW_ONES:
        (source / "holes" / name).unlink(missing_ok=True)
    work.mkdir()
    PROGRAMS[program](source, back, work)
    found = compare(source, back)
    target("F11", cases=_names(source), text=f"{_row(found, back)} by {program}")
    if program == "flowbackup":
        assert found == []


def _row(found: list[str], back: Path) -> str:
    """How many differences there are in which part of the tree."""
    if not os.listdir(back):
        return "nothing came back"
    parts = Counter(line.partition(": ")[0].partition("/")[0] for line in found)
    where = ", ".join(f"{part} {count}" for part, count in sorted(parts.items()))
    return f"{len(found)} differences{where and f' ({where})'}"


def _names(source: Path) -> int:
    root = os.open(source, os.O_RDONLY)
    try:
        return sum(1 for _ in walk(root, lambda problem: None))
    finally:
        os.close(root)
