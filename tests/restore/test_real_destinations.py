"""Destinations that are really full, or really slow."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.errors import RestoreError
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.compare import differences
from flowbackup.units import KIB, MIB
from tests.faults.small_disk import run
from tests.local_backup import LocalBackup

FILES, FILE_BYTES = 8, 700 * KIB
LARGE_BYTES = 96 * MIB
AHEAD_BYTES_MAX = 32 * MIB


@pytest.fixture
def small_destination(memory_path: Path) -> Iterator[Path]:
    """A file system that takes half of the tree."""
    place = memory_path / "destination"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("missing: root")
    try:
        run("mount", "-t", "tmpfs", "-o", f"size={FILES * FILE_BYTES // 2}", "tmpfs", str(place))
    except OSError as error:
        pytest.skip(f"missing: the right to mount: {error}")
    yield place
    run("umount", str(place))


@pytest.mark.root
def test_a_full_destination_is_told_and_keeps_whole_files_only(
    memory_path: Path, small_destination: Path
) -> None:
    source = memory_path / "site"
    source.mkdir()
    for number in range(FILES):
        (source / f"file{number}").write_bytes(os.urandom(FILE_BYTES))
    local = LocalBackup(memory_path, "nas")
    local.run(source, "nas")
    request = api.RestoreRequest(catalog=local.catalog_path)
    target = small_destination / "back"
    with pytest.raises(RestoreError, match="No space left"):
        api.restore("site", str(target), request, SilentMonitor())
    there = {path.name: path.read_bytes() for path in target.iterdir()}
    assert 0 < len(there) < FILES
    assert all(data == (source / name).read_bytes() for name, data in there.items())
    run("mount", "-o", f"remount,size={4 * FILES * FILE_BYTES}", str(small_destination))
    again = api.RestoreRequest(catalog=local.catalog_path, overwrite="changed")
    api.restore("site", str(target), again, SilentMonitor())
    assert list(differences(str(source), str(target))) == []


@pytest.mark.slow
def test_a_reader_that_takes_nothing_makes_a_restore_wait_and_not_grow(memory_path: Path) -> None:
    source = memory_path / "site"
    source.mkdir()
    (source / "large").write_bytes(os.urandom(MIB) * (LARGE_BYTES // MIB))
    local = LocalBackup(memory_path, "nas")
    local.run(source, "nas")
    program = "from flowbackup.cli.main import main; main()"
    command = ["cat", "site:large", "--catalog", str(local.catalog_path)]
    with subprocess.Popen(
        [sys.executable, "-c", program, *command], stdout=subprocess.PIPE
    ) as restore:
        assert restore.stdout is not None
        first = restore.stdout.read(1)
        begun = peak_bytes(restore.pid)
        rest = restore.stdout.read(LARGE_BYTES - MIB - 1)
        # It cannot have ended: more is missing than a pipe holds.
        assert restore.poll() is None
        assert peak_bytes(restore.pid) - begun < AHEAD_BYTES_MAX
        last = restore.stdout.read()
    assert restore.returncode == 0
    assert first + rest + last == (source / "large").read_bytes()


def peak_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) * KIB
