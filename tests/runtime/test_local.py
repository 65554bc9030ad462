"""What a session in one process does where no process can be ended: it ends all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.media.port import FrameWriter
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.process import END_SECONDS_MAX, end_process, identify
from flowbackup.runtime.actors.media_agent import MediaAgent
from flowbackup.runtime.crew import crew
from flowbackup.testing.compare import differences
from flowbackup.units import MIB
from tests.runtime.left_behind import tell, wait_for

FILES = 24
HANGING = """
import sys, time
from pathlib import Path
from flowbackup.cli.main import main
from flowbackup.runtime.crew import crew

ACTOR, METHOD, NTH = sys.argv[1], sys.argv[2], int(sys.argv[3])
kind = getattr(crew, ACTOR)
calls = []

class Hanging(kind):
    pass

def hang(self, *arguments):
    calls.append(None)
    if len(calls) == NTH:
        Path("hangs").touch()
        time.sleep(600)
    return getattr(kind, METHOD)(self, *arguments)

setattr(Hanging, METHOD, hang)
setattr(crew, ACTOR, Hanging)
sys.argv[1:] = sys.argv[4:]
main()
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    place.mkdir()
    for number in range(FILES):
        (place / f"file{number:02d}").write_bytes(os.urandom(MIB))
    return place


@pytest.fixture
def plan(source: Path, chain_of: Callable[..., Plan]) -> Plan:
    return chain_of(source, 2, frame_size=MIB, name="local")


@pytest.fixture
def run(plan: Plan, catalog: Path) -> Callable[[], SessionReport]:
    settings = RunSettings(catalog=catalog, create=True, engine="local")
    return lambda: api.run_backup(plan, settings, SilentMonitor())


@pytest.mark.parametrize("where", [("MediaAgent", "_append", 5), ("Client", "_read", 1)])
def test_the_command_ends_while_a_thread_hangs(
    source: Path, tmp_path: Path, where: tuple[str, str, int]
) -> None:
    words = ["backup", "source", "--to", "d0", "--frame-size", "1 MiB", "--engine", "local"]
    command = subprocess.Popen(
        [sys.executable, "-c", HANGING, *map(str, where), *words, "--catalog", "c.sqlite", "-q"],
        cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    wait_for((tmp_path / "hangs").exists)
    tell(command, signal.SIGINT, signal.SIGINT)
    # Its thread hangs for ten times as long.
    assert command.wait(60) == 130
    assert api.verify([], SilentMonitor(), tmp_path / "c.sqlite").exit_code == 0


def test_this_process_is_never_ended_for_one_of_its_threads() -> None:
    assert not end_process(identify(), END_SECONDS_MAX)
    assert crew.another(identify()) is None


def test_an_agent_that_breaks_is_replaced_and_nothing_is_read_again(
    run: Callable[[], SessionReport], source: Path, catalog: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    broken: list[str] = []

    class Breaking(MediaAgent):
        def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
            if self._settings.agent.endswith("d1") and not broken and len(self._durable) > 4:
                broken.append(self._settings.agent)
                raise ValueError("broken")
            super()._append(writer, frame)

        def _give_back(self) -> None:
            time.sleep(0.2)  # the one who takes its place is there before
            super()._give_back()

    monkeypatch.setattr(crew, "MediaAgent", Breaking)
    report = run()
    assert broken and report.outcome is Outcome.SUCCESS
    assert [problem.kind for problem in report.problems] == ["restarted"]
    assert report.bytes_read == FILES * MIB
    assert api.verify([], SilentMonitor(), catalog).exit_code == 0
    (tmp_path / "d0").rename(tmp_path / "away")
    api.restore("latest", str(tmp_path / "back"), api.RestoreRequest(catalog), SilentMonitor())
    assert list(differences(str(source), str(tmp_path / "back"))) == []


def test_slots_are_no_files_that_could_stay_behind(
    run: Callable[[], SessionReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    are_files: list[bool] = []

    class Looking(MediaAgent):
        def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
            are_files.append(Path(self._settings.slab.path).exists())
            super()._append(writer, frame)

    monkeypatch.setattr(crew, "MediaAgent", Looking)
    assert run().outcome is Outcome.SUCCESS
    assert are_files and not any(are_files)
