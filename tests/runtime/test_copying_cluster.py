"""Copies on three raylets: restore agents on two nodes, the copy on the third."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.compare import differences
from flowbackup.units import MIB
from tests import judge

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def test_frames_of_two_nodes_come_together_on_a_third(
    one_cluster: Cluster,
    tmp_path: Path,
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "large").write_bytes(os.urandom(12 * MIB))
    graph = tmp_path / "merge.yaml"
    graph.write_text(
        f"""
        graph: merge
        frame_size: 1 MiB
        sync_size: 4 MiB
        nodes: {{storage1: {{}}, storage2: {{}}, storage3: {{}}}}
        clients: {{web: {{objects: {{source: {{path: {source}}}}}}}}}
        devices:
          disk1: {{path: {tmp_path}/disk1, node: storage1}}
          disk2: {{path: {tmp_path}/disk2, node: storage2}}
          tape: {{path: {tmp_path}/tape, node: storage3}}
        backup_groups: {{primary: {{devices: [disk1, disk2]}}}}
        restore_groups: {{readers: {{devices: [disk1, disk2]}}}}
        copy_groups: {{vault: {{copies: readers, devices: [tape]}}}}
        """
    )
    for name in ("disk1", "disk2", "tape"):
        api.init_device(str(tmp_path / name))
    settings = RunSettings(catalog=tmp_path / "catalog.sqlite")
    report = api.run_backup(api.load_plan(graph), settings, SilentMonitor())
    (stage,) = report.stages
    assert (stage.outcome, stage.exit_code, stage.problems) == (Outcome.SUCCESS, 0, ())
    read = {device.node: device.frames for device in stage.devices if device.role == "restore"}
    assert set(read) == {"storage1", "storage2"} and all(read.values())
    target = tmp_path / "back"
    assert judge.recovered([tmp_path / "tape"], target).problems == ()
    assert list(differences(str(source), str(target))) == []
