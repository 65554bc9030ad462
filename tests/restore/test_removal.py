"""What was restored for a look goes away, whatever it is, and nothing else does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowbackup.restore.removal import remove_tree

DEEP = 3000
"""Deeper than the recursion of Python, and far longer than a path may be."""


def test_a_tree_of_any_depth_and_mode_goes_away(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    here = os.open(place, os.O_RDONLY)
    for _ in range(DEEP):
        os.close(os.open("file", os.O_CREAT, dir_fd=here))
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.fchmod(below, 0o000)
        os.close(here)
        here = below
    os.close(here)
    remove_tree(os.fsencode(place))
    assert list(tmp_path.iterdir()) == []


def test_no_link_is_followed(tmp_path: Path) -> None:
    place, other = tmp_path / "place", tmp_path / "other"
    for folder in (place, other):
        folder.mkdir()
    (other / "mine").write_text("kept")
    (place / "link").symlink_to(other)
    os.mkfifo(place / "fifo")
    remove_tree(os.fsencode(place))
    assert (other / "mine").read_text() == "kept"
    assert not place.exists()
    place.symlink_to(other)
    with pytest.raises(OSError, match="Not a directory"):
        remove_tree(os.fsencode(place))
    assert (other / "mine").exists()
