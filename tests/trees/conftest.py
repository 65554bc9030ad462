"""Folders for trees that are too deep for Python to remove, on a file system that takes all kinds
of attributes; and an ordinary user."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest

USER = 54_321
"""A number that has no name, in no group."""

AsUser = Callable[[], AbstractContextManager[None]]


@contextmanager
def roomy_folder(otherwise: Path) -> Iterator[Path]:
    """A folder in memory, where attributes may have 64 KiB, which ext4 does not take."""
    memory = os.access("/dev/shm", os.W_OK)
    folder = Path(mkdtemp(prefix="flowbackup-test-", dir="/dev/shm" if memory else otherwise))
    try:
        yield folder
    finally:
        subprocess.run(["chattr", "-R", "-f", "-i", "-a", folder], check=False)
        subprocess.run(["rm", "-rf", folder], check=True)


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Path]:
    """As `roomy_folder`, for one test."""
    with roomy_folder(tmp_path) as folder:
        yield folder


@pytest.fixture
def as_user() -> AsUser:
    """A context in which this process has the rights of an ordinary user."""
    if os.geteuid():
        pytest.skip("root, to become an ordinary user")
    return _ordinary


@contextmanager
def _ordinary() -> Iterator[None]:
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(USER)
    os.seteuid(USER)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
