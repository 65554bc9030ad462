"""Memory does not grow with the number of files: whole sessions, each in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup.units import MIB
from tests.scale.peak import make_tree, peak_bytes

FEW, MANY = 36_000, 126_000
"""Behind the few everything is there that there will be: frames, pages, the second process."""
GROWTH_BYTES_MAX = {"backup": 10 * MIB, "restore": 10 * MIB}
"""The same run twice differs by half of it, as its threads come to be at work together; 120 bytes
that are kept of each file take more."""


@pytest.mark.slow
def test_memory_is_that_of_few_files_for_many(tmp_path: Path) -> None:
    peaks = {}
    for files in (FEW, MANY):
        folder = tmp_path / str(files)
        make_tree(folder, files)
        peaks[files] = {name: peak_bytes(name, folder) for name in GROWTH_BYTES_MAX}
    for name, most in GROWTH_BYTES_MAX.items():
        assert peaks[MANY][name] - peaks[FEW][name] < most, f"{name}: {peaks}"
