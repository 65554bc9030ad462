"""flowbackup schedule: from a graph file to units, lines and jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowbackup.schedule.systemd import CONFINED
from tests.cli.conftest import RunCommand
from tests.schedule.programs import needed

GRAPH = """\
graph: nightly
catalog: {place}/catalogs/c.sqlite
clients: {{web: {{objects: {{site: {{path: {place}/source}}}}}}}}
devices: {{nas: {{path: {place}/nas}}, spare: {{path: {place}/spare}}}}
backup_groups: {{primary: {{devices: [nas], reserve: [spare]}}}}
"""
FAR = """\
nodes: {far: {}}
mirror_groups: {offsite: {mirrors: primary, devices: [spare]}}
"""


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "g.yaml"
    path.write_text(GRAPH.format(place=tmp_path))
    return path


def test_print_shows_the_units_and_writes_nothing(
    graph: Path, tmp_path: Path, flowbackup: RunCommand
) -> None:
    before = sorted(tmp_path.rglob("*"))
    ran = flowbackup(
        "schedule", "print", str(graph), "--at", "02:30", "--system", "--retry-lock", "2h",
        "--metrics", str(tmp_path / "m/n.prom"), "--program", "/opt/flowbackup", "--json",
        "--directory", str(tmp_path / "u"),
    )  # fmt: skip
    assert ran.exit_code == 0 and sorted(tmp_path.rglob("*")) == before
    service, timer = ran.lines
    assert (service["name"], timer["name"]) == (
        "flowbackup-nightly.service", "flowbackup-nightly.timer",
    )  # fmt: skip
    lines = str(service["text"]).splitlines()
    assert (
        f"ExecStart=/opt/flowbackup run {graph} --catalog {tmp_path}/catalogs/c.sqlite"
        f" --retry-lock 7200s --metrics {tmp_path}/m/n.prom"
    ) in lines
    writable = {line.split("=-")[1] for line in lines if line.startswith("ReadWritePaths=-")}
    assert writable == {f"{tmp_path}/{name}" for name in ("catalogs", "nas", "spare", "m")}


def test_install_and_remove_by_name_or_file(
    graph: Path, tmp_path: Path, flowbackup: RunCommand
) -> None:
    place = ("--system", "--directory", str(tmp_path / "units"))
    for kind, files in (("--systemd", 2), ("--cron", 1)):
        for named in ("nightly", str(graph)):
            ran = flowbackup(
                "schedule", "install", str(graph), "--at", "daily", kind, *place,
                "--program", "/opt/flowbackup",
            )  # fmt: skip
            assert ran.exit_code == 0 and len(ran.out.splitlines()) == files
            assert len(list((tmp_path / "units").iterdir())) == files
            assert flowbackup("schedule", "remove", named, kind, *place).exit_code == 0
            assert list((tmp_path / "units").iterdir()) == []
    assert "nothing is installed" in flowbackup("schedule", "remove", "nightly", *place).err


def test_a_graph_of_nodes_wants_to_know_its_cluster(graph: Path, flowbackup: RunCommand) -> None:
    text = graph.read_text().replace("devices: [nas], reserve: [spare]", "devices: [nas]")
    text = text.replace("/spare}", "/spare, node: far}") + FAR
    graph.write_text(text)
    words = ("schedule", "print", str(graph), "--at", "daily", "--program", "/opt/flowbackup")
    ran = flowbackup(*words)
    assert ran.exit_code == 2 and "far" in ran.err and "--address" in ran.err
    ran = flowbackup(*words, "--address", "auto", "--system")
    assert "--address auto" in ran.out and "/spare" not in ran.out


def test_a_cluster_has_its_own_places_for_graph_and_catalog(
    graph: Path, flowbackup: RunCommand
) -> None:
    words = ("schedule", "print", str(graph), "--at", "daily", "--kuberay")
    assert "--file" in flowbackup(*words).err
    ran = flowbackup(*words, "--file", "/etc/flowbackup/g.yaml", "--catalog", "/var/c.sqlite")
    assert (
        'entrypoint: "flowbackup run /etc/flowbackup/g.yaml --catalog /var/c.sqlite'
        ' --retry-lock 5s --address auto"'
    ) in ran.out


@pytest.mark.parametrize(
    "line", ["hooks: [{when: after, run: [umount, /mnt]}]", "", "object", "command"]
)
def test_a_graph_that_runs_programs_is_not_confined(
    graph: Path, tmp_path: Path, line: str, flowbackup: RunCommand
) -> None:
    text = graph.read_text()
    if line == "object":
        text = text.replace("/source}", "/source, hooks: [{when: after, run: [sync]}]}")
    elif line == "command":
        text = text.replace(f"path: {tmp_path}/source", "command: [pg_dump, site]")
    else:
        text += line
    graph.write_text(text)
    ran = flowbackup(
        "schedule", "print", str(graph), "--at", "daily", "--system", "--program", "/opt/f"
    )
    assert ("ProtectSystem" in ran.out) is (not line) and ran.exit_code == 0


@pytest.mark.root
def test_the_capabilities_of_the_unit_are_enough(tmp_path: Path, graph: Path) -> None:
    """What others have closed is read, and the time of reading stays."""
    needed("setpriv")
    if os.geteuid() != 0:
        pytest.skip("root is needed, to be made less than root")
    source = tmp_path / "source"
    source.mkdir(mode=0o700)
    (source / "closed").write_text("text")
    (source / "closed").chmod(0o400)
    os.utime(source / "closed", ns=(0, 10**9))
    for path in (source, source / "closed"):
        os.chown(path, 4711, 4711)
    graph.write_text(graph.read_text().replace(", reserve: [spare]", ""))
    (line,) = (each for each in CONFINED if each.startswith("CapabilityBoundingSet="))
    names = line.partition("=")[2].replace("CAP_", "+").lower().split()
    kept = ",".join(("-all", *names))
    done = subprocess.run(
        ["setpriv", f"--bounding-set={kept}", "--inh-caps=-all", "--no-new-privs",
         sys.executable, "-c", "from flowbackup.cli.main import main; main()",
         "run", str(graph), "--init"], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "success" in done.stdout
    assert (source / "closed").stat().st_atime_ns == 0
