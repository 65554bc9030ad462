"""Catalogs that are lost, corrupt, older than their media or on a full disk, and real sessions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import CatalogError
from flowbackup.media.checks.verify import verify_medium
from flowbackup.media.open import open_device
from flowbackup.model.report import SessionReport
from flowbackup.monitor import RecordingMonitor, SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.testing.compare import differences
from flowbackup.testing.trees import random_tree
from tests.catalog.dump import assert_equal, dump

pytestmark = pytest.mark.ray

Chain = Callable[..., Plan]
Backup = Callable[..., SessionReport]
ROOT = Path(__file__).parents[2]
BEHIND_THE_RECORD = ("duration_seconds", "bytes_written", "frames", "syncs")
"""Sealing goes on when the record of a session has been written."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    random_tree(str(place), seed=3)
    return place


def media_of(tmp_path: Path) -> list[str]:
    return sorted(str(place) for place in tmp_path.glob("d?"))


def numbers(catalog: Path) -> list[tuple[int, str]]:
    with open_catalog(catalog) as opened:
        return [(row.number, row.object_id.hex()) for row in opened.versions()]


def test_media_alone_suffice(
    tree: Path, tmp_path: Path, chain_of: Chain, backup: Backup, catalog: Path
) -> None:
    """Two sessions; then nothing is left but one device of three."""
    plan = chain_of(tree, 3, frame_size=1 << 18)
    backup(plan)
    (tree / "new").write_bytes(b"new")
    backup(plan)
    lost = dump(catalog, BEHIND_THE_RECORD)
    catalog.unlink()
    assert api.rebuild(media_of(tmp_path), SilentMonitor(), catalog).exit_code == 0
    assert_equal(dump(catalog, BEHIND_THE_RECORD), lost)
    catalog.unlink()
    for gone in ("d0", "d1"):
        shutil.rmtree(tmp_path / gone)
    command_line(tmp_path, "rebuild", "d2")
    command_line(tmp_path, "restore", "source@2", "--target", "back")
    assert list(differences(str(tree), str(tmp_path / "back"))) == []


def command_line(folder: Path, *words: str, exit_code: int = 0) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment["FLOWBACKUP_CATALOG"] = str(folder / "catalog.sqlite")
    program = "from flowbackup.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=folder, env=environment, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == exit_code, done
    return done.stdout + done.stderr


def test_a_corrupt_catalog_says_the_command_that_helps(
    tree: Path, tmp_path: Path, chain_of: Chain, backup: Backup, catalog: Path
) -> None:
    backup(chain_of(tree, 1))
    lost = dump(catalog, BEHIND_THE_RECORD)
    data = catalog.read_bytes()
    for rot in (b"rot", data[:100] + b"\xff" * (len(data) - 100), b"\xff" * len(data)):
        catalog.write_bytes(rot)
        told = command_line(tmp_path, "objects", exit_code=1)
        (command,) = (line for line in told.splitlines() if "flowbackup rebuild" in line)
        words = command.partition("`flowbackup ")[2].partition("`")[0].split()
        assert words[-1] == "DEVICE..."
        command_line(tmp_path, *words[:-1], *media_of(tmp_path))
        assert_equal(dump(catalog, BEHIND_THE_RECORD), lost)
        (kept,) = tmp_path.glob("catalog.sqlite.before-rebuild-*")
        assert kept.read_bytes() == rot
        kept.unlink()


@pytest.mark.slow
def test_a_backup_on_an_old_catalog_is_told_so_and_numbered_right_by_a_rebuild(
    tree: Path, tmp_path: Path, chain_of: Chain, backup: Backup, catalog: Path
) -> None:
    plan = chain_of(tree, 2)
    reports = [backup(plan)]
    old = catalog.read_bytes()
    reports += [backup(plan), backup(plan)]
    catalog.write_bytes(old)
    monitor = RecordingMonitor()
    reports.append(backup(plan, monitor))
    warned = [text for text in monitor.messages if "does not know" in text]
    assert len(warned) == 2 and f"`flowbackup rebuild {tmp_path / 'd0'}`" in warned[0]
    # What it acknowledged is true; only the number is one that was given before.
    assert reports[-1].objects[0].copies_durable == 2
    assert [report.objects[0].version for report in reports] == [1, 2, 3, 2]
    assert api.rebuild(media_of(tmp_path), SilentMonitor(), catalog).exit_code == 0
    ids = [report.objects[0].object_id.replace("-", "") for report in reports]
    assert numbers(catalog) == list(enumerate(ids, 1))
    monitor = RecordingMonitor()
    assert backup(plan, monitor).objects[0].version == 5
    assert not [text for text in monitor.messages if "does not know" in text]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a catalog of a few versions and no more."""
    place = tmp_path / "small-disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=384k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.root
@pytest.mark.slow
def test_a_full_disk_under_the_catalog_acknowledges_nothing_and_spoils_no_medium(
    tree: Path, tmp_path: Path, chain_of: Chain, live_ray: str, small_disk: Path, catalog: Path
) -> None:
    plan = chain_of(tree, 2, frame_size=1 << 18)
    settings = api.RunSettings(catalog=small_disk / "catalog.sqlite", init=True)
    with open_catalog(small_disk / "catalog.sqlite"):
        (small_disk / "ballast").write_bytes(bytes(100 << 10))
    acknowledged = 0
    with pytest.raises(CatalogError, match="full") as caught:
        while acknowledged < 100:
            api.run_backup(plan, settings, SilentMonitor())
            acknowledged += 1
    assert "make room" in caught.value.remedy
    for agent in plan.agents:
        assert verify_medium(open_device(agent.device), SilentMonitor()).damaged == ()
    assert api.rebuild(media_of(tmp_path), SilentMonitor(), catalog).exit_code == 0
    with open_catalog(catalog) as opened:
        versions = opened.versions()
        assert len(versions) >= acknowledged
        copies = [opened.copies_durable(version) for version in versions]
        # The one that was not acknowledged may have come to one device only.
        assert copies[:acknowledged] == [2] * acknowledged and all(copies)
    request = api.RestoreRequest(catalog=catalog)
    for version in versions:
        target = tmp_path / f"back{version.number}"
        assert api.restore(str(version), str(target), request, SilentMonitor()).exit_code == 0
        assert list(differences(str(tree), str(target))) == []
