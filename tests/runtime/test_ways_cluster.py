"""Parts of buffers that lead to different nodes, on three raylets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from flowbackup.testing.compare import differences
from flowbackup.units import MIB
from tests import judge

pytestmark = [pytest.mark.ray, pytest.mark.slow]
OBJECTS = {"one": "nas[0:4]", "two": "nas[4:8]", "three": "nas[8:12]"}
DEVICES = {"nas": "storage2", "usb": "storage3", "shelf": "storage1", "vault": "storage2",
           "safe": "storage3"}  # fmt: skip
COUPLINGS = """
  - primary.nas[0:8] -> second.usb[4:12]
  - primary.nas[8:12] -> aside.shelf
  - second.usb[4:8] -> third.vault
  - third.vault -> joint.safe[0:4]
  - aside.shelf -> joint.safe[4:8]
"""
EXPECTED = {
    "one": {"nas", "usb", "vault", "safe"},
    "two": {"nas", "usb"},
    "three": {"nas", "shelf", "safe"},
}


def test_objects_go_where_their_buffers_lead_from_node_to_node(
    one_cluster: Cluster,
    tmp_path: Path,
) -> None:
    """The client is on another node than its head, too; and what lies in which slot differs on
    every node."""
    for name in OBJECTS:
        (tmp_path / name).mkdir()
        for number in range(4):
            (tmp_path / name / f"file{number}").write_bytes(os.urandom(3 * MIB + number))
    devices = "".join(
        f"  {name}: {{path: {tmp_path}/{name}, node: {node}}}\n" for name, node in DEVICES.items()
    )
    objects = "".join(
        f'      {name}: {{path: {tmp_path}/{name}, buffers: "{buffers}"}}\n'
        for name, buffers in OBJECTS.items()
    )
    graph = tmp_path / "parts.yaml"
    graph.write_text(
        "graph: parts\nframe_size: 1 MiB\nsync_size: 2 MiB\n"
        "nodes: {storage1: {}, storage2: {}, storage3: {}}\n"
        f"clients:\n  web:\n    node: storage1\n    objects:\n{objects}"
        f"devices:\n{devices}"
        "backup_groups: {primary: {devices: [nas], buffers: 12}}\n"
        "mirror_groups:\n"
        "  second: {devices: [usb], buffers: 12, level: 1}\n"
        "  aside: {devices: [shelf], buffers: 4, level: 1}\n"
        "  third: {devices: [vault], buffers: 4, level: 2}\n"
        "  joint: {devices: [safe], buffers: 8, level: 3}\n"
        f"couplings:{COUPLINGS}"
    )
    for name in DEVICES:
        api.init_device(str(tmp_path / name))
    catalog = tmp_path / "catalog.sqlite"
    report = api.run_backup(api.load_plan(graph), RunSettings(catalog=catalog), SilentMonitor())
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    with open_catalog(catalog) as opened:
        held = {
            version.record.name: {
                copy.medium.device: copy.frames_held for copy in opened.copies_of(version)
            }
            for version in opened.versions()
        }
    assert {name: set(found) for name, found in held.items()} == EXPECTED
    assert all(len(set(found.values())) == 1 for found in held.values())
    assert {o.name: (o.copies_durable, o.copies_required) for o in report.objects} == {
        name: (len(found), len(found)) for name, found in EXPECTED.items()
    }
    target = tmp_path / "judged"
    assert judge.recovered([tmp_path / "safe"], target, "all").problems == ()
    assert {path.name for path in (target / "web").iterdir()} == {"one", "three"}
    for name in ("one", "three"):
        assert list(differences(str(tmp_path / name), str(target / "web" / name))) == []
