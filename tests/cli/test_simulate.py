"""flowbackup graph simulate and recommend: what is asked for in words, and what is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import RunCommand

GRAPH = """\
graph: nightly
clients:
  web: {objects: {site: {path: /srv/www}}}
devices:
  nas: {path: /mnt/nas, rate: 100 MB/s}
  usb: {path: /mnt/usb}
backup_groups:
  primary: {devices: [nas]}
mirror_groups:
  offsite: {mirrors: primary, devices: [usb], on_failure: optional}
"""


@pytest.fixture
def graph(tmp_path: Path) -> str:
    path = tmp_path / "nightly.yaml"
    path.write_text(GRAPH)
    return str(path)


def test_rows_for_programs(flowbackup: RunCommand, graph: str) -> None:
    ran = flowbackup(
        "graph", "simulate", graph, "--size", "4GB", "--rate", "usb=50MB/s", "--fail", "usb@20s",
        "--lost", "nas@10s", "--json",
    )  # fmt: skip
    assert ran.exit_code == 0
    *rows, summary = ran.lines
    kinds = {row["type"] for row in rows}
    assert kinds == {"device", "edge", "wait", "sample", "loss"}
    usb = next(row for row in rows if row.get("name") == "usb")
    assert usb["failure"] == "failed at 20 s"
    first, second = (row for row in rows if row["type"] == "loss")
    assert (first["device"], second["device"], second["bytes_lost"]) == ("usb", "nas", 0)
    assert summary["type"] == "summary"
    assert summary["outcome"] == "success"
    assert summary["duration_seconds"] == pytest.approx(20 + 3e9 / 100e6, rel=0.05)
    assert summary["assumed"] == []


def test_tables_for_people(flowbackup: RunCommand, graph: str) -> None:
    ran = flowbackup("graph", "simulate", graph, "--size", "web/site=4GB")
    assert "nightly: success, 3.7 GiB in 40." in ran.out
    assert "web waited for nas" in ran.out
    assert "memory: 130 MiB of 130 MiB here" in ran.out
    assert "nobody said how fast these are, so 200 MB/s are assumed: usb" in ran.err


def test_the_same_seed_says_the_same(flowbackup: RunCommand, graph: str) -> None:
    def said(seed: str) -> str:
        words = ("--size", "4GB", "--jitter", "0.3", "--seed", seed, "--json")
        return flowbackup("graph", "simulate", graph, *words).out

    assert said("1") == said("1") != said("2")


def test_a_client_reads_no_faster_than_said(flowbackup: RunCommand, graph: str) -> None:
    words = ("--size", "4GB", "--rate", "web=20MB/s", "--rate", "web=20MB/s", "--json")
    summary = flowbackup("graph", "simulate", graph, *words).lines[-1]
    assert summary["duration_seconds"] == pytest.approx(200, rel=0.02)
    assert summary["bottleneck"] == "The source sets the pace; nobody waited for long."


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--rate", "usb"), '"usb" is not of the form NAME=WORD'),
        (("--rate", "usb=fast"), '--rate usb=fast: "fast" is not a size'),
        (("--rate", "usb=0"), "--rate usb=0: a rate is more than 0"),
        (("--rate", "us=1MB/s"), 'graph nightly has no device "us"'),
        (("--size", "web/sit=1GB"), 'graph nightly has no object "web/sit"'),
        (("--fail", "usb@soon"), '--fail usb@soon: "soon" is not a duration'),
        (("--fail", "tape@1s"), 'graph nightly has no device or node "tape"'),
        (("--lost", "tape@1s"), '--lost tape@1s: there is no device "tape"'),
    ],
)
def test_what_cannot_be_meant(
    flowbackup: RunCommand, graph: str, words: tuple[str, str], text: str
) -> None:
    ran = flowbackup("graph", "simulate", graph, *words)
    assert ran.exit_code == 2
    assert text in ran.err


def test_recommendations_are_lines_to_write(flowbackup: RunCommand, tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    sizes = "frame_size: 1 MiB\nsync_size: 1 MiB\n"
    path.write_text(sizes + GRAPH.replace("[nas]", "[nas], buffers: 4"))
    ran = flowbackup("graph", "recommend", str(path), "--rate", "usb=90MB/s", "--json")
    assert ran.exit_code == 0
    assert {row["type"] for row in ran.lines} == {"recommendation"}
    keys = [row["keys"] for row in ran.lines]
    assert ["backup_groups", "primary", "buffers"] in keys
    told = flowbackup("graph", "recommend", str(path), "--rate", "usb=90MB/s").out
    assert told.startswith("backup_groups.primary.buffers: ")
