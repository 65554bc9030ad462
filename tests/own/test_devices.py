"""A kind of device that a package brings, from the suite to a restore."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flowbackup import Graph, api
from flowbackup.errors import DeviceError, GraphError
from flowbackup.media.open import make_first_medium, open_device
from flowbackup.media.port import Device
from flowbackup.model.device import DeviceTarget
from flowbackup.monitor import RecordingMonitor
from flowbackup.testing.compare import differences
from flowbackup.testing.device_conformance import DeviceConformance


class TestShelfDevice(DeviceConformance):
    def make_device(self, place: Path) -> Device:
        target = DeviceTarget("shelf", "shelf", f"shelf://{place}")
        if not (place / "segments").exists():
            make_first_medium(target.location, name="shelf")
        return open_device(target)


def graph_of(place: Path) -> Graph:
    graph = Graph("own", catalog=str(place / "catalog.sqlite"), engine="local")
    graph.client("web").object("site", path=place / "site")
    primary = graph.backup_group("primary", devices=[place / "nas"])
    primary.mirror("offsite", devices=[f"shelf://{place}/vault"])
    return graph


@pytest.fixture
def place(memory_path: Path) -> Path:
    (memory_path / "site").mkdir()
    for number in range(5):
        (memory_path / "site" / f"{number}").write_bytes(bytes([number]) * 300_000)
    return memory_path


def mode_of(place: Path) -> int:
    return (place / "vault" / "segments").stat().st_mode & 0o777


def test_a_device_of_a_package_is_written_and_restored_from(place: Path) -> None:
    graph = graph_of(place)
    assert f'vault: {{url: "shelf://{place}/vault"}}' in graph.text
    graph = Graph.from_text(graph.text)
    assert graph.run(create=True).outcome == "success"
    assert mode_of(place) == 0o500
    (place / "site" / "more").write_bytes(b"more")
    again = graph.run()
    assert again.devices.column("state").to_pylist() == ["complete", "complete"]
    # Nothing is left but what the device of the package has.
    shutil.rmtree(place / "nas")
    restored = graph.restore("web/site", target=place / "back")
    assert restored.outcome == "success"
    assert list(differences(place / "site", place / "back")) == []


def test_its_media_are_copied_from(place: Path) -> None:
    graph = graph_of(place)
    back = graph.restore_group("back", devices=["vault"])
    back.copy("archive", devices=[place / "tape"])
    assert graph.run(create=True).outcome == "success"
    assert (place / "tape" / "segments").exists()


def test_what_looks_at_files_says_that_it_cannot(place: Path) -> None:
    graph_of(place).run(create=True)
    monitor = RecordingMonitor()
    report = api.verify([], monitor, place / "catalog.sqlite")
    told = [problem.text for problem in report.problems]
    assert len(told) == 1 and 'sessions write and read media of kind "shelf"' in told[0]
    states = {device.name: device.state for device in report.devices}
    assert states["nas"] != states["vault"]


def test_a_first_medium_is_made_by_hand(place: Path) -> None:
    made = api.init_device(f"shelf://{place}/vault", name="vault")
    assert made.location == f"shelf://{place}/vault"
    shown = api.show_device(f"shelf://{place}/vault", place / "catalog.sqlite")
    assert shown.info.medium == made.medium
    with pytest.raises(DeviceError):
        api.init_device(f"shelf://{place}/vault")


def test_a_kind_that_nobody_brings_is_named_with_those_that_are_there(place: Path) -> None:
    graph = graph_of(place)
    graph.device("vault", url="cellar://here")
    with pytest.raises(GraphError, match=r'unknown kind "cellar" \(.*others bring shelf'):
        graph.run(create=True)
    graph.device("vault", url="shelf://relative")
    with pytest.raises(GraphError, match="is no shelf"):
        graph.run(create=True)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("url: 'shelf:///x', path: /x", "of the kind shelf, which a package brings"),
        ("url: 'shelf:///x', kind: 'null'", "and has a bucket"),
        ("url: 'shelf:///x', staging: {copies: 1}", "of the kind shelf, which a package brings"),
        ("url: 'shelf:///x', region: eu", "of the kind shelf, which a package brings"),
    ],
)
def test_what_cannot_be_meant_is_refused(written: str, told: str) -> None:
    with pytest.raises(GraphError) as caught:
        Graph.from_text(f"graph: g\ndevices: {{d: {{{written}}}}}\n")
    assert told in "\n".join(caught.value.findings)
