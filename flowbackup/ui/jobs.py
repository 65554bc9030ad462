"""What the page has started: each a folder, so that another tab, and a server that was started
anew, see the same.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from flowbackup.errors import PeerLostError
from flowbackup.model.ids import id_text, new_id
from flowbackup.process import ProcessIdentity, end_process, is_pending
from flowbackup.ui.keeper import END, KEEPER, PROCESS, reserve, write_value
from flowbackup.ui.refusal import Refused

JOB = "job.json"
KEEPER_MODULE = "flowbackup.ui.keeper"
PROGRAM = "from flowbackup.cli.main import main; main()"
"""The command of this installation, wherever its script is."""
JOBS_KEPT = 200
START_SECONDS_MAX = 30.0
"""A tenth of a second is usual."""
HEAR_SECONDS_MAX = 5.0
"""A process that runs hears a signal in milliseconds; one that is stopped, when it goes on."""
LOOK_SECONDS = 0.02
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Job:
    """One command.  kind: run, restore, verify, repair, forget or demo.  words: of the command line
    behind the program.  graph: the file that it runs, or "".  catalog: that it was started with.
    keeper: the process that writes down what it says."""

    job: str
    kind: str
    title: str
    words: tuple[str, ...]
    started_ns: int
    catalog: str
    graph: str = ""
    keeper: dict[str, str | int] = field(default_factory=dict)

    @property
    def command(self) -> str:
        """The command line that does the same; `--json` is for programs."""
        return shlex.join(("flowbackup", *(w for w in self.words if w != "--json")))


class Jobs:
    """The folder of all of them."""

    def __init__(
        self, folder: Path, clock_ns: Callable[[], int] = time.time_ns,
        pause: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._clock_ns = clock_ns
        self._pause = pause
        self._clock = clock

    def start(
        self, kind: str, title: str, words: Sequence[str], *, catalog: Path, graph: str = ""
    ) -> Job:  # fmt: skip
        """Returns at once.  words: begin with the name of a command.  Raises PeerLostError where it
        does not start."""
        made = Job(
            id_text(new_id()), kind, title, tuple(words), self._clock_ns(), str(catalog), graph
        )
        folder = self.folder(made)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._forget_old()
            folder.mkdir(mode=0o700)
            write_value(folder / JOB, asdict(made))
            reserve(folder)
            _start_keeper(folder, words)
        except (OSError, subprocess.SubprocessError) as fault:
            shutil.rmtree(folder, ignore_errors=True)
            why = fault.strerror if isinstance(fault, OSError) else type(fault).__name__
            raise PeerLostError(
                f"the command was not started: {why}",
                remedy=f"look whether there is room in {self._folder}, and try again",
            ) from fault  # fmt: skip
        return replace(made, keeper=read_object(folder / KEEPER))

    def all(self) -> list[Job]:
        """Newest first."""
        found = (self._read(name) for name in sorted(self._names(), reverse=True))
        return [job for job in found if job is not None]

    def find(self, job: str) -> Job:
        """Raises Refused."""
        found = self._read(job) if _ID.fullmatch(job) else None
        if found is None:
            raise Refused(404, "notfound", f"the page has started nothing that is called {job}")
        return found

    def folder(self, job: Job) -> Path:
        """Where it keeps what it says."""
        return self._folder / job.job

    def process(self, job: Job) -> ProcessIdentity | None:
        """Of the command; None while it is being started, or where that failed."""
        return _identity(read_object(self.folder(job) / PROCESS))

    def is_over(self, job: Job) -> bool:
        """Its end is written down, or nobody is left to write it."""
        if (self.folder(job) / END).exists():
            return True
        keeper = _identity(job.keeper)
        return keeper is None or keeper.is_dead()

    def end(self, job: Job, *, now: bool) -> None:
        """As Ctrl-C does; twice for at once.  Raises Refused where there is nothing to end."""
        process = self._wait_process(job)
        if process is None or process.is_dead():
            raise Refused(409, "ended", "it does not run any more")
        end_process(process, 0.0, signal.SIGINT)
        if now:
            self._wait_heard(process)
            end_process(process, 0.0, signal.SIGINT)

    def _wait_heard(self, process: ProcessIdentity) -> None:
        """Of two words that come before the first was heard, one is lost."""
        latest = self._clock() + HEAR_SECONDS_MAX
        while is_pending(process, signal.SIGINT) and self._clock() < latest:
            self._pause(LOOK_SECONDS)

    def _wait_process(self, job: Job) -> ProcessIdentity | None:
        """As `process`; whoever asks at once behind the start is a moment before it."""
        latest = self._clock() + START_SECONDS_MAX
        while (process := self.process(job)) is None and not self.is_over(job):
            if self._clock() > latest:
                return None
            self._pause(LOOK_SECONDS)
        return process

    def _names(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._folder) if _ID.fullmatch(name)]
        except FileNotFoundError:
            return []

    def _read(self, name: str) -> Job | None:
        """None also of one that is being started: nobody is written down yet who keeps it."""
        folder = self._folder / name
        value, keeper = read_object(folder / JOB), folder / KEEPER
        try:
            words = tuple(value["words"])
            made = Job(**{**value, "words": words, "keeper": read_object(keeper)})
        except (KeyError, TypeError):
            return None
        return made if keeper.exists() else None

    def _forget_old(self) -> None:
        """Those that run stay, however many there are."""
        for name in sorted(self._names(), reverse=True)[JOBS_KEPT:]:
            job = self._read(name)
            if job is None or self.is_over(job):
                shutil.rmtree(self._folder / name, ignore_errors=True)


def _start_keeper(folder: Path, words: Sequence[str]) -> None:
    """Raises OSError, SubprocessError."""
    program = (sys.executable, "-c", PROGRAM)
    subprocess.run(
        [sys.executable, "-m", KEEPER_MODULE, str(folder), *program, *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd=folder, start_new_session=True, env=_environment(), check=True,
        timeout=START_SECONDS_MAX,
    )  # fmt: skip


def read_object(path: Path) -> dict[str, Any]:
    """A file that the keeper has written; empty where there is none yet."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _identity(value: dict[str, Any]) -> ProcessIdentity | None:
    try:
        return ProcessIdentity.from_dict(value)
    except (KeyError, TypeError, ValueError):
        return None


def _environment() -> dict[str, str]:
    """That of the server; the command finds flowbackup where this process has it."""
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": paths}
