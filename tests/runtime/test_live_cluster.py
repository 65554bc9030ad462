"""Live changes across nodes: three raylets on one machine stand for three hosts."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.model.report import Outcome
from flowbackup.monitor import Progress, SilentMonitor
from flowbackup.runtime.edges.slab import PREFIX, SHARED_MEMORY
from tests import judge
from tests.runtime.left_behind import wait_for
from tests.runtime.test_cluster import written
from tests.runtime.unended import Unended

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def test_mirrors_on_other_nodes_come_and_go_while_a_session_runs(
    one_cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The newcomer has memory of its own on its node, which goes when it is detached."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    catalog = tmp_path / "catalog.sqlite"
    source = Unended(tmp_path)
    graph = written(tmp_path, tmp_path)
    text = graph.read_text().replace(f"{{path: {tmp_path}}}", source.written)
    graph.write_text(
        text.replace("disk3:", f"more: {{path: {tmp_path}/more, node: storage3}}\n          disk3:")
    )
    api.init_device(str(tmp_path / "more"))
    slabs: list[int] = []

    def slab_count(session: str) -> int:
        return len(list(SHARED_MEMORY.glob(f"{PREFIX}{session}*")))

    def change() -> str:
        with source.ending():
            agent = api.change_session("latest", "attach", catalog, device="more", from_="disk1")
            wait_for(lambda: _moved(catalog, agent))
            (status,) = api.status("latest", catalog)
            slabs.append(slab_count(status["session"]))
            api.change_session("latest", "detach", catalog, device="more")
            slabs.append(slab_count(status["session"]))
            return agent

    terminal = _Terminal(change)
    report = api.run_backup(api.load_plan(graph), RunSettings(catalog=catalog), terminal)
    assert terminal.answer() == "attached.more"
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    states = {device.name: (device.node, device.state) for device in report.devices}
    assert states == {
        "disk1": ("storage1", "complete"), "disk2": ("storage2", "complete"),
        "disk3": ("storage3", "complete"), "more": ("storage3", "detached"),
    }  # fmt: skip
    assert slabs == [5, 4], "of the client, of each storage node, and of the newcomer"
    with open_catalog(catalog) as opened:
        version = opened.resolve("latest")
        held = {row.medium.device: row.frames_held for row in opened.copies_of(version)}
        assert 0 < held["more"] < held["disk1"] == len(opened.frames_of(version))
    assert judge.check_media([tmp_path / "more"]).exit_code == 0


def _moved(catalog: Path, agent: str) -> bool:
    """Has a frame become durable on this agent?"""
    (status,) = api.status("latest", catalog)
    edges = status["progress"]["edges"]
    return any(e["name"].endswith(f"-> {agent}") and e["bytes_durable"] for e in edges)


class _Terminal(SilentMonitor):
    """Acts once in a thread of its own, when the first bytes are read."""

    def __init__(self, act: Callable[[], str]) -> None:
        self._act = act
        self._pool = ThreadPoolExecutor(1)
        self._answer: Future[str] | None = None

    def progress(self, progress: Progress) -> None:
        if self._answer is None and progress.bytes_read:
            self._answer = self._pool.submit(self._act)

    def answer(self) -> str:
        self._pool.shutdown()
        assert self._answer is not None
        return self._answer.result()
