"""Devices of other nodes are repaired by agents there; in the process of the test they are threads,
called as they would be on a node."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup.media.labels.label import LABEL_NAME
from flowbackup.media.open import make_first_medium, open_device
from flowbackup.media.port import Device
from flowbackup.model.device import DeviceTarget
from flowbackup.model.report import SessionReport
from flowbackup.monitor import RecordingMonitor
from flowbackup.runtime.care import repair_agent
from flowbackup.runtime.care.far_device import FarDevice, far_devices
from flowbackup.runtime.care.repair_reach import Far
from flowbackup.runtime.care.repairing import RepairTask, run_repair
from flowbackup.runtime.engines.local import LocalEngine
from flowbackup.runtime.reading.far_media import far_media
from flowbackup.testing.faulty_device import FailingCall, FaultyDevice
from tests.local_backup import LocalBackup
from tests.runtime.repaired import held, judged, moved, states, target, tree

NODE = "vault"
Repair = Callable[..., SessionReport]


@pytest.fixture
def source(memory_path: Path) -> Path:
    return tree(memory_path / "site")


@pytest.fixture
def kept(memory_path: Path) -> LocalBackup:
    return LocalBackup(memory_path, "nas", "usb", "tape")


@pytest.fixture
def repair(kept: LocalBackup) -> Iterator[Repair]:
    engine = LocalEngine()

    def run(**task: object) -> SessionReport:
        # Without labels the engine comes to the node: it is this process.
        with kept.catalog() as catalog:
            for info in catalog.media():
                if info.device == "usb":
                    catalog.add_medium(replace(info, node=NODE))
            with far_media(engine) as read, far_devices(engine) as care:
                wanted = RepairTask(**task)  # type: ignore[arg-type]
                return run_repair(catalog, wanted, RecordingMonitor(), far=Far(read, care))

    yield run


def test_a_device_gets_where_it_is_what_it_lacks(
    kept: LocalBackup, source: Path, repair: Repair
) -> None:
    kept.run(source, "nas", "usb", fails_at={"usb": 5})
    would = repair(dry_run=True)
    assert not held(kept)["usb"] and moved(would)["usb"] > 0
    report = repair()
    assert (report.exit_code, states(report)["usb"]) == (0, "complete"), report.problems
    (usb,) = (device for device in report.devices if device.name == "usb")
    assert usb.node == NODE and usb.syncs > 0 and usb.bytes_written > report.bytes_new > 0
    assert moved(report)["usb"] == moved(would)["usb"]
    judged(kept, "usb", source)
    again = repair()
    assert (again.exit_code, moved(again)["usb"]) == (0, 0), "the agent has told what it wrote"


def test_what_is_gone_or_damaged_there_is_noticed_there(
    kept: LocalBackup, source: Path, repair: Repair, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.run(source, "nas", "usb")
    ask = FarDevice.ask
    asked: set[str] = set()

    def spied(device: FarDevice, verb: str, *arguments: object) -> object:
        asked.add(verb)
        return ask(device, verb, *arguments)

    monkeypatch.setattr(FarDevice, "ask", spied)
    first = min((kept.place("usb") / "segments").iterdir())
    first.unlink()
    label = kept.place("usb") / LABEL_NAME
    label.write_bytes(b"\0" * 64 + label.read_bytes()[64:])  # One of its two copies.
    report = repair()
    assert {"sizes", "inventory", "faults", "mend"} < asked, "not by the command's own eyes"
    told = [problem.text for problem in report.problems if problem.device == "usb"]
    assert any("are gone from" in text for text in told) and len(told) > 1
    assert (report.exit_code, states(report)["usb"]) == (0, "complete"), report.problems
    judged(kept, "usb", source)


def test_a_disk_that_was_replaced_there_is_filled(
    kept: LocalBackup, source: Path, repair: Repair
) -> None:
    kept.run(source, "nas", "usb")
    repair()
    shutil.rmtree(kept.place("usb"))
    kept.place("usb").mkdir()
    make_first_medium(str(kept.place("usb")), name="usb")
    report = repair()
    (usb,) = (device for device in report.devices if device.name == "usb")
    assert (report.exit_code, usb.state, usb.node) == (0, "complete", NODE), report.problems
    judged(kept, "usb", source)


def test_who_has_the_device_is_named(kept: LocalBackup, source: Path, repair: Repair) -> None:
    kept.run(source, "nas", "usb", fails_at={"usb": 5})
    other = open_device(target(kept, "usb"))
    other.lock("session 7")
    report = repair()
    other.close()
    assert (report.exit_code, states(report)["usb"]) == (11, "locked")
    assert any("session 7" in problem.text for problem in report.problems)
    assert repair().exit_code == 0


@pytest.mark.parametrize("verb", ["append", "commit", "finish", "lock", "check_writable"])
def test_one_that_fails_there_stops_no_other(
    kept: LocalBackup, source: Path, repair: Repair, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.run(source, "nas", "usb", "tape", fails_at={"usb": 5, "tape": 5})

    def opening(where: DeviceTarget) -> Device:
        return FaultyDevice(open_device(where), FailingCall(1, errno.EIO, verb))

    with monkeypatch.context() as patched:
        patched.setattr(repair_agent, "open_device", opening)
        report = repair()
    assert (report.exit_code, states(report)["usb"]) == (4, "failed")
    assert states(report)["tape"] == "complete"
    assert {problem.device for problem in report.problems} == {"usb"}
    assert repair().exit_code == 0
    judged(kept, "usb", source)


def test_an_agent_that_dies_while_it_writes_is_a_device_that_failed(
    kept: LocalBackup, source: Path, repair: Repair, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.run(source, "nas", "usb", "tape", fails_at={"usb": 5, "tape": 5})
    ask = FarDevice.ask

    def dies(device: FarDevice, verb: str, *arguments: object) -> object:
        if verb == "commit":
            device.end()
        return ask(device, verb, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(FarDevice, "ask", dies)
        report = repair()
    assert (report.exit_code, states(report)["usb"]) == (4, "failed")
    assert states(report)["tape"] == "complete"
    (problem,) = report.problems
    assert f"on node {NODE}" in problem.text and problem.device == "usb"
