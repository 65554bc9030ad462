"""Shared memory is reserved, shared, found again and removed, also after its session was killed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup.errors import MemoryBudgetError, PeerLostError
from flowbackup.process import identify
from flowbackup.runtime.edges.slab import (
    create_slab,
    free_shared_memory,
    open_slab,
    remove_stale_slabs,
    slab_path,
    stale_slabs,
)


@pytest.fixture
def path() -> Path:
    return slab_path(f"test-{identify().pid}", "slab")


def test_two_mappings_see_the_same_slots(path: Path) -> None:
    slab = create_slab(path, 4, 8192, identify())
    try:
        slab.slot(3)[:5] = b"frame"
        other = open_slab(path)
        assert bytes(other.payload(3, 5)) == b"frame"
        assert bytes(other.payload(2, 5)) == bytes(5)
        other.close()
    finally:
        slab.remove()
        slab.close()
    with pytest.raises(PeerLostError, match="gone"):
        open_slab(path)


def test_a_slot_that_is_not_there_is_refused(path: Path) -> None:
    slab = create_slab(path, 2, 4096, identify())
    try:
        with pytest.raises(IndexError):
            slab.slot(2)
        with pytest.raises(IndexError):
            slab.payload(0, 4097)
    finally:
        slab.remove()
        slab.close()


def test_more_than_there_is_is_an_error_at_the_start_and_leaves_nothing(path: Path) -> None:
    with pytest.raises(MemoryBudgetError, match="cannot hold the buffers"):
        create_slab(path, 2, free_shared_memory(), identify())
    assert not path.exists()


def test_what_a_dead_session_left_is_removed_and_what_lives_is_not(path: Path) -> None:
    child = subprocess.run([sys.executable, "-c", "pass"], check=True)
    assert child.returncode == 0
    dead = replace(identify(), pid=2**22 - 1, start_ticks=1)
    left, living = path.with_name(path.name + "-dead"), path.with_name(path.name + "-living")
    slabs = [create_slab(left, 1, 4096, dead), create_slab(living, 1, 4096, identify())]
    try:
        assert left in set(stale_slabs())
        assert left in remove_stale_slabs()
        assert living.exists() and not left.exists()
    finally:
        for slab in slabs:
            slab.remove()
            slab.close()
