"""flowbackup device measure: how fast a device writes, printed or written into a graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup.cli.device import rounded
from flowbackup.media.measuring import FRAME_BYTES, measure_writing
from flowbackup.model.device import DeviceTarget
from flowbackup.spec import load_graph
from flowbackup.units import MIB
from tests.cli.conftest import RunCommand

GRAPH = """\
# By night.
graph: nightly
nodes: {far: {}}
clients:
  web: {objects: {site: {path: /srv/www}}}
devices:
  nas: {path: PLACE/nas}    # a disk
  usb: {path: PLACE/usb, rate: 1 MB/s}    # measured in May
  vault: {path: /mnt/vault, node: far}
backup_groups:
  primary: {devices: [nas]}
mirror_groups:
  offsite: {mirrors: primary, devices: [usb, vault]}
"""
QUICK = ("--size", "64MiB", "--seconds", "10m")
"""It ends by what was written: how long that takes depends on who shares the machine."""


@pytest.fixture
def graph(memory_path: Path) -> Path:
    for name in ("nas", "usb"):
        (memory_path / name).mkdir()
    path = memory_path / "nightly.yaml"
    path.write_text(GRAPH.replace("PLACE", str(memory_path)))
    return path


class Clock:
    """Each look at it takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_what_was_written_in_which_time_is_the_rate(memory_path: Path) -> None:
    target = DeviceTarget("nas", "directory", str(memory_path))
    found = measure_writing(target, 1 << 40, 3.0, Clock())
    assert (found.seconds, found.bytes_written) == (3.0, 6 * FRAME_BYTES)
    assert found.rate == 2 * FRAME_BYTES
    assert list(memory_path.iterdir()) == []


def test_a_directory_is_measured_and_left_as_it_was(
    flowbackup: RunCommand, memory_path: Path
) -> None:
    (row,) = flowbackup("device", "measure", str(memory_path), *QUICK, "--json").lines
    assert row["type"] == "measured"
    assert row["bytes_written"] == 64 * MIB
    assert isinstance(row["rate"], float) and row["rate"] > 0
    assert list(memory_path.iterdir()) == []


def test_rates_go_into_a_graph_and_nothing_else_changes(
    flowbackup: RunCommand, graph: Path
) -> None:
    before = graph.read_text().splitlines()
    ran = flowbackup("device", "measure", "--graph", str(graph), *QUICK)
    assert ran.exit_code == 0
    after = graph.read_text().splitlines()
    changed = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
    assert [other.split(":")[0].strip() for _, other in changed] == ["nas", "usb"]
    assert changed[0][1].endswith("# a disk")
    assert changed[1][1].endswith("# measured in May")
    assert "rate: " in changed[0][1]
    assert "rate: 1 MB/s" not in changed[1][1]


def test_one_device_of_a_graph(flowbackup: RunCommand, graph: Path) -> None:
    row, _ = flowbackup("device", "measure", "usb", "--graph", str(graph), *QUICK, "--json").lines
    assert graph.read_text().count("rate: ") == 1
    assert load_graph(graph).spec.devices["usb"].rate == rounded(float(str(row["rate"])))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "name a directory, or a graph file with --graph"),
        (("/nowhere/at/all",), "/nowhere/at/all is no directory"),
        (("vault", "--graph", "GRAPH"), 'has no device "vault" with a directory on this machine'),
    ],
)
def test_what_cannot_be_measured(
    flowbackup: RunCommand, graph: Path, words: tuple[str, ...], text: str
) -> None:
    ran = flowbackup("device", "measure", *(word.replace("GRAPH", str(graph)) for word in words))
    assert ran.exit_code == 2
    assert text in ran.err


def test_three_digits() -> None:
    assert [rounded(rate) for rate in (874_123_456.7, 99_960.0, 12.4)] == [874_000_000, 100_000, 12]
