"""One embedded Ray for all tests of this folder that need a live one, and before it, as a process
can have only one at a time, clusters of three nodes: first of all one that many tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowbackup.api import RunSettings, quick_plan, run_backup
from flowbackup.model.report import SessionReport
from flowbackup.monitor import Monitor, SilentMonitor
from flowbackup.plan.decided import Plan
from tests.runtime.staged import Staged

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster


SHARED = "one_cluster"
CLUSTERS = {"cluster", "clusters", "job_server", "protected"}


class KeptCluster:
    """The cluster that stays up from one test to the next, and from one file to the next: its start
    takes as much of a processor as ten actors."""

    def __init__(self) -> None:
        self._nodes: Cluster | None = None
        self._end = ExitStack()

    def nodes(self) -> Cluster:
        from tests.runtime.three_nodes import three_nodes

        if self._nodes is None:
            self._nodes = self._end.enter_context(three_nodes())
        return self._nodes

    def end(self) -> None:
        """Safe to repeat."""
        self._nodes = None
        self._end.close()


_KEPT = pytest.StashKey[KeptCluster]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Clusters first: behind them the embedded Ray stays up to the end of the run."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    names = getattr(item, "fixturenames", ())
    return 0 if SHARED in names else 1 + CLUSTERS.isdisjoint(names)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Who does not share the cluster finds none."""
    if SHARED not in getattr(item, "fixturenames", ()) and _KEPT in item.config.stash:
        item.config.stash[_KEPT].end()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """For a test that leaves marks on it.  See three_nodes."""
    from tests.runtime.three_nodes import three_nodes

    with three_nodes() as nodes:
        yield nodes


@pytest.fixture(scope="session")
def _kept(request: pytest.FixtureRequest) -> Iterator[KeptCluster]:
    kept = request.config.stash[_KEPT] = KeptCluster()
    yield kept
    kept.end()


@pytest.fixture
def one_cluster(_kept: KeptCluster) -> Cluster:
    """One for all tests that leave no marks on it: who loses a node of it brings it back."""
    return _kept.nodes()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A module that says `ENGINES = ("ray", "local")` runs its sessions on each of them."""
    engines = getattr(metafunc.module, "ENGINES", None)
    said = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    if engines and "engine" in metafunc.fixturenames and "engine" not in said:
        metafunc.parametrize("engine", engines, indirect=True)


@pytest.fixture(scope="session")
def live_ray() -> Iterator[str]:
    from flowbackup.runtime.engines.ray_start import ray_engine

    with ray_engine() as engine:
        yield engine.name


@pytest.fixture
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What sessions of the test run on, also those whose settings say nothing: Ray, unless the
    module says more."""
    name: str = getattr(request, "param", "ray")
    if name == "ray":
        request.getfixturevalue("live_ray")
    else:
        # The Ray of other tests may be up in this process.
        monkeypatch.setattr("flowbackup.runtime.engines.choice._is_joined", lambda: False)
    return name


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


@pytest.fixture
def chain_of(tmp_path: Path) -> Callable[..., Plan]:
    """Plans a chain of so many devices d0, d1, ... below tmp_path."""

    def plan(source: Path, devices: int, **options: Any) -> Plan:
        first, *mirrors = [str(tmp_path / f"d{number}") for number in range(devices)]
        return quick_plan([str(source)], first, mirrors, **options)

    return plan


@pytest.fixture
def backup(engine: str, catalog: Path) -> Callable[..., SessionReport]:
    """Runs a plan, giving new devices their labels."""

    def run(plan: Plan, monitor: Monitor | None = None) -> SessionReport:
        settings = RunSettings(catalog=catalog, init=True, engine=engine)
        return run_backup(plan, settings, monitor or SilentMonitor())

    return run


@pytest.fixture
def staged(memory_path: Path) -> Staged:
    """One version on `fast`, in several segments, and `slow`, which is empty."""
    staged = Staged(memory_path, "slow")
    staged.backup()
    return staged


@pytest.fixture
def drained(staged: Staged) -> Staged:
    """The same, with all of it on `slow`, too."""
    staged.drain()
    return staged
