"""The main job: one read, a chain of devices, and back, on a live Ray."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.model.source_rules import SourceRules
from flowbackup.monitor import RecordingMonitor, SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.testing.compare import differences
from flowbackup.testing.trees import random_tree, torture_tree

pytestmark = pytest.mark.ray
ENGINES = ("ray", "local")

Chain = Callable[..., Plan]
Backup = Callable[..., SessionReport]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    random_tree(str(place), seed=7)
    return place


@pytest.fixture
def plain_tree(tmp_path: Path) -> Path:
    """Files without holes and links: every byte of their size is there to be read."""
    place = tmp_path / "plain"
    place.mkdir()
    for number, size in enumerate((0, 1, 4096, 1_000_000, 9_000_000)):
        (place / f"file{number}").write_bytes(os.urandom(size))
    return place


@pytest.mark.parametrize("devices", [1, 2, 3])
def test_the_source_is_read_once_and_every_device_has_every_frame(
    plain_tree: Path, chain_of: Chain, backup: Backup, devices: int
) -> None:
    report = backup(chain_of(plain_tree, devices))
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0)
    size_bytes = sum(path.stat().st_size for path in plain_tree.iterdir())
    assert report.bytes_read == report.bytes_source == size_bytes
    assert [device.level for device in report.devices] == list(range(devices))
    assert len({device.frames for device in report.devices}) == 1
    assert report.objects[0].copies_durable == devices


def test_what_the_rules_leave_out_is_not_read(
    plain_tree: Path, chain_of: Chain, backup: Backup, catalog: Path
) -> None:
    rules = SourceRules(exclude=("file*", "!file[23]"))
    report = backup(chain_of(plain_tree, 1, rules=rules))
    assert report.outcome is Outcome.SUCCESS
    assert (report.files, report.bytes_read, report.bytes_source) == (2, 1_004_096, 1_004_096)
    found = {entry.path for entry in api.entries("latest", catalog, recursive=True)}
    assert found - {b""} == {b"file2", b"file3"}


def test_every_level_alone_gives_the_tree_back(
    tree: Path, tmp_path: Path, chain_of: Chain, backup: Backup, catalog: Path
) -> None:
    backup(chain_of(tree, 3))
    for level in range(3):
        hidden = [tmp_path / f"d{other}" for other in range(3) if other != level]
        for device in hidden:
            device.rename(device.with_suffix(".away"))
        target = tmp_path / f"restored{level}"
        request = api.RestoreRequest(catalog=catalog)
        report = api.restore("latest", str(target), request, SilentMonitor())
        assert report.outcome is Outcome.SUCCESS
        assert list(differences(str(tree), str(target))) == []
        for device in hidden:
            device.with_suffix(".away").rename(device)


def test_the_torture_tree_comes_back(
    tmp_path: Path, chain_of: Chain, backup: Backup, catalog: Path
) -> None:
    source, target = tmp_path / "torture", tmp_path / "restored"
    torture_tree(str(source), depth=300, links=30)
    report = backup(chain_of(source, 2))
    assert report.outcome is Outcome.SUCCESS, report.problems
    monitor = RecordingMonitor()
    api.restore("latest", str(target), api.RestoreRequest(catalog=catalog), monitor)
    assert monitor.problems == []
    assert list(differences(str(source), str(target))) == []


def flip_first_byte(catalog: Path, frame_number: int, device: Path) -> None:
    """Damages the payload of the n-th frame of the newest version on one device."""
    with open_catalog(catalog) as opened:
        frame = opened.frames_of(opened.resolve("latest"))[frame_number].frame
        place = next(p for info, p in opened.places(frame) if info.device == device.name)
    (segment,) = (device / "segments").iterdir()
    segment.chmod(0o600)
    with segment.open("r+b") as file:
        file.seek(place.offset + 4096)
        byte = file.read(1)
        file.seek(place.offset + 4096)
        file.write(bytes([byte[0] ^ 1]))


def test_damaged_copies_are_healed_from_each_other_and_told(
    tree: Path, tmp_path: Path, chain_of: Chain, backup: Backup, catalog: Path
) -> None:
    backup(chain_of(tree, 2, frame_size=1 << 18))
    flip_first_byte(catalog, 0, tmp_path / "d0")
    flip_first_byte(catalog, 1, tmp_path / "d1")
    monitor = RecordingMonitor()
    target = tmp_path / "restored"
    report = api.restore("latest", str(target), api.RestoreRequest(catalog=catalog), monitor)
    assert report.outcome is Outcome.SUCCESS
    assert {problem.kind for problem in monitor.problems} == {"healed"}
    assert list(differences(str(tree), str(target))) == []


def test_verify_names_the_device_and_the_paths_of_a_damage(
    tree: Path, tmp_path: Path, chain_of: Chain, backup: Backup, catalog: Path
) -> None:
    backup(chain_of(tree, 2, frame_size=1 << 18))
    assert api.verify([], SilentMonitor(), catalog).outcome is Outcome.SUCCESS
    flip_first_byte(catalog, 0, tmp_path / "d1")
    monitor = RecordingMonitor()
    report = api.verify([], monitor, catalog)
    assert report.outcome is Outcome.FAILED
    assert {d.name: d.state for d in report.devices} == {"d0": "sound", "d1": "damaged"}
    (problem,) = monitor.problems
    assert problem.device == "d1" and "source@1: " in problem.text


def test_small_files_share_frames(tmp_path: Path, chain_of: Chain, backup: Backup) -> None:
    source = tmp_path / "many"
    source.mkdir()
    content = os.urandom(10_240)
    for number in range(1000):
        (source / f"{number:04d}").write_bytes(content[:-2] + number.to_bytes(2, "big"))
    report = backup(chain_of(source, 1, frame_size=1 << 20))
    # 102 files fill a frame of 1 MiB, so ten of them and what the manifest and records need.
    data_frames = -(-1000 // 102)
    assert data_frames <= report.devices[0].frames <= data_frames + 4


def test_each_run_is_a_version_of_its_own_id(
    tree: Path, chain_of: Chain, backup: Backup, catalog: Path
) -> None:
    plan = chain_of(tree, 1)
    first, second = backup(plan).objects[0], backup(plan).objects[0]
    assert (first.version, second.version) == (1, 2)
    assert first.object_id != second.object_id
    assert [row.versions for row in api.objects(catalog)] == [2]
