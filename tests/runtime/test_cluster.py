"""Across nodes: three raylets on one machine stand for three hosts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import PeerLostError, UsageError
from flowbackup.model.ids import FrameId
from flowbackup.model.report import Outcome
from flowbackup.monitor import Progress, RecordingMonitor, SilentMonitor
from flowbackup.runtime.care import verify_progress
from flowbackup.testing.compare import differences
from tests import judge
from tests.local_backup import LocalBackup, damage
from tests.runtime.left_behind import wait_for
from tests.runtime.three_nodes import LABEL, bring_back, lose_node, node_ids
from tests.runtime.unended import Unended

pytestmark = [pytest.mark.ray, pytest.mark.slow]
MIB = 1 << 20
QUIET = SilentMonitor()


def written(
    tmp_path: Path, source: Path, last_node: str = "storage3", transport: str = "direct"
) -> Path:
    """Its last device is slower than the others."""
    graph = tmp_path / "cascade.yaml"
    graph.write_text(
        f"""
        graph: cascade
        frame_size: 1 MiB
        sync_size: 4 MiB
        transport: {transport}
        nodes: {{storage1: {{}}, storage2: {{}}, {last_node}: {{}}}}
        clients: {{web: {{objects: {{source: {{path: {source}}}}}}}}}
        devices:
          disk1: {{path: {tmp_path}/disk1, node: storage1}}
          disk2: {{path: {tmp_path}/disk2, node: storage2}}
          disk3: {{path: {tmp_path}/disk3, node: {last_node}, rate_limit: 6 MB/s}}
        backup_groups: {{primary: {{devices: [disk1]}}}}
        mirror_groups:
          second: {{mirrors: primary, devices: [disk2]}}
          third: {{mirrors: second, devices: [disk3]}}
        """
    )
    for number in (1, 2, 3):
        api.init_device(str(tmp_path / f"disk{number}"))
    return graph


def restore_request(catalog: Path) -> api.RestoreRequest:
    """Every node is this machine, but media are read where the catalog says that they are."""
    return api.RestoreRequest(catalog=catalog, address="auto", explain=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    place.mkdir()
    for number in range(8):
        (place / f"file{number}").write_bytes(os.urandom(3 * MIB + number))
    return place


def test_the_example_of_a_cluster_reads_where_the_data_are(
    one_cluster: Cluster, tree: Path, tmp_path: Path
) -> None:
    """Two nodes at once, each with the mirror of the other."""
    example = Path(__file__).parents[2] / "graphs" / "cluster.yaml"
    graph = tmp_path / "cluster.yaml"
    text = example.read_text().replace("/srv/www", str(tree)).replace("/var/mail", str(tree))
    graph.write_text(text.replace("/mnt", str(tmp_path)) + "frame_size: 1 MiB\nsync_size: 4 MiB\n")
    for name in ("east-disk", "west-disk", "east-mirror", "west-mirror"):
        api.init_device(str(tmp_path / name))
    monitor, catalog = _ActorNames(), tmp_path / "catalog.sqlite"
    report = api.run_backup(api.load_plan(graph), RunSettings(catalog=catalog), monitor)
    assert report.outcome is Outcome.SUCCESS, report.problems
    assert [item.copies_durable for item in report.objects] == [2, 2]
    nodes = node_ids()
    for agent, label in (("eastern.east-disk", "storage2"), ("western.west-disk", "storage3"),
                         ("eastern-mirror.west-mirror", "storage3")):  # fmt: skip
        assert {node for _, node in monitor.actors[f"cluster/{agent}"]} == {nodes[label]}
    for mirror in ("east-mirror", "west-mirror"):
        assert judge.check_media([tmp_path / mirror]).problems == ()


@pytest.mark.parametrize("transport", ["direct", "object-store"])
def test_each_node_of_a_cascade_sends_the_tree_once(
    one_cluster: Cluster, tree: Path, tmp_path: Path, transport: str
) -> None:
    catalog = tmp_path / "catalog.sqlite"
    monitor = _ActorNames()
    plan = api.load_plan(written(tmp_path, tree, transport=transport))
    report = api.run_backup(plan, RunSettings(catalog=catalog), monitor)
    assert report.outcome is Outcome.SUCCESS, report.problems
    size_bytes = sum(path.stat().st_size for path in tree.iterdir())
    assert report.bytes_read == size_bytes
    moved = [edge.bytes_moved for edge in monitor.snapshots[-1].edges]
    assert len(moved) == 3 and len(set(moved)) == 1
    assert size_bytes <= moved[0] <= size_bytes * 1.02
    assert len({device.frames for device in report.devices}) == 1
    assert [path for path in _files_of_ray() if b"PRIVATE KEY" in path.read_bytes()] == []
    nodes = node_ids()
    for number, group in enumerate(("primary", "second", "third"), start=1):
        seen = monitor.actors[f"cascade/{group}.disk{number}"]
        assert seen == {("Buffer", nodes[f"storage{number}"]),
                        ("MediaAgent", nodes[f"storage{number}"])}  # fmt: skip
    with open_catalog(catalog) as opened:
        assert {info.device: (info.node, info.node_labels) for info in opened.media()} == {
            f"disk{n}": (f"storage{n}", ((LABEL, f"storage{n}"),)) for n in (1, 2, 3)
        }
    for keep in (1, 2, 3):
        for number in {1, 2, 3} - {keep}:
            (tmp_path / f"disk{number}").rename(tmp_path / f"away{number}")
        target = tmp_path / f"restored{keep}"
        api.restore("latest", str(target), restore_request(catalog), SilentMonitor())
        assert list(differences(str(tree), str(target))) == []
        for number in {1, 2, 3} - {keep}:
            (tmp_path / f"away{number}").rename(tmp_path / f"disk{number}")


def test_a_damage_on_another_node_is_found_there_and_told_here(
    one_cluster: Cluster, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_progress, "PROGRESS_SECONDS", 0)
    catalog = tmp_path / "catalog.sqlite"
    api.run_backup(api.load_plan(written(tmp_path, tree)), RunSettings(catalog=catalog), QUIET)
    monitor = _ActorNames()
    report = api.verify([], monitor, catalog, address="auto")
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    assert {device.name: (device.node, device.state) for device in report.devices} == {
        f"disk{n}": (f"storage{n}", "sound") for n in (1, 2, 3)
    }
    nodes = node_ids()
    assert {("VerifierActor", node) for node in nodes.values()} == set().union(
        *monitor.actors.values()
    )
    (segment,) = (tmp_path / "disk3" / "segments").iterdir()
    segment.chmod(0o600)
    with segment.open("r+b") as file:
        file.seek(MIB // 2)
        file.write(b"other")
    for sample in (None, Fraction(1, 30)):
        report = api.verify(["disk2", "disk3"], QUIET, catalog, sample=sample, address="auto")
        assert {d.name: d.state for d in report.devices} == {"disk2": "sound", "disk3": "damaged"}
        (problem,) = report.problems
        assert (problem.kind, problem.device) == ("damaged", "disk3")
        assert "web/source@1: file0" in problem.text
    with pytest.raises(UsageError, match='"disk1" is on node storage1'):
        api.verify(["disk1"], QUIET, catalog)


def test_frames_of_other_nodes_are_handed_over_by_restore_agents(
    one_cluster: Cluster, tree: Path, tmp_path: Path
) -> None:
    catalog = tmp_path / "catalog.sqlite"
    api.run_backup(
        api.load_plan(written(tmp_path, tree)), RunSettings(catalog=catalog), SilentMonitor()
    )
    monitor = RecordingMonitor()
    alone = api.RestoreRequest(catalog=catalog)
    assert api.restore("latest", str(tmp_path / "alone"), alone, monitor).exit_code == 3
    away = [problem for problem in monitor.problems if problem.kind == "unreachable"]
    assert sorted(str(problem.device) for problem in away) == ["disk1", "disk2", "disk3"]
    assert all("--address" in problem.text for problem in away)

    bad = damaged_frame(catalog, tmp_path / "disk2")
    monitor.problems.clear()
    report = api.restore("latest", str(tmp_path / "back"), restore_request(catalog), monitor)
    assert report.outcome is Outcome.SUCCESS
    assert list(differences(str(tree), str(tmp_path / "back"))) == []
    assert report.explanation is not None
    uses = {use.device: use for use in report.explanation.media}
    assert {(use.node, use.fault) for use in uses.values()} == {
        ("storage1", ""), ("storage2", ""), ("storage3", ""),
    }  # fmt: skip
    assert all(use.frames for use in uses.values())
    # The frame is the first choice of one of the three.
    assert [p.device for p in monitor.problems] in ([], ["disk2"])
    with open_catalog(catalog) as opened:
        marked = {c.place for c in opened.copies_of_frame(bad) if c.damaged}
    assert len(marked) == len(monitor.problems)

    (tmp_path / "disk1").rename(tmp_path / "away")
    LocalBackup(tmp_path, "disk1")
    with open_catalog(catalog) as opened:
        opened.add_medium(api.show_device(str(tmp_path / "disk1")).info)
    request = api.RepairRequest(catalog=catalog, full=True, address="auto")
    repaired = api.repair(("disk1",), request, RecordingMonitor())
    near = next(device for device in repaired.devices if device.node == "here")
    assert (near.state, near.frames > 0) == ("complete", True)
    target = tmp_path / "judged"
    assert judge.recovered([tmp_path / "disk1"], target).problems == ()
    assert list(differences(str(tree), str(target))) == []
    wait_for(lambda: "RestoreAgent" not in _living())


def _living() -> set[str]:
    """The classes of the actors that live, as far as Ray has heard of their ends."""
    actors = ray._private.state.actors().values()
    return {actor["ActorClassName"] for actor in actors if actor["State"] == "ALIVE"}


def damaged_frame(catalog: Path, disk: Path) -> FrameId:
    """Damages the first frame of the newest version on a device, and names it."""
    with open_catalog(catalog) as opened:
        frame = opened.frames_of(opened.resolve("latest"))[0].frame
        place = next(p for info, p in opened.places(frame) if info.device == disk.name)
    damage(disk, place)
    return frame


def test_a_device_on_an_absent_node_is_refused_and_nothing_is_written_elsewhere(
    one_cluster: Cluster, tree: Path, tmp_path: Path
) -> None:
    plan = api.load_plan(written(tmp_path, tree, "storage9"))
    with pytest.raises(PeerLostError, match="storage9"):
        api.run_backup(plan, RunSettings(catalog=tmp_path / "catalog.sqlite"), SilentMonitor())
    for number in (1, 2, 3):
        assert list((tmp_path / f"disk{number}" / "segments").iterdir()) == []


@pytest.fixture
def loss_of_node(one_cluster: Cluster, tmp_path: Path) -> Iterator[_NodeLoss]:
    """Ends with all nodes there."""
    loss = _NodeLoss(one_cluster, Unended(tmp_path))
    yield loss
    if loss.lost:
        bring_back(one_cluster, "storage3")


def test_a_mirror_whose_node_dies_costs_its_copy_and_no_other(
    loss_of_node: _NodeLoss, tree: Path, tmp_path: Path
) -> None:
    """While an object is read that ends behind that, and before the tree is read."""
    graph = written(tmp_path, tree)
    first = f"objects: {{before: {loss_of_node.source.written}, source:"
    graph.write_text(graph.read_text().replace("objects: {source:", first))
    settings = RunSettings(catalog=tmp_path / "catalog.sqlite")
    report = api.run_backup(api.load_plan(graph), settings, loss_of_node)
    assert loss_of_node.lost
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4), report.problems
    assert [device.state for device in report.devices] == ["complete", "complete", "failed"]
    assert {problem.device for problem in report.problems} == {"disk3"}
    assert [item.copies_durable for item in report.objects] == [2, 2]
    for number in (1, 2):
        (tmp_path / f"disk{3 - number}").rename(tmp_path / "away")
        target = tmp_path / f"restored{number}"
        request = restore_request(tmp_path / "catalog.sqlite")
        api.restore("source", str(target), request, SilentMonitor())
        assert list(differences(str(tree), str(target))) == []
        (tmp_path / "away").rename(tmp_path / f"disk{3 - number}")


def _files_of_ray() -> list[Path]:
    """What the raylets of the cluster have written: logs, and what they keep of calls."""
    files = Path(ray._private.worker._global_node.get_session_dir_path()).rglob("*")
    found = [path for path in files if path.is_file() and not path.is_symlink()]
    assert found
    return found


class _NodeLoss(SilentMonitor):
    """Takes the last node away as soon as something has come to its mirror, and ends the object
    that is read meanwhile."""

    def __init__(self, cluster: Cluster, source: Unended) -> None:
        self._cluster = cluster
        self.source = source
        self.lost = False

    def progress(self, progress: Progress) -> None:
        if not self.lost and progress.edges[-1].bytes_moved:
            self.lost = True
            with self.source.ending():
                lose_node(self._cluster, "storage3")


class _ActorNames(RecordingMonitor):
    """Asks Ray itself which actors live, once while the session runs."""

    def __init__(self) -> None:
        super().__init__()
        self.actors: dict[str, set[tuple[str, str]]] = {}

    def progress(self, progress: object) -> None:
        self.snapshots.append(progress)  # type: ignore[arg-type]
        for actor in ray._private.state.actors().values():
            if actor["State"] == "ALIVE":
                kind = (actor["ActorClassName"], actor["Address"]["NodeID"])
                self.actors.setdefault(actor["Name"], set()).add(kind)
