"""Repairs that fail or die: what was committed counts, nothing else is believed, and the next one
goes on."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup.media.calls import SYSTEM, SystemCalls
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.open import open_device
from flowbackup.media.port import Device
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import FrameId
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import RecordingMonitor
from flowbackup.runtime.care.repairing import RepairTask, run_repair
from flowbackup.testing.faulty_calls import Fault, FaultySystemCalls
from flowbackup.testing.faulty_device import FailingCall, FaultyDevice
from tests import judge
from tests.local_backup import SEGMENT_BYTES, LocalBackup
from tests.runtime.repaired import frames_of, judged, moved, repair, states, target, tree


@pytest.fixture
def source(memory_path: Path) -> Path:
    return tree(memory_path / "site")


@pytest.fixture
def kept(memory_path: Path) -> LocalBackup:
    return LocalBackup(memory_path, "nas", "usb", "vault")


def repaired_with(kept: LocalBackup, opening: Callable[[DeviceTarget], Device]) -> SessionReport:
    with kept.catalog() as catalog:
        return run_repair(catalog, RepairTask(), RecordingMonitor(), opening)


@pytest.mark.parametrize("verb", ["append", "commit", "finish", "lock", "check_writable"])
def test_a_target_that_fails_does_not_stop_the_other(
    kept: LocalBackup, source: Path, verb: str
) -> None:
    kept.run(source, "nas", "usb", "vault", fails_at={"usb": 5, "vault": 5})
    call = FailingCall(1, errno.EIO, verb)

    def opening(where: DeviceTarget) -> Device:
        device = open_device(where)
        return FaultyDevice(device, call) if where.name == "usb" else device

    report = repaired_with(kept, opening)
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4)
    assert (states(report)["usb"], states(report)["vault"]) == ("failed", "complete")
    assert [(p.kind, p.device) for p in report.problems] == [("device_failed", "usb")]
    judged(kept, "vault", source)
    assert repair(kept).exit_code == 0
    judged(kept, "usb", source)


class Killed(BaseException):
    """The process ends here."""


class DyingCalls(SystemCalls):
    """Dies at the n-th call, and does nothing any more from then on."""

    def __init__(self, nth: int) -> None:
        self.left = nth

    def __getattribute__(self, name: str) -> object:
        found = object.__getattribute__(self, name)
        if name == "left" or name.startswith("__"):
            return found
        self.left -= 1
        if self.left <= 0 and name != "close":
            raise Killed(name)
        return found


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_a_repair_that_dies_at_any_call_is_continued(
    memory_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The next one moves what was not durable, and no more."""
    monkeypatch.setattr("flowbackup.runtime.care.repairing.GROUP_FRAMES", 4)
    calls = FaultySystemCalls()
    kept = LocalBackup(memory_path / "counted", "nas", "usb")
    version = kept.run(source, "nas", "usb", fails_at={"usb": 5})
    wanted = {*frames_of(kept, version), FrameId(version.record.session, 0, 0)}
    shutil.copytree(kept.folder, memory_path / "before")
    assert moved(repaired_with(kept, opening_with(kept, calls)))["usb"] == len(wanted) - 5
    died = 0
    for nth in range(1, len(calls.made) + 1, step):
        shutil.rmtree(kept.folder)
        shutil.copytree(memory_path / "before", kept.folder)
        try:
            repaired_with(kept, opening_with(kept, DyingCalls(nth)))
        except Killed:
            died += 1
        durable = durable_on(kept, "usb")
        report = repair(kept)
        assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), nth
        assert moved(report)["usb"] == len(wanted - durable), nth
        judged(kept, "usb", source)
    assert died >= 40 // step


def opening_with(kept: LocalBackup, calls: SystemCalls) -> Callable[[DeviceTarget], Device]:
    def opening(where: DeviceTarget) -> Device:
        used = calls if where.name == "usb" else SYSTEM
        return DirectoryDevice(where, segment_bytes=SEGMENT_BYTES, calls=used)

    return opening


def test_a_full_device_keeps_what_it_took(
    kept: LocalBackup, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowbackup.runtime.care.repairing.GROUP_FRAMES", 4)
    kept.run(source, "nas", "usb", fails_at={"usb": 5})
    calls = FaultySystemCalls(Fault(2, errno.ENOSPC, "fallocate", for_ever=True))
    report = repaired_with(kept, opening_with(kept, calls))
    assert (report.exit_code, states(report)["usb"]) == (4, "failed")
    first = moved(report)["usb"]
    assert first > 0
    report = repair(kept)
    assert report.exit_code == 0 and moved(report)["usb"] > 0
    judged(kept, "usb", source)


REPAIR = """
import os, signal, sys
from pathlib import Path
from flowbackup import api
from flowbackup.media import calls
from flowbackup.monitor import SilentMonitor
from flowbackup.runtime.care import repairing
repairing.GROUP_FRAMES = 2
left = int(sys.argv[2])
write = calls.SystemCalls.pwritev

def pwritev(self, fd, buffers, offset):
    global left
    left -= sum(map(len, buffers))
    written = write(self, fd, buffers, offset)
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return written

calls.SystemCalls.pwritev = pwritev
sys.exit(api.repair((), api.RepairRequest(catalog=Path(sys.argv[1])), SilentMonitor()).exit_code)
"""


@pytest.mark.slow
def test_a_killed_repair_leaves_valid_media_and_the_next_goes_on(tmp_path: Path) -> None:
    """On a disk, with kill -9, which it gives itself at several lengths of what was written."""
    source = tmp_path / "site"
    source.mkdir()
    for number in range(20):
        (source / f"file{number:02d}").write_bytes(os.urandom(1 << 20))
    kept = LocalBackup(tmp_path, "nas", "usb")
    version = kept.run(source, "nas", "usb", fails_at={"usb": 0})
    wanted = len(frames_of(kept, version)) + 1
    durable = killed = 0
    for length in (1, 100_000, 1_000_000, 3_000_000, 6_000_000):
        child = subprocess.run(
            [sys.executable, "-c", REPAIR, str(kept.catalog_path), str(length)],
            cwd=Path(__file__).parents[2], check=False,
        )  # fmt: skip
        killed += child.returncode == -signal.SIGKILL
        before, durable = durable, len(durable_on(kept, "usb"))
        assert durable >= before
        assert judge.check_here([kept.place("usb")]).problems == ()
    assert killed == 5 and 0 < durable < wanted
    report = repair(kept)
    assert (report.exit_code, moved(report)["usb"]) == (0, wanted - durable)
    judged(kept, "usb", source)


def durable_on(kept: LocalBackup, name: str) -> set[FrameId]:
    reader = open_device(target(kept, name)).reader()
    return {frame.header.frame_id for frame in reader.frames()}
