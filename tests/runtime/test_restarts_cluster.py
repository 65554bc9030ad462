"""Processes that die on other nodes: three raylets on one machine stand for three hosts."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.model.report import Outcome
from flowbackup.runtime.crew import crew
from flowbackup.units import MIB
from tests import judge
from tests.runtime.test_cluster import written
from tests.runtime.test_restarts import Signals

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.mark.parametrize("transport", ["direct", "object-store"])
def test_a_buffer_to_which_frames_come_from_another_node_goes_on_in_its_memory(
    one_cluster: Cluster, tmp_path: Path, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slow device behind it is on its node, too, and looks into its slots when it is killed."""
    tree = tmp_path / "source"
    tree.mkdir()
    for number in range(10):
        (tree / f"file{number}").write_bytes(os.urandom(3 * MIB + number))
    graph = written(tmp_path, tree, transport=transport)
    graph.write_text(graph.read_text().replace("node: storage3", "node: storage2"))
    killed = Signals(
        tmp_path, "Buffer", "second.disk2", signal.SIGKILL, signal.SIGKILL, graph="cascade"
    )
    monkeypatch.setattr(crew, "MediaAgent", killed.gates.agent(crew.MediaAgent))
    settings = RunSettings(catalog=tmp_path / "catalog.sqlite")
    report = api.run_backup(api.load_plan(graph), settings, killed)
    assert killed.is_done
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert [problem.kind for problem in report.problems] == ["restarted"] * 2
    assert report.bytes_read == sum(path.stat().st_size for path in tree.iterdir())
    assert len({device.frames for device in report.devices}) == 1
    for name in ("disk1", "disk2", "disk3"):
        assert judge.check_media([tmp_path / name]).problems == ()
