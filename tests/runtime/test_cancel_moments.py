"""The user's word at fifty random moments: whatever runs ends in order, and nothing is left of it.

Most moments are met by sessions in the process of the test, on a Ray that is up; some by whole
commands, with the start of their own.  How long each took behind the last word is told in the table
of targets and not asserted: it depends on who shares the machine.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import SessionState
from flowbackup.errors import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_SUCCESS,
    InterruptedSessionError,
)
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.compare import differences
from tests.runtime.left_behind import actors_of, hidden_names, is_free, members, slabs, wait_for
from tests.runtime.test_cancel import PLAIN
from tests.targets import Target

pytestmark = [pytest.mark.ray, pytest.mark.slow]
MIB = 1 << 20
QUIET = SilentMonitor()
SEED = int(os.environ.get("FLOWBACKUP_SEED", "0")) or random.SystemRandom().getrandbits(32)
COMMANDS = 6
"""On each of two engines: with the sessions fifty moments."""
SESSIONS = {
    "backup": 16, "copy": 7, "restore": 4, "verify": 3, "repair": 4, "drill": 2, "rebuild": 2,
}  # fmt: skip
SECONDS_MAX = {"backup": 4.0, "copy": 3.0}
"""The latest moment, where it is not that of the others, which are over sooner."""
WORDS = ("first", "second")
NOTHING_LEFT = "ended in order at a random moment, nothing left"


class World:
    """A catalog, two devices, a source of two objects, and what was backed up of it before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalog = folder / "catalog.sqlite"
        self.tag = f"m{os.getpid()}"
        self.devices = [folder / f"{self.tag}{role}" for role in ("head", "mirror")]
        self.random = random.Random(SEED)
        self._runs = 0
        for name, files in (("short", 2), ("long", 40)):
            (folder / name).mkdir()
            for number in range(files):
                (folder / name / f"file{number:02d}").write_bytes(os.urandom(MIB))
        for device in self.devices:
            api.init_device(str(device))
        self._write_graph("before", "")
        self._write_graph("moments", ", rate_limit: 10 MB/s")
        self.backup("before")

    def backup(self, graph: str = "moments") -> int:
        plan = api.load_plan(self.graph(graph))
        return api.run_backup(plan, api.RunSettings(catalog=self.catalog), QUIET).exit_code

    def copy(self) -> int:
        name = self._new_device()
        file = self.folder / f"{name}.yaml"
        file.write_text(
            f"graph: copies\nframe_size: 512 KiB\nsync_size: 1 MiB\ndevices:\n"
            f"  head: {{path: {self.devices[0]}}}\n"
            f"  {name}: {{path: {self.folder / name}, rate_limit: 20 MB/s}}\n"
            f"restore_groups: {{readers: {{devices: [head]}}}}\n"
            f"copy_groups: {{archive: {{copies: readers, devices: [{name}], after: command,\n"
            f"  select: {{versions: all}}}}}}\n"
        )
        settings = api.RunSettings(catalog=self.catalog)
        return api.run_copy(api.load_plan(file), (), settings, QUIET).exit_code

    def restore(self) -> int:
        target = self.folder / f"restored{self._number()}"
        request = api.RestoreRequest(catalog=self.catalog)
        return api.restore("long@1", str(target), request, QUIET).exit_code

    def verify(self) -> int:
        return api.verify([str(self.devices[0])], QUIET, self.catalog).exit_code

    def repair(self) -> int:
        request = api.RepairRequest(catalog=self.catalog, full=True)
        return api.repair([str(self.folder / self._new_device())], request, QUIET).exit_code

    def drill(self) -> int:
        return api.drill("long@1", api.DrillRequest(catalog=self.catalog), QUIET).exit_code

    def rebuild(self) -> int:
        catalog = self.folder / f"rebuilt{self._number()}.sqlite"
        place = str(self.devices[0])
        return api.rebuild([place], QUIET, catalog, mode="paranoid").exit_code

    def graph(self, name: str) -> Path:
        return self.folder / f"{name}.yaml"

    def check_nothing_left(self) -> None:
        wait_for(lambda: not slabs(self.tag))
        devices = [path for path in self.folder.glob(f"{self.tag}*") if path.is_dir()]
        wait_for(lambda: all(map(is_free, devices)))
        assert hidden_names(self.folder) == []
        assert list(self.folder.glob("flowbackup-drill-*")) == []
        with open_catalog(self.catalog) as catalog:
            states = {row.state for row in catalog.sessions()}
        assert states <= {SessionState.FINISHED, SessionState.INTERRUPTED}

    def check_versions(self) -> int:
        """Every version that is listed comes back as it was; how many there are."""
        with open_catalog(self.catalog) as catalog:
            names = [str(version) for row in catalog.objects() for version in catalog.versions(row)]
        for number, name in enumerate(names):
            target = self.folder / f"checked{number}"
            request = api.RestoreRequest(catalog=self.catalog)
            assert api.restore(name, str(target), request, QUIET).exit_code == EXIT_SUCCESS
            source = self.folder / name.partition("/")[2].partition("@")[0]
            assert list(differences(str(source), str(target))) == []
        return len(names)

    def _write_graph(self, name: str, limit: str) -> None:
        head, mirror = self.devices
        self.graph(name).write_text(
            f"graph: {name}\nframe_size: 512 KiB\nsync_size: 1 MiB\n"
            f"clients: {{web: {{objects: {{short: {{path: {self.folder}/short}},\n"
            f"  long: {{path: {self.folder}/long}}}}}}}}\n"
            f"devices:\n  {head.name}: {{path: {head}{limit}}}\n"
            f"  {mirror.name}: {{path: {mirror}}}\n"
            f"backup_groups: {{primary: {{devices: [{head.name}]}}}}\n"
            f"mirror_groups: {{offsite: {{mirrors: primary, devices: [{mirror.name}]}}}}\n"
        )

    def _new_device(self) -> str:
        name = f"{self.tag}new{self._number()}"
        api.init_device(str(self.folder / name))
        return name

    def _number(self) -> int:
        self._runs += 1
        return self._runs


