"""One trial: the tests are run in a private copy of the repository with one file changed.

The trial is a forked child of this process, which has loaded pytest and the libraries once, so that
a trial costs little more than its tests.  The copy stands in PYTHONPATH: programs that the tests
start are of the copy too.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pytest
from hypothesis import Phase, settings

from tests.mutation.watch import Calls, Chosen, Ran

PROFILE = "mutation"
OPTIONS = (
    "-q", "-x", "-o", "faulthandler_timeout=0", "-W", "ignore::pytest.PytestAssertRewriteWarning",
    f"--hypothesis-profile={PROFILE}",
)  # fmt: skip
LIBRARIES = (
    "blake3", "click", "networkx", "numpy", "pyarrow", "pyarrow.compute", "pydantic", "ray",
    "rich.console", "ruamel.yaml", "xxhash", "hypothesis.strategies",
)  # fmt: skip
SECONDS_MAX = 900.0
"""A trial that takes longer hangs in a way that its own watch does not see."""
DATA_BYTES_MAX = 6 << 30
FILE_BYTES_MAX = 4 << 30
"""What is broken may ask for any amount of memory, or write without end."""
NO_TESTS = int(pytest.ExitCode.NO_TESTS_COLLECTED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """by: the test that failed, "" where all passed."""

    by: str
    seconds: float


def load_libraries() -> None:
    """Once, before the first trial."""
    for name in LIBRARIES:
        importlib.import_module(name)
    settle_profile()


def settle_profile() -> None:
    """The way of hypothesis in a trial: the same examples each time, and no search for the
    smallest one that fails."""
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile(
        PROFILE, deadline=None, phases=phases, derandomize=True, database=None
    )


class Bench:
    """A copy of the repository in which one trial runs at a time."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = folder / "copy"
        self._folder = folder
        ignored = shutil.ignore_patterns("__pycache__", ".*", "build")
        shutil.copytree(root, self.root, symlinks=True, ignore=ignored)
        self._pid = 0
        self._since = 0.0
        self._changed: tuple[Path, bytes] | None = None

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:  # fmt: skip
        if self._pid:
            os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        shutil.rmtree(self._folder)

    def measure(self, house: str, paths: Sequence[str], marks: str) -> dict[str, Ran]:
        """Runs the tests of these paths on what is not broken.  Raises RuntimeError if one fails:
        then nothing can be said about mutants."""
        answer = self._folder / "ran.json"

        def run() -> int:
            calls = Calls(self.root, house)
            code = pytest.main([*OPTIONS, "-m", marks, *paths], plugins=[calls])
            value = {
                test: (ran.seconds, sorted(ran.functions)) for test, ran in calls.tests.items()
            }
            answer.write_text(json.dumps(value))
            return int(code)

        self._fork(run)
        _, status = os.waitpid(self._pid, 0)
        self._end()
        if status:
            raise RuntimeError(f"the tests fail as they are:\n{self._said()}")
        value = json.loads(answer.read_text())
        return {test: Ran(seconds, frozenset(names)) for test, (seconds, names) in value.items()}

    def start(
        self, path: str, content: bytes, tests: Sequence[str], seconds: dict[str, float]
    ) -> None:
        """Begins to run these tests, in this order, with that content of the file at `path`."""
        file = self.root / path
        self._changed = file, file.read_bytes()
        file.write_bytes(content)
        paths = dict.fromkeys(test.partition("::")[0] for test in tests)

        def run() -> int:
            with open(self._folder / "hanging", "w") as log:
                chosen = Chosen(tests, seconds, log)
                code = pytest.main([*OPTIONS, *paths], plugins=[chosen])
            failed = chosen.failed or ("import" if code else "")
            (self._folder / "failed").write_text(failed)
            return int(code)

        self._fork(run)

    def verdict(self) -> Verdict | None:
        """How the trial ended, None while it runs.  Raises RuntimeError if no test was run."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        seconds = time.monotonic() - self._since
        if not pid and seconds < SECONDS_MAX:
            return None
        if not pid:
            os.killpg(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self._end()
        if not pid:
            return Verdict("time", seconds)
        if os.waitstatus_to_exitcode(status) == NO_TESTS:
            raise RuntimeError(f"no test was run:\n{self._said()}")
        return Verdict(self._failed() if status else "", seconds)

    def _failed(self) -> str:
        """The test that failed; a process that hangs or has died could not write it down."""
        if (self._folder / "hanging").stat().st_size:
            return "time"
        return (self._folder / "failed").read_text() or "death"

    def _said(self) -> str:
        return (self._folder / "output").read_text(errors="replace")[-4000:]

    def _fork(self, run: Callable[[], int]) -> None:
        self._since = time.monotonic()
        for name in ("failed", "hanging"):
            (self._folder / name).write_text("")
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid:
            return
        try:
            os.setsid()
            output = os.open(self._folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            self._move_in()
            os._exit(run())
        except BaseException as error:  # noqa: BLE001 - a child must never go on as its parent
            os.write(2, repr(error).encode())
            os._exit(int(pytest.ExitCode.INTERNAL_ERROR))

    def _move_in(self) -> None:
        """From now on this process sees the copy, and nothing of the repository."""
        resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES_MAX, DATA_BYTES_MAX))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES_MAX, FILE_BYTES_MAX))
        here = {os.getcwd(), ""}
        os.chdir(self.root)
        sys.path[:] = [str(self.root), *(path for path in sys.path if path not in here)]
        sys.dont_write_bytecode = True
        temporary = self._folder / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        os.environ.update(
            PYTHONPATH=str(self.root), PYTHONDONTWRITEBYTECODE="1", TMPDIR=str(temporary),
            PYTEST_DEBUG_TEMPROOT=str(temporary),
        )  # fmt: skip
        for name in list(sys.modules):
            if name.partition(".")[0] in ("flowbackup", "tests"):
                del sys.modules[name]

    def _end(self) -> None:
        """Nothing of the trial is left: no process, no changed file."""
        try:
            os.killpg(self._pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._pid = 0
        if self._changed is not None:
            file, before = self._changed
            file.write_bytes(before)
            self._changed = None
