"""Settings that all tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from tests.targets import Loss, Recorder, Shown, Target, loss_table, table

# Ray must not phone home, and no test may meet the catalog of the person who runs it.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# Nor the Ray that this person keeps.  Its end is that of the tests.
_RUNTIME = TemporaryDirectory(prefix="fbt-")
os.environ["XDG_RUNTIME_DIR"] = _RUNTIME.name

# Machines that run tests are slow and shared: a deadline would only measure them, and so would the
# half minute that examples may take to be made.
settings.register_profile("flowbackup", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("flowbackup")


def pytest_collection_finish() -> None:
    """What was imported stays: looking through it for garbage costs a sixth of the time."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data-home"))
    monkeypatch.delenv("FLOWBACKUP_CATALOG", raising=False)
    yield


@pytest.fixture
def memory_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where syncs take no time; an ordinary one where there is none."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(prefix="flowbackup-test-", dir="/dev/shm") as name:
        yield Path(name)


_SHOWN = pytest.StashKey[list[Shown]]()
_LOSSES = pytest.StashKey[list[Loss]]()


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Target:
    """Tells what a test has shown of a target; see tests/targets.py."""
    return Recorder(request.config.stash.setdefault(_SHOWN, []))


@pytest.fixture
def loss(request: pytest.FixtureRequest) -> Callable[[Loss], None]:
    """Tells of a real loss; see tests/targets.py."""
    return request.config.stash.setdefault(_LOSSES, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    shown, losses = config.stash.get(_SHOWN, []), config.stash.get(_LOSSES, [])
    for title, lines in (("losses", loss_table(losses)), ("targets", table(shown))):
        if lines:
            terminalreporter.section(title)
        for line in lines:
            terminalreporter.line(line)
