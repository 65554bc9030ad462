"""Two drivers on one cluster want the same devices of two nodes, in opposite orders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from flowbackup import api
from flowbackup.media.locks.door import DeviceDoor
from flowbackup.media.open import open_device
from flowbackup.model.device import DeviceTarget
from flowbackup.testing.compare import differences
from flowbackup.units import MIB
from tests import judge

pytestmark = [pytest.mark.ray, pytest.mark.slow]
PROGRAM = "from flowbackup.cli.main import main; main()"
DISKS = ("disk2", "disk3")
Start = Callable[..., "subprocess.Popen[str]"]


def door(tmp_path: Path, disk: str, holder: str = "a test") -> DeviceDoor:
    return DeviceDoor(open_device(DeviceTarget(disk, "directory", str(tmp_path / disk))), holder)


@pytest.fixture
def start(cluster: Cluster, tmp_path: Path) -> Iterator[Start]:
    """Starts a driver that backs up a tree of its own to the first of two disks, and on to the
    second."""
    running: list[subprocess.Popen[str]] = []

    def begin(name: str, first: str, second: str, *options: str) -> subprocess.Popen[str]:
        source = tmp_path / name
        source.mkdir()
        (source / "file").write_bytes(os.urandom(8 * MIB))
        (tmp_path / f"{name}.yaml").write_text(
            f"""
            graph: {name}
            frame_size: 1 MiB
            sync_size: 4 MiB
            nodes: {{storage1: {{}}, storage2: {{}}, storage3: {{}}}}
            clients: {{web: {{objects: {{{name}: {{path: {source}}}}}}}}}
            devices:
              disk2: {{path: {tmp_path}/disk2, node: storage2}}
              disk3: {{path: {tmp_path}/disk3, node: storage3}}
            backup_groups: {{primary: {{devices: [{first}]}}}}
            mirror_groups: {{offsite: {{mirrors: primary, devices: [{second}]}}}}
            """
        )
        command = [
            sys.executable, "-c", PROGRAM, "run", str(tmp_path / f"{name}.yaml"), "--json",
            "--address", cluster.address, "--catalog", str(tmp_path / f"{name}.sqlite"), *options,
        ]  # fmt: skip
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return running[-1]

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def hear(process: subprocess.Popen[str], kind: str, text: str = "") -> dict[str, object]:
    """The next line of that type which holds the text."""
    assert process.stdout is not None
    for line in process.stdout:
        value: dict[str, object] = json.loads(line)
        if value["type"] == kind and text in line:
            return value
    raise AssertionError(f"no {kind} with {text}")


def test_drivers_with_opposite_orders_run_one_after_the_other(start: Start, tmp_path: Path) -> None:
    for disk in DISKS:
        api.init_device(str(tmp_path / disk))
    busy = door(tmp_path, "disk3")
    busy.lock()
    wait = ("--retry-lock", "10m")
    one, other = start("one", *DISKS, *wait), start("other", *reversed(DISKS), *wait)
    for driver in (one, other):
        hear(driver, "message", "is in use by a test")
        waiting = hear(driver, "progress", "waiting for devices")
        assert "disk3" in str(waiting["edges"])
    # Nobody holds a device and waits; both stand in both queues.
    views = [door(tmp_path, disk).look() for disk in DISKS]
    assert [bool(view.holder) for view in views] == [False, True]
    assert all(len(view.standing) == 2 for view in views)
    assert views[0].standing[0].ticket == views[1].standing[0].ticket

    third = start("third", *DISKS, "--retry-lock", "0")
    error = hear(third, "error")
    assert third.wait() == error["exit_code"] == 11
    assert 'device "disk3" is in use by a test (process ' in str(error["text"])
    assert 'device "disk2" is kept for session ' in str(error["text"])

    busy.unlock()
    for driver in (one, other):
        assert hear(driver, "summary")["exit_code"] == 0
        assert driver.wait() == 0
    for disk in DISKS:
        view = door(tmp_path, disk).look()
        assert (view.holder, view.standing) == ("", ())
        assert not (tmp_path / disk / "flowbackup.queue").exists()
        target = tmp_path / f"{disk}-back"
        assert judge.recovered([tmp_path / disk], target, "all").problems == ()
        for name in ("one", "other"):
            assert list(differences(str(tmp_path / name), str(target / "web" / name))) == []
