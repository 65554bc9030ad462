"""Hooks and commands of objects run where their client is: three raylets stand for three hosts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ray._private.ray_constants import PROCESS_TYPE_RAYLET
from ray.cluster_utils import Cluster

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from flowbackup.units import MIB
from tests.runtime.three_nodes import node_ids

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def raylet_of(cluster: Cluster, label: str) -> int:
    """The process that all workers of this node are told of in their environment."""
    wanted = node_ids()[label]
    (node,) = [node for node in cluster.list_all_nodes() if node.node_id == wanted]
    (raylet,) = node.all_processes[PROCESS_TYPE_RAYLET]
    return int(raylet.process.pid)


def test_hooks_and_commands_of_objects_run_on_the_node_of_their_client(
    cluster: Cluster, tmp_path: Path
) -> None:
    note, tree = tmp_path / "note", tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_bytes(os.urandom(2 * MIB))

    def told(name: str, more: str = "") -> str:
        text = f"echo {name}:$FLOWBACKUP_OBJECT:$FLOWBACKUP_OUTCOME:$RAY_RAYLET_PID >> {note}{more}"
        return json.dumps(text)

    graph = tmp_path / "graph.yaml"
    graph.write_text(
        f"""
        graph: hooked
        frame_size: 1 MiB
        sync_size: 2 MiB
        nodes: {{storage1: {{}}, storage2: {{}}, storage3: {{}}}}
        clients:
          web:
            node: storage2
            objects:
              site:
                path: {tree}
                hooks:
                  - {{when: before, shell: {told("before")}}}
                  - {{when: success, shell: {told("success")}}}
              dump: {{command: [sh, -c, {told("command", "; echo rows")}]}}
              locked:
                path: {tree}
                hooks:
                  - {{when: before, shell: {told("before", "; exit 3")}}}
                  - {{when: failed, shell: {told("failed")}}}
        devices:
          disk1: {{path: {tmp_path}/disk1, node: storage1}}
          disk3: {{path: {tmp_path}/disk3, node: storage3}}
        backup_groups: {{primary: {{devices: [disk1]}}}}
        mirror_groups: {{second: {{mirrors: primary, devices: [disk3]}}}}
        """
    )
    for name in ("disk1", "disk3"):
        api.init_device(str(tmp_path / name))
    settings = RunSettings(catalog=tmp_path / "catalog.sqlite")
    report = api.run_backup(api.load_plan(graph), settings, SilentMonitor())
    ends = {o.name: (o.outcome, o.copies_durable) for o in report.objects}
    assert ends.pop("locked")[0] is Outcome.FAILED
    assert ends == {"site": (Outcome.SUCCESS, 2), "dump": (Outcome.SUCCESS, 2)}
    assert [p.kind for p in report.problems] == ["object_failed"]
    assert "exit code 3" in report.problems[0].text
    raylet = raylet_of(cluster, "storage2")
    assert note.read_text().split() == [
        f"before:site::{raylet}", f"success:site:success:{raylet}", f"command:dump::{raylet}",
        f"before:locked::{raylet}", f"failed:locked:failed:{raylet}",
    ]  # fmt: skip
