"""Real signals to the real command: it ends in order, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import SessionState
from flowbackup.media.labels.label import LOCK_NAME
from flowbackup.media.locks.lock import MediumLock
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.compare import differences
from tests.runtime.left_behind import members, wait_for
from tests.targets import Target

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ENGINES = ("ray", "local")
MIB = 1 << 20
NOTHING_LEFT = "ended in order; no process, lock, memory or temporary file left"


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Of the command, which has a process of its own."""
    return str(getattr(request, "param", "ray"))


@pytest.fixture
def command(tmp_path: Path, engine: str) -> list[str]:
    """A run of two objects to a device of 8 MB/s: two seconds, then six, which is longer than a
    session waits for an object once it is told to end."""
    for name, files in (("first", 16), ("second", 48)):
        (tmp_path / name).mkdir()
        for number in range(files):
            (tmp_path / name / f"file{number:02d}").write_bytes(os.urandom(MIB))
    graph = tmp_path / "graph.yaml"
    graph.write_text(
        f"""
        graph: cancelled
        frame_size: 512 KiB
        sync_size: 1 MiB
        clients:
          web:
            objects:
              first: {{path: {tmp_path}/first}}
              second: {{path: {tmp_path}/second}}
        devices: {{disk: {{path: {tmp_path}/disk, rate_limit: 8 MB/s}}}}
        backup_groups: {{primary: {{devices: [disk]}}}}
        """
    )
    api.init_device(str(tmp_path / "disk"))
    return [
        sys.executable, "-c", "from flowbackup.cli.main import main; main()",
        "run", str(graph), "--catalog", str(tmp_path / "catalog.sqlite"), "--quiet",
        "--engine", engine,
    ]  # fmt: skip


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """In a process group of its own, which gets the signal as from a terminal."""
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def written(tmp_path: Path) -> int:
    """Bytes on the device so far; what is reserved ahead reads as nothing."""
    segments = (tmp_path / "disk" / "segments").glob("*.part")
    return sum(len(segment.read_bytes().rstrip(b"\0")) for segment in segments)


def assert_nothing_left(pid: int, tmp_path: Path) -> None:
    assert list(Path("/tmp").glob(f"fbr-{pid}-*")) == []
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        for row in catalog.sessions():
            assert list(Path("/dev/shm").glob(f"flowbackup-{row.session.hex()}*")) == []
    wait_for(lambda: not members(pid))
    MediumLock(str(tmp_path / "disk" / LOCK_NAME), "disk", "a test").close()
    assert [p for p in (tmp_path / "disk" / "segments").iterdir() if p.name.startswith(".")] == []


def sessions_of(tmp_path: Path) -> list[SessionState]:
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        return [row.state for row in catalog.sessions()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_the_session_at_the_border_of_an_object(
    command: list[str], tmp_path: Path, number: signal.Signals, target: Target
) -> None:
    running = start(command)
    wait_for(lambda: written(tmp_path) > 15 * MIB)
    os.killpg(running.pid, number)
    assert running.wait(60) == 130
    assert_nothing_left(running.pid, tmp_path)
    assert [f.suffix for f in (tmp_path / "disk" / "segments").iterdir()] == [".seg"]
    assert sessions_of(tmp_path) == [SessionState.FINISHED]
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        assert [version.record.name for version in catalog.versions()] == ["first"]
    request = api.RestoreRequest(catalog=tmp_path / "catalog.sqlite")
    api.restore("first", str(tmp_path / "restored"), request, SilentMonitor())
    assert list(differences(str(tmp_path / "first"), str(tmp_path / "restored"))) == []
    target("F14", cases=1, text=NOTHING_LEFT)


def test_an_object_that_takes_longer_is_cut_off_behind_a_frame(
    command: list[str], tmp_path: Path, target: Target
) -> None:
    running = start(command)
    wait_for(lambda: written(tmp_path) > 18 * MIB)
    os.killpg(running.pid, signal.SIGTERM)
    assert running.wait(60) == 130
    assert_nothing_left(running.pid, tmp_path)
    assert written(tmp_path) == 0, "what is durable is sealed"
    assert sessions_of(tmp_path) == [SessionState.FINISHED]
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        assert [version.record.name for version in catalog.versions()] == ["first"]
    assert api.verify([], SilentMonitor(), tmp_path / "catalog.sqlite").exit_code == 0
    target("F14", cases=1, text=NOTHING_LEFT)


def test_the_second_signal_ends_it_at_once(
    command: list[str], tmp_path: Path, target: Target
) -> None:
    running = start(command)
    wait_for(lambda: written(tmp_path) > 2 * MIB)
    for _ in range(2):
        os.killpg(running.pid, signal.SIGINT)
        time.sleep(0.2)
    assert running.wait(60) == 130
    assert_nothing_left(running.pid, tmp_path)
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        assert "second" not in [version.record.name for version in catalog.versions()]
    assert api.verify([], SilentMonitor(), tmp_path / "catalog.sqlite").exit_code == 0
    target("F14", cases=1, text=NOTHING_LEFT)


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_while_ray_starts_leaves_nothing(
    command: list[str], tmp_path: Path, signals: int, target: Target
) -> None:
    running = start(command)
    wait_for(lambda: bool(list(Path("/tmp").glob(f"fbr-{running.pid}-*/session_*/sockets"))))
    for _ in range(signals):
        os.killpg(running.pid, signal.SIGINT)
        time.sleep(0.1)
    # The second one may meet a command that has ended in order, and is leaving: to a shell it is
    # the same.
    assert running.wait(60) in ((130,) if signals == 1 else (130, -signal.SIGINT))
    assert_nothing_left(running.pid, tmp_path)
    assert list((tmp_path / "disk" / "segments").iterdir()) == []
    target("F14", cases=1, text=NOTHING_LEFT)
