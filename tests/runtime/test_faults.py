"""What breaks while a session runs: the others go on, and the outcome says what is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import SessionState
from flowbackup.errors import DeviceError, SourceError
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Progress, RecordingMonitor, SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.crew import crew
from flowbackup.testing.compare import differences
from tests.runtime.gates import Gates
from tests.runtime.left_behind import is_free, slabs, wait_for
from tests.runtime.losses.moments import FRAME, Moment, Script

pytestmark = pytest.mark.ray

Chain = Callable[..., Plan]
Backup = Callable[..., SessionReport]
MIB = 1 << 20
ROOT = Path(__file__).parents[2]


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


class UntilItWaits(RecordingMonitor):
    """Opens the gate of the slow device when everything waits for it, or nothing does."""

    def __init__(self, gates: Gates, bytes_total: int) -> None:
        super().__init__()
        self._gates = gates
        self._bytes_total = bytes_total
        self._rounds_left = 2
        self.at_the_gate: list[Progress] = []

    def progress(self, progress: Progress) -> None:
        super().progress(progress)
        if not self._gates.is_reached:
            return
        self.at_the_gate.append(progress)
        is_waiting = any("slow" in edge.waiting_for for edge in progress.edges)
        self._rounds_left -= is_waiting
        if not self._rounds_left or progress.bytes_read == self._bytes_total:
            self._gates.open()


def test_a_slow_device_slows_reading_and_memory_stays_as_planned(
    tree: Path, tmp_path: Path, catalog: Path, live_ray: str, monkeypatch: pytest.MonkeyPatch
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
          slow: {{kind: "null"}}
        backup_groups: {{primary: {{devices: [fast], buffers: 4}}}}
        mirror_groups: {{second: {{mirrors: primary, devices: [slow], buffers: 4}}}}
        """
    )
    gates = Gates(tmp_path / "gates", "slow", 9)
    monkeypatch.setattr(crew, "MediaAgent", gates.agent(crew.MediaAgent))
    monitor = UntilItWaits(gates, 24 * MIB)
    report = api.run_backup(api.load_plan(graph), RunSettings(catalog=catalog), monitor)
    assert report.outcome is Outcome.SUCCESS
    edges = [edge for snapshot in monitor.snapshots for edge in snapshot.edges]
    assert max(edge.slots_used for edge in edges) <= 4
    # Frames in the window, and the one that is being filled beside the one on its way.
    ahead_max = 6 * (MIB // 2 + MIB // 8)
    still = monitor.at_the_gate[-1]
    assert 0 < still.bytes_read - still.edges[1].bytes_durable <= ahead_max
    # Elsewhere the client may have been asked long after the buffer: the next answer counts.
    pairs = pairwise(monitor.snapshots)
    assert max(s.bytes_read - later.edges[1].bytes_durable for s, later in pairs) <= ahead_max
    assert any("slow" in edge.waiting_for for edge in edges)


@pytest.mark.slow
def test_a_killed_driver_leaves_valid_media_and_the_same_command_completes(
    tmp_path: Path,
) -> None:
    source, device, catalog = tmp_path / "source", tmp_path / "d0", tmp_path / "catalog.sqlite"
    source.mkdir()
    for number in range(40):
        (source / f"file{number:02d}").write_bytes(os.urandom(8 * MIB))
    words = ["backup", str(source), "--to", str(device), "--catalog", str(catalog), "--json"]
    script = Script(tmp_path / "script", Moment("d0", FRAME, 12))
    module = ["tests.runtime.losses.command", str(script.folder), "d0", FRAME, "12"]
    victim = subprocess.Popen(
        [sys.executable, "-m", *module, *words], stdout=subprocess.DEVNULL, cwd=ROOT
    )
    with script.acting(victim.kill):
        wait_for(lambda: script.is_over or victim.poll() is not None)
    assert victim.wait() == -signal.SIGKILL
    wait_for(lambda: is_free(device))
    with open_catalog(catalog) as opened:
        assert [row.state for row in opened.sessions()] == [SessionState.INTERRUPTED]
    plain = ["-c", "from flowbackup.cli.main import main; main()"]
    subprocess.run([sys.executable, *plain, *words], check=True, stdout=subprocess.DEVNULL)
    with open_catalog(catalog) as opened:
        sessions = [row.session for row in opened.sessions()]
        states = [row.state for row in opened.sessions()]
        assert states == [SessionState.FINISHED, SessionState.INTERRUPTED]
    assert api.verify([], SilentMonitor(), catalog).outcome is Outcome.SUCCESS
    target = tmp_path / "restored"
    api.restore("latest", str(target), api.RestoreRequest(catalog=catalog), SilentMonitor())
    assert list(differences(str(source), str(target))) == []
    assert [slab for session in sessions for slab in slabs(session.hex())] == []