class Words:
    """One or two signals to this process, each at its moment; none behind `close`."""

    def __init__(self, delays: list[float]) -> None:
        self.last = 0.0
        self._lock = threading.Lock()
        self._is_closed = False
        self._timers = [threading.Timer(delay, self._tell) for delay in delays]
        for timer in self._timers:
            timer.start()

    def _tell(self) -> None:
        with self._lock:
            if not self._is_closed:
                self.last = time.monotonic()
                os.kill(os.getpid(), signal.SIGTERM)

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
        for timer in self._timers:
            timer.cancel()


@pytest.fixture
def world(tmp_path: Path, live_ray: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return World(tmp_path)


@contextmanager
def unheard() -> Iterator[None]:
    """A signal between two sessions ends nothing."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def delays(world: World, seconds_max: float, second: bool) -> list[float]:
    first = world.random.uniform(0, seconds_max)
    return [first, first + world.random.uniform(0, 0.5)] if second else [first]


def seconds_behind_word(run: Callable[[], int], moments: list[float]) -> float:
    """0 for a session that was over before."""
    words = Words(moments)
    try:
        assert run() in (EXIT_SUCCESS, EXIT_INTERRUPTED)
    except (InterruptedSessionError, KeyboardInterrupt):
        pass
    finally:
        ended = time.monotonic()
        words.close()
    return ended - words.last if words.last else 0.0


def test_sessions_end_at_random_moments(world: World, target: Target) -> None:
    print(f"seed {SEED}")
    longest = dict.fromkeys(WORDS, 0.0)
    counts = dict.fromkeys(WORDS, 0)
    kinds = [kind for kind, times in SESSIONS.items() for _ in range(times)]
    world.random.shuffle(kinds)
    with unheard():
        for number, kind in enumerate(kinds):
            word = WORDS[number % 3 == 2]
            moments = delays(world, SECONDS_MAX.get(kind, 0.2), word == "second")
            seconds = seconds_behind_word(getattr(world, kind), moments)
            print(f"{kind} told at {moments}: {seconds:.2f} s")
            wait_for(lambda: not actors_of(os.getpid()))
            world.check_nothing_left()
            counts[word] += 1
            longest[word] = max(longest[word], seconds)
    assert world.check_versions() >= 2
    for word in WORDS:
        text = f"sessions on a Ray that is up: {NOTHING_LEFT}; the {word} word (seed {SEED})"
        target("F14", cases=counts[word], text=text, longest_seconds=longest[word])


@pytest.mark.parametrize(("engine", "seconds_max"), [("ray", 8.0), ("local", 5.0)])
def test_commands_end_at_random_moments(
    world: World, target: Target, engine: str, seconds_max: float
) -> None:
    print(f"seed {SEED}")
    command = [
        sys.executable, "-c", PLAIN, "run",
        str(world.graph("moments")), "--catalog", str(world.catalog), "--quiet", "--engine", engine,
    ]  # fmt: skip
    longest = dict.fromkeys(WORDS, 0.0)
    counts = dict.fromkeys(WORDS, 0)
    for number in range(COMMANDS):
        word = WORDS[number % 3 == 2]
        moments = delays(world, seconds_max, word == "second")
        which = world.random.choice((signal.SIGINT, signal.SIGTERM))
        seconds = seconds_of_command(command, which, moments)
        print(f"command told at {moments}: {seconds:.2f} s")
        world.check_nothing_left()
        counts[word] += 1
        longest[word] = max(longest[word], seconds)
    assert world.check_versions() >= 2
    for word in WORDS:
        text = f"commands, engine {engine}: {NOTHING_LEFT}; the {word} word (seed {SEED})"
        target("F14", cases=counts[word], text=text, longest_seconds=longest[word])


def hears(pid: int) -> bool:
    """Does the command hear signals already?  Before, the system ends it, or Python: as a failure,
    if it is just finding out where its packages are."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (caught,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def seconds_of_command(command: list[str], number: signal.Signals, moments: list[float]) -> float:
    """From the last signal, told to the whole group of processes as by a terminal or a service
    that is stopped, to the end of the command."""
    running = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    begun = last = time.monotonic()
    codes = {EXIT_SUCCESS, EXIT_INTERRUPTED, -signal.SIGTERM, -signal.SIGINT}
    for moment in moments:
        try:
            running.wait(max(0.0, begun + moment - time.monotonic()))
        except subprocess.TimeoutExpired:
            last = time.monotonic()
            if not hears(running.pid):
                codes.add(EXIT_FAILED)
            os.killpg(running.pid, number)
    code = running.wait(120)
    ended = time.monotonic()
    assert code in codes
    assert list(Path("/tmp").glob(f"fbr-{running.pid}-*")) == []
    wait_for(lambda: not members(running.pid))
    return ended - last
