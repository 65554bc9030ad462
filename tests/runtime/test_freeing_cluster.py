"""Staging on another node than the copies, and neither on the machine of the command."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.media.labels.label import read_label
from flowbackup.media.segments.reader import MediumReader
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from flowbackup.units import MIB
from tests import judge

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def test_room_is_made_on_the_node_of_the_device(
    one_cluster: Cluster,
    tmp_path: Path,
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "large").write_bytes(os.urandom(6 * MIB))
    fast, vault = tmp_path / "fast", tmp_path / "vault"
    graph = tmp_path / "staging.yaml"
    graph.write_text(
        f"""
        graph: staging
        frame_size: 1 MiB
        sync_size: 4 MiB
        nodes: {{storage1: {{}}, storage2: {{}}}}
        clients: {{web: {{objects: {{source: {{path: {source}}}}}}}}}
        devices:
          fast: {{path: {fast}, node: storage1, staging: {{copies: 1}}}}
          vault: {{path: {vault}, node: storage2}}
        backup_groups: {{stage: {{devices: [fast]}}}}
        restore_groups: {{drain: {{devices: [fast]}}}}
        copy_groups: {{copies: {{copies: drain, devices: [vault]}}}}
        """
    )
    for place in (fast, vault):
        api.init_device(str(place))
    plan = api.load_plan(graph)
    settings = RunSettings(catalog=tmp_path / "catalog.sqlite")

    report = api.run_backup(plan, settings, SilentMonitor())
    copy, room = report.stages
    assert (copy.outcome, room.kind, room.outcome) == (Outcome.SUCCESS, "free", Outcome.SUCCESS)
    assert room.freed[0].segments and not room.freed[0].kept and not room.problems
    assert not [*MediumReader(str(fast), read_label(str(fast)).label).frames()]
    assert judge.recovered([vault], tmp_path / "back").exit_code == 0

    # Asked without the cluster, nobody there can be reached.
    near = api.free(plan, (), settings, SilentMonitor())
    assert near.outcome is Outcome.FAILED and "--address" in near.problems[0].text
    backup_only = graph.read_text().replace(
        "devices: [vault]}", "devices: [vault], after: command}"
    )
    graph.write_text(backup_only)
    later = api.load_plan(graph)
    assert api.run_backup(later, settings, SilentMonitor()).stages == ()
    assert api.run_copy(later, (), settings, SilentMonitor()).stages[0].freed[0].segments


def far_graph(folder: Path, media_size: int = 0) -> Path:
    """Of what is below a folder: its source, and its device on another node.  media_size: see
    the graph, in bytes; 0 for none."""
    (folder / "source").mkdir()
    graph = folder / "far.yaml"
    graph.write_text(
        f"""
        graph: far
        frame_size: 1 MiB
        sync_size: 4 MiB
        nodes: {{storage1: {{}}}}
        clients: {{web: {{objects: {{source: {{path: {folder / "source"}}}}}}}}}
        devices: {{far: {{path: {folder / "far"}, node: storage1, media_size: {media_size}}}}}
        backup_groups: {{primary: {{devices: [far]}}}}
        """
    )
    return graph


def test_a_device_of_another_node_is_pruned_there(one_cluster: Cluster, tmp_path: Path) -> None:
    source, far, catalog = tmp_path / "source", tmp_path / "far", tmp_path / "catalog.sqlite"
    graph = far_graph(tmp_path)
    api.init_device(str(far))
    plan = api.load_plan(graph)
    for size in (5 * MIB, 3 * MIB):
        (source / "large").write_bytes(os.urandom(size))
        report = api.run_backup(plan, RunSettings(catalog=catalog), SilentMonitor())
        assert report.outcome is Outcome.SUCCESS
    api.forget(["source@1"], api.ForgetRequest(catalog), SilentMonitor())

    near = api.prune((), api.PruneRequest(catalog), SilentMonitor())
    assert near.outcome is Outcome.FAILED and "--address" in near.problems[0].text
    there = api.PruneRequest(catalog, address="auto", dry_run=True)
    foreseen = api.prune((), there, SilentMonitor())
    report = api.prune((), replace(there, dry_run=False), SilentMonitor())
    assert report.outcome is Outcome.SUCCESS and report.freed == foreseen.freed
    assert report.freed[0].size_bytes > 5 * MIB and report.freed[0].moved_frames
    assert judge.recovered([far], tmp_path / "back").exit_code == 0
    assert (tmp_path / "back" / "large").read_bytes() == (source / "large").read_bytes()
    assert judge.check_media([far]).problems == () and len(judge.listed([far])) == 1


def test_a_set_of_another_node_is_pruned_as_a_whole(one_cluster: Cluster, tmp_path: Path) -> None:
    """What the first medium has no room for goes to the second one, and not over the network."""
    source, far, catalog = tmp_path / "source", tmp_path / "far", tmp_path / "catalog.sqlite"
    graph = far_graph(tmp_path, 6 * MIB)
    api.init_device(str(far), media_bytes=6 * MIB)
    plan = api.load_plan(graph)
    (source / "stays").write_bytes(os.urandom(MIB // 2))
    for size in (4 * MIB, 3 * MIB):
        (source / "large").write_bytes(os.urandom(size))
        report = api.run_backup(plan, RunSettings(catalog=catalog), SilentMonitor())
        assert report.outcome is Outcome.SUCCESS
    api.forget(["source@1"], api.ForgetRequest(catalog), SilentMonitor())

    there = api.PruneRequest(catalog, address="auto", dry_run=True)
    foreseen = api.prune((), there, SilentMonitor())
    report = api.prune((), replace(there, dry_run=False), SilentMonitor())
    assert report.outcome is Outcome.SUCCESS and report.freed == foreseen.freed
    assert [moved.number for moved in report.freed[0].moved_to] == [2]
    assert judge.recovered([far], tmp_path / "back").exit_code == 0
    for name in ("stays", "large"):
        assert (tmp_path / "back" / name).read_bytes() == (source / name).read_bytes()
    assert judge.check_media([far]).problems == () and len(judge.listed([far])) == 1
