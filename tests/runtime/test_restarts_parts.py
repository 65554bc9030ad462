"""Buffers that are fed by several, or feed several with a part of theirs each, die and go on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.model.report import Outcome
from flowbackup.monitor import SilentMonitor
from flowbackup.runtime.crew import crew
from flowbackup.testing.compare import differences
from tests import judge
from tests.runtime.test_restarts import Signals

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.usefixtures("live_ray")]
MIB = 1 << 20
FILES = 5
OBJECTS = {"one": "nas[0:2]", "two": "nas[2:4]", "three": "nas[4:8]"}
DEVICES = ("nas", "usb", "vault", "shelf", "safe")
COPIES = {"one": 4, "two": 2, "three": 3}
GROUPS = """
backup_groups: {primary: {devices: [nas], buffers: 8}}
mirror_groups:
  second: {devices: [usb], buffers: 6, level: 1}
  aside: {devices: [shelf], buffers: 4, level: 1}
  third: {devices: [vault], buffers: 2, level: 2}
  joint: {devices: [safe], buffers: 6, level: 3}
couplings:
  - primary.nas[0:4] -> second.usb[2:6]
  - primary.nas[4:8] -> aside.shelf
  - second.usb[2:4] -> third.vault
  - third.vault -> joint.safe[0:2]
  - aside.shelf -> joint.safe[2:6]
"""


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """Three objects of two clients at a time: what comes over one edge waits for no other."""
    for name in OBJECTS:
        (tmp_path / name).mkdir()
        for number in range(FILES):
            (tmp_path / name / f"file{number}").write_bytes(os.urandom(MIB))
    place = {
        name: f'{name}: {{path: {tmp_path}/{name}, buffers: "{part}"}}'
        for name, part in OBJECTS.items()
    }
    devices = ", ".join(f"{n}: {{path: {tmp_path}/{n}}}" for n in DEVICES)
    file = tmp_path / "graph.yaml"
    file.write_text(
        "graph: restarts\nframe_size: 512 KiB\nsync_size: 512 KiB\nclients:\n"
        f"  web: {{objects: {{{place['one']}, {place['two']}}}}}\n"
        f"  mail: {{objects: {{{place['three']}}}}}\ndevices: {{{devices}}}\n{GROUPS}"
    )
    return file


@pytest.mark.parametrize(
    ("kind", "victims"),
    [
        ("Buffer", "joint.safe"), ("Buffer", "second.usb"), ("MediaAgent", "joint.safe"),
        ("Buffer", "aside.shelf joint.safe"),
    ],
)  # fmt: skip
def test_what_is_fed_by_several_or_in_parts_goes_on(
    graph: Path, tmp_path: Path, kind: str, victims: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = Signals(tmp_path, kind, victims, signal.SIGKILL, frames=(3,))
    monkeypatch.setattr(crew, "MediaAgent", monitor.gates.agent(crew.MediaAgent))
    catalog = tmp_path / "catalog.sqlite"
    report = api.run_backup(api.load_plan(graph), RunSettings(catalog=catalog, init=True), monitor)
    assert monitor.is_done
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert [problem.kind for problem in report.problems] == ["restarted"] * len(victims.split())
    assert report.bytes_read == len(OBJECTS) * FILES * MIB
    assert {o.name: o.copies_durable for o in report.objects} == COPIES
    for name in DEVICES:
        assert judge.check_media([tmp_path / name]).problems == ()
    _assert_nothing_lies_twice(catalog)
    for name in ("nas", "usb", "vault", "shelf"):
        (tmp_path / name).rename(tmp_path / f"{name}.away")
    for name in ("one", "three"):
        request = api.RestoreRequest(catalog=catalog)
        target = tmp_path / f"restored-{name}"
        assert api.restore(name, str(target), request, SilentMonitor()).exit_code == 0
        assert list(differences(str(tmp_path / name), str(target))) == []


def _assert_nothing_lies_twice(catalog: Path) -> None:
    with open_catalog(catalog) as opened:
        for version in opened.versions():
            for row in opened.frames_of(version):
                media = [info.device for info, _ in opened.places(row.frame)]
                assert len(media) == len(set(media)), (row.frame, media)
