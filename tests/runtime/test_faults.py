"""What breaks while a session runs: the others go on, and the outcome says what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import SessionState
from flowbackup.errors import DeviceError, SourceError
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import RecordingMonitor, SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.edges.slab import stale_slabs
from flowbackup.testing.compare import differences
from tests.runtime.left_behind import wait_for

pytestmark = pytest.mark.ray

Chain = Callable[..., Plan]
Backup = Callable[..., SessionReport]
MIB = 1 << 20


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    place.mkdir()
    for number in range(24):
        (place / f"file{number:02d}").write_bytes(os.urandom(MIB))
    return place


@pytest.fixture
def small_file_system(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB at d1."""
    if os.geteuid() != 0:
        pytest.skip("needs root: mount")
    place = tmp_path / "d1"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place)], capture_output=True
    )
    if made.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.root
def test_a_full_mirror_becomes_relay_only_and_the_level_behind_it_gets_every_frame(
    tree: Path, small_file_system: Path, tmp_path: Path, chain_of: Chain, backup: Backup,
    catalog: Path,
) -> None:  # fmt: skip
    plan = chain_of(tree, 3, frame_size=MIB // 2)
    report = backup(plan)
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4)
    assert [d.state for d in report.devices] == ["complete", "relay-only", "complete"]
    assert report.devices[0].frames == report.devices[2].frames
    assert report.objects[0].copies_durable == 2
    assert [p.device for p in report.problems] == ["d1"]
    assert report.bytes_read == 24 * MIB
    with open_catalog(catalog) as opened:
        assert [(v.version.record.name, v.copies) for v in opened.below_copies(3)] == [
            ("source", 2)
        ]
        assert opened.below_copies(2) == []
    (tmp_path / "d0").rename(tmp_path / "away")
    target = tmp_path / "restored"
    api.restore("latest", str(target), api.RestoreRequest(catalog=catalog), SilentMonitor())
    assert list(differences(str(tree), str(target))) == []


def test_a_missing_device_is_refused_before_anything_is_written(
    tree: Path, tmp_path: Path, chain_of: Chain, catalog: Path, live_ray: str
) -> None:
    plan = chain_of(tree, 2)
    api.init_device(str(tmp_path / "d0"))
    with pytest.raises(DeviceError, match="d1"):
        api.run_backup(plan, RunSettings(catalog=catalog), SilentMonitor())
    assert list((tmp_path / "d0" / "segments").iterdir()) == []
    assert api.sessions(catalog) == []


def test_an_empty_mount_point_that_held_a_medium_is_not_written_to(
    tree: Path, tmp_path: Path, chain_of: Chain, backup: Backup
) -> None:
    plan = chain_of(tree, 1)
    backup(plan)
    (tmp_path / "d0").rename(tmp_path / "unmounted")
    (tmp_path / "d0").mkdir()
    with pytest.raises(DeviceError, match="is empty, but held medium"):
        backup(plan)
    assert list((tmp_path / "d0").iterdir()) == []


def test_a_missing_source_is_refused_before_anything_is_written(
    tmp_path: Path, chain_of: Chain, backup: Backup
) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        backup(chain_of(tmp_path / "nowhere", 1))


def test_everything_that_is_missing_is_told_at_once_with_what_to_do(
    tmp_path: Path, chain_of: Chain, catalog: Path
) -> None:
    plan = chain_of(tmp_path / "nowhere", 2)
    with pytest.raises(SourceError) as caught:
        api.run_backup(plan, RunSettings(catalog=catalog), SilentMonitor())
    lines = str(caught.value).splitlines()
    for line, (what, remedy) in zip(
        lines,
        [("nowhere", "correct its path"), ("d0", "device init"), ("d1", "device init")],
        strict=True,
    ):
        assert what in line and remedy in line


def test_a_slow_device_slows_reading_and_memory_stays_as_planned(
    tree: Path, tmp_path: Path, catalog: Path, live_ray: str
) -> None:
    graph = tmp_path / "slow.yaml"
    graph.write_text(
        f"""
        graph: slow
        compression: none
        frame_size: 512 KiB
        sync_size: 1 MiB
        clients: {{here: {{objects: {{source: {{path: {tree}}}}}}}}}
        devices:
          fast: {{kind: "null"}}
          slow: {{kind: "null", rate_limit: 12 MB/s}}
        backup_groups: {{primary: {{devices: [fast], buffers: 4}}}}
        mirror_groups: {{second: {{mirrors: primary, devices: [slow], buffers: 4}}}}
        """
    )
    monitor = RecordingMonitor()
    report = api.run_backup(api.load_plan(graph), RunSettings(catalog=catalog), monitor)
    assert report.outcome is Outcome.SUCCESS
    edges = [edge for snapshot in monitor.snapshots for edge in snapshot.edges]
    assert max(edge.slots_used for edge in edges) <= 4
    ahead = [s.bytes_read - s.edges[1].bytes_durable for s in monitor.snapshots]
    # Frames in the window, and the one that is being filled beside the one on its way.
    assert max(ahead) <= 6 * (MIB // 2 + MIB // 8)
    assert any("slow" in edge.waiting_for for edge in edges)


@pytest.mark.slow
def test_a_killed_driver_leaves_valid_media_and_the_same_command_completes(
    tmp_path: Path,
) -> None:
    source, device, catalog = tmp_path / "source", tmp_path / "d0", tmp_path / "catalog.sqlite"
    source.mkdir()
    for number in range(40):
        (source / f"file{number:02d}").write_bytes(os.urandom(8 * MIB))
    command = [
        sys.executable, "-c", "from flowbackup.cli.main import main; main()",
        "backup", str(source), "--to", str(device), "--catalog", str(catalog), "--json",
    ]  # fmt: skip
    victim = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    segments = device / "segments"
    wait_for(lambda: any(s.stat().st_size > 16 * MIB for s in segments.glob("*.part")))
    victim.kill()
    victim.wait()
    with open_catalog(catalog) as opened:
        assert [row.state for row in opened.sessions()] == [SessionState.INTERRUPTED]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    with open_catalog(catalog) as opened:
        states = [row.state for row in opened.sessions()]
        assert states == [SessionState.FINISHED, SessionState.INTERRUPTED]
    assert api.verify([], SilentMonitor(), catalog).outcome is Outcome.SUCCESS
    target = tmp_path / "restored"
    api.restore("latest", str(target), api.RestoreRequest(catalog=catalog), SilentMonitor())
    assert list(differences(str(source), str(target))) == []
    assert list(stale_slabs()) == []
