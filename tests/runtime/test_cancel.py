"""Real signals to the real command: it ends in order, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import SessionState
from flowbackup.media.labels.label import LOCK_NAME
from flowbackup.media.locks.lock import MediumLock
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.compare import differences
from tests.runtime.left_behind import members, tell, wait_for
from tests.runtime.losses.moments import FRAME, Moment, Script
from tests.runtime.unended import Unended
from tests.targets import Target

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ENGINES = ("ray", "local")
MIB = 1 << 20
ROOT = Path(__file__).parents[2]
PATIENT_END = """
from flowbackup import leaving

# How long those that it has killed take to die, and its last word to be said, is no matter here.
leaving.DIE_SECONDS_MAX = leaving.TELL_SECONDS_MAX = 30.0
"""
PLAIN = f"""{PATIENT_END}
from flowbackup.cli.main import main
main()
"""
HASTY_READER = """
from flowbackup.cli.main import main
from flowbackup.runtime import signals
from flowbackup.runtime.cancel import Part
from tests.runtime.losses.command import PatientCancel

PatientCancel.parts -= {Part.READ}
signals.Cancel = PatientCancel
main()
"""
STARTING = f"""{PATIENT_END}
import sys, time
from pathlib import Path
from flowbackup.cli.main import main
from flowbackup.runtime.engines import lean_ray

folder = Path(sys.argv.pop(1))
go_on = lean_ray._no_api_server

def hold(*arguments, **settings):
    (folder / "starting").touch()
    while not (folder / "told").exists():
        time.sleep(0.01)
    return go_on(*arguments, **settings)

lean_ray._no_api_server = hold
main()
"""
"""In the middle of the start of Ray it waits until it was told."""
NOTHING_LEFT = "ended in order; no process, lock, memory or temporary file left"


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """Of the command, which has a process of its own."""
    return str(getattr(request, "param", "ray"))


class Command:
    """A run of two objects, of which the second has no end.  Told to end in order, it has all the
    time that it needs for what it does then: how soon it is over, others ask."""

    def __init__(self, folder: Path, engine: str) -> None:
        self._folder = folder
        self.unended = Unended(folder)
        (folder / "first").mkdir()
        for number in range(16):
            (folder / "first" / f"file{number:02d}").write_bytes(os.urandom(MIB))
        (folder / "graph.yaml").write_text(
            f"""
            graph: cancelled
            frame_size: 512 KiB
            sync_size: 1 MiB
            clients:
              web:
                objects:
                  first: {{path: {folder}/first}}
                  second: {self.unended.written}
            devices: {{disk: {{path: {folder}/disk}}}}
            backup_groups: {{primary: {{devices: [disk], buffers: 8}}}}
            """
        )
        api.init_device(str(folder / "disk"))
        self._words = [
            "run", str(folder / "graph.yaml"), "--catalog", str(folder / "catalog.sqlite"),
            "--engine", engine,
        ]  # fmt: skip

    def start(self, *program: str) -> subprocess.Popen[bytes]:
        """In a process group of its own, which gets the signal as from a terminal."""
        with (self._folder / "said").open("wb") as said:
            return subprocess.Popen(
                [sys.executable, *program, *self._words],
                cwd=ROOT, stdout=said, stderr=said, start_new_session=True,
            )  # fmt: skip

    @property
    def said(self) -> str:
        return (self._folder / "said").read_text()


@pytest.fixture
def command(tmp_path: Path, engine: str) -> Iterator[Command]:
    made = Command(tmp_path, engine)
    with made.unended.ending():
        yield made


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
    command: Command, tmp_path: Path, number: signal.Signals, target: Target
) -> None:
    """It comes in the middle of the first one: the device stands still until it is heard."""
    script = Script(tmp_path / "script", Moment("disk", FRAME, 16))
    module = ("-m", "tests.runtime.losses.command", str(script.folder), "disk", FRAME, "16")
    running = command.start(*module)

    def act() -> None:
        tell(running, number)
        wait_for(lambda: "once more" in command.said)

    with script.acting(act):
        wait_for(lambda: script.is_over or running.poll() is not None)
    assert running.wait(120) == 130, command.said
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
    command: Command, tmp_path: Path, target: Target
) -> None:
    running = command.start("-c", HASTY_READER)
    wait_for(lambda: written(tmp_path) > 18 * MIB)
    tell(running, signal.SIGTERM)
    assert running.wait(120) == 130, command.said
    assert_nothing_left(running.pid, tmp_path)
    assert written(tmp_path) == 0, "what is durable is sealed"
    assert sessions_of(tmp_path) == [SessionState.FINISHED]
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        assert [version.record.name for version in catalog.versions()] == ["first"]
    assert api.verify([], SilentMonitor(), tmp_path / "catalog.sqlite").exit_code == 0
    target("F14", cases=1, text=NOTHING_LEFT)


def test_the_second_signal_ends_it_at_once(
    command: Command, tmp_path: Path, target: Target
) -> None:  # fmt: skip
    running = command.start("-c", PLAIN)
    wait_for(lambda: written(tmp_path) > 2 * MIB)
    tell(running, signal.SIGINT, signal.SIGINT)
    assert running.wait(120) == 130, command.said
    assert_nothing_left(running.pid, tmp_path)
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        assert "second" not in [version.record.name for version in catalog.versions()]
    assert api.verify([], SilentMonitor(), tmp_path / "catalog.sqlite").exit_code == 0
    target("F14", cases=1, text=NOTHING_LEFT)


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_while_ray_starts_leaves_nothing(
    command: Command, tmp_path: Path, signals: int, target: Target
) -> None:
    running = command.start("-c", STARTING, str(tmp_path))
    wait_for((tmp_path / "starting").exists)
    tell(running, *[signal.SIGINT] * signals)
    (tmp_path / "told").touch()
    # The second one may meet a command that has ended in order, and is leaving: to a shell it is
    # the same.
    assert running.wait(120) in ((130,) if signals == 1 else (130, -signal.SIGINT)), command.said
    assert_nothing_left(running.pid, tmp_path)
    assert list((tmp_path / "disk" / "segments").iterdir()) == []
    target("F14", cases=1, text=NOTHING_LEFT)
