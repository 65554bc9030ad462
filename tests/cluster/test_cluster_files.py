"""Files to start clusters with: as far as one can tell where there is none."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import ray.autoscaler
from click.testing import CliRunner
from ray.scripts.scripts import cli as ray_commands
from ruamel.yaml import YAML

import flowbackup
from flowbackup.cli.main import commands, run
from flowbackup.cli.output import Output
from tests.schedule.programs import needed

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "cluster"
LOCKED = dict(
    re.findall(r"^([\w-]+)==([\w.]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
)
POD = {"nodeSelector", "containers", "volumes", "securityContext", "tolerations"}
CONTAINER = {"name", "image", "resources", "volumeMounts", "env", "securityContext"}
GROUP = {"labels", "rayStartParams", "template"}
FIELDS = {
    "RayCluster": {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"},
    "RayJob": {
        "clusterSelector", "entrypoint", "runtimeEnvYAML", "backoffLimit",
        "shutdownAfterJobFinishes",
    },
    "RayCronJob": {"schedule", "timeZone", "jobTemplate"},
}  # fmt: skip
"""What KubeRay's definitions have of each kind, as far as it is used here."""


def documents(path: Path) -> list[Any]:
    return [value for value in YAML(typ="safe").load_all(path) if value is not None]


def kuberay() -> Iterator[Any]:
    for path in sorted((CLUSTER / "kuberay").glob("*.yaml")):
        yield from documents(path)


@pytest.mark.parametrize("path", sorted(CLUSTER.rglob("*.y*ml")), ids=lambda path: path.name)
def test_every_file_of_yaml_can_be_read(path: Path) -> None:
    assert documents(path)


def test_manifests_have_the_fields_of_their_kinds() -> None:
    kinds = [value["kind"] for value in kuberay()]
    assert sorted(kinds) == ["PersistentVolumeClaim", "RayCluster", "RayCronJob", "RayJob"]
    for value in kuberay():
        if value["kind"] in FIELDS:
            assert value["apiVersion"] == "ray.io/v1"
            assert value["spec"].keys() <= FIELDS[value["kind"]]
    (cron,) = (value for value in kuberay() if value["kind"] == "RayCronJob")
    assert cron["spec"]["jobTemplate"].keys() <= FIELDS["RayJob"]


def test_the_cluster_has_one_pod_for_each_node_with_memory_and_volumes_that_are_there() -> None:
    (spec,) = (value["spec"] for value in kuberay() if value["kind"] == "RayCluster")
    assert spec["rayVersion"] == LOCKED["ray"]
    assert spec["authOptions"] == {"mode": "token"}
    labels = []
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        only = {"serviceType"} if group is spec["headGroupSpec"] else {
            "groupName", "replicas", "minReplicas", "maxReplicas",
        }  # fmt: skip
        assert group.keys() == GROUP | only
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        check_start([f"--{key}={value}" for key, value in group["rayStartParams"].items()])
        labels.append(group["labels"]["flowbackup.io/node"])
        assert group.get("replicas", 1) == group.get("maxReplicas", 1) == 1
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert pod.keys() <= POD and container.keys() <= CONTAINER
        assert container["image"] == f"flowbackup:{flowbackup.__version__}"
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
        places = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert volumes[places["/dev/shm"]]["emptyDir"]["medium"] == "Memory"
    assert len(set(labels)) == len(labels)


def test_entry_points_are_commands_that_can_be_called() -> None:
    lines = [
        spec.get("jobTemplate", spec)["entrypoint"]
        for spec in (
            value["spec"] for value in kuberay() if value["kind"] in ("RayJob", "RayCronJob")
        )
    ]
    assert len(lines) == 2
    for line in lines:
        program, name, *words = shlex.split(line)
        command = commands.get_command(click.Context(commands), name)
        assert program == "flowbackup" and command is not None
        with command.make_context(name, words):
            pass


def test_the_cron_job_is_what_schedule_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (CLUSTER / "kuberay" / "raycronjob.yaml").read_text()
    lines = text.splitlines()
    told = " ".join(line.removeprefix("#").strip().rstrip("\\") for line in lines[1:4])
    graph = tmp_path / "nightly.yaml"
    graph.write_text(
        (ROOT / "graphs" / "single.yaml").read_text().replace("graph: single", "graph: nightly")
    )
    words = [str(graph) if word == "nightly.yaml" else word for word in shlex.split(told)[1:]]
    assert run(words, Output()) == 0
    assert capsys.readouterr().out.strip() == "\n".join(lines[4:])


@pytest.mark.parametrize("name", ["on-premises", "aws"])
def test_files_of_the_launcher_fit_its_schema(name: str) -> None:
    (value,) = documents(CLUSTER / "launcher" / f"{name}.yaml")
    place = Path(ray.autoscaler.__file__).parent / "ray-schema.json"
    jsonschema.validate(value, json.loads(place.read_text()))
    for kind in ("head", "worker"):
        stop, start = value[f"{kind}_start_ray_commands"]
        assert stop.endswith("ray stop")
        assert start.startswith("RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=")
        check_start(start.split(" start ")[1].split())


def check_start(words: list[str]) -> None:
    """Options that `ray start` does not have are refused; nothing is started."""
    start = ray_commands.commands["start"]
    known = {option for each in start.params for option in each.opts}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= known, words


def test_units_are_what_systemd_wants(tmp_path: Path) -> None:
    needed("systemd-analyze")
    for path in sorted((CLUSTER / "systemd").glob("*.service")):
        text = path.read_text()
        (command,) = re.findall(r"^ExecStart=(.*(?:\\\n.*)*)", text, re.MULTILINE)
        check_start(command.replace("\\\n", " ").split()[2:])
        # Neither the program nor the file of its environment is on this machine.
        unit = tmp_path / path.name
        unit.write_text(text.replace("/opt/flowbackup/bin/ray", "/bin/true"))
        done = subprocess.run(
            ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False,
            env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        )  # fmt: skip
        assert done.stdout + done.stderr == ""


def test_the_environment_of_the_units_names_what_they_use() -> None:
    lines = (CLUSTER / "systemd" / "ray.env").read_text().splitlines()
    given = {line.lstrip("#").split("=")[0] for line in lines if re.match(r"#?[A-Z_]+=", line)}
    for path in (CLUSTER / "systemd").glob("*.service"):
        assert set(re.findall(r"\$\{(\w+)\}", path.read_text())) <= given
    assert {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH", "RAY_USE_TLS"} <= given


def test_the_image_copies_what_is_there_and_has_the_version() -> None:
    text = (CLUSTER / "Dockerfile").read_text()
    copied = [
        word for line in re.findall(r"^COPY (.*)", text, re.MULTILINE) for word in line.split()[:-1]
    ]
    assert copied and all((ROOT / word).exists() for word in copied)
    assert f"flowbackup:{flowbackup.__version__}" in text
    assert "--require-hashes" in text


def test_ray_has_the_command_of_the_token() -> None:
    done = CliRunner().invoke(ray_commands, ["get-auth-token", "--help"])
    assert done.exit_code == 0 and "--generate" in done.output
