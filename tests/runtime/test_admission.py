"""Sessions on a live Ray that find their devices in other hands."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.errors import DeviceLockedError, InterruptedSessionError
from flowbackup.flow import admission
from flowbackup.media.locks.door import DeviceDoor
from flowbackup.media.open import open_device
from flowbackup.model.device import DeviceTarget
from flowbackup.model.ids import id_text
from flowbackup.model.report import Outcome
from flowbackup.monitor import WAITING, Progress, RecordingMonitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.crew.crew import Crew
from flowbackup.runtime.edges.slab import PREFIX, SHARED_MEMORY
from flowbackup.runtime.freeing.room import Room
from tests.runtime.unended import give_time

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("live_ray", "haste")]
MIB = 1 << 20


@pytest.fixture
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "LOOK_SECONDS", 0.01)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A chain of two devices, and a copy behind it."""
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "file").write_bytes(os.urandom(3 * MIB))
    for name in ("nas", "usb", "vault"):
        api.init_device(str(tmp_path / name))
    (tmp_path / "graph.yaml").write_text(
        f"""
        graph: nightly
        frame_size: 1 MiB
        sync_size: 2 MiB
        clients: {{web: {{objects: {{site: {{path: {tmp_path}/source}}}}}}}}
        devices:
          nas: {{path: {tmp_path}/nas}}
          usb: {{path: {tmp_path}/usb}}
          vault: {{path: {tmp_path}/vault}}
        backup_groups: {{primary: {{devices: [nas]}}}}
        mirror_groups: {{offsite: {{mirrors: primary, devices: [usb]}}}}
        restore_groups: {{readers: {{devices: [nas]}}}}
        copy_groups: {{archive: {{copies: readers, devices: [vault], after: session}}}}
        """
    )
    return api.load_plan(tmp_path / "graph.yaml")


def door(tmp_path: Path, name: str) -> DeviceDoor:
    target = DeviceTarget(name, "directory", str(tmp_path / name))
    return DeviceDoor(open_device(target), "a long backup")


def settings(tmp_path: Path, seconds: float = 600) -> RunSettings:
    return RunSettings(catalog=tmp_path / "catalog.sqlite", wait_seconds_max=seconds)


class AtWait(RecordingMonitor):
    """Does something each time the session waits."""

    def __init__(self, act: Callable[[Progress], None]) -> None:
        super().__init__()
        self._act = act
        self.waits = 0

    def progress(self, progress: Progress) -> None:
        super().progress(progress)
        if progress.stage == WAITING:
            self.waits += 1
            self._act(progress)


def has_nothing(tmp_path: Path, name: str) -> bool:
    """A session that stands in the queue of this device holds neither that nor memory."""
    view = door(tmp_path, name).look()
    (waiting,) = view.standing
    session = id_text(waiting.ticket.session)
    return not view.holder and not list(SHARED_MEMORY.glob(f"{PREFIX}{session}*"))


def free(tmp_path: Path, *names: str) -> bool:
    views = [door(tmp_path, name).look() for name in names]
    return all(not view.holder and not view.standing for view in views)


def test_a_session_waits_without_devices_and_memory_and_then_runs(
    plan: Plan, tmp_path: Path
) -> None:
    busy = door(tmp_path, "usb")
    busy.lock()

    def release(progress: Progress) -> None:
        assert has_nothing(tmp_path, "nas")
        if monitor.waits == 2:
            busy.unlock()

    monitor = AtWait(release)
    report = api.run_backup(plan, settings(tmp_path), monitor)
    assert (report.exit_code, monitor.waits) == (0, 2)
    assert 'device "usb" is in use by a long backup (process' in monitor.messages[0]
    assert free(tmp_path, "nas", "usb", "vault")
    with pytest.raises(DeviceLockedError, match="a long backup"):
        busy.lock()
        try:
            api.run_backup(plan, settings(tmp_path, 0), monitor)
        finally:
            busy.unlock()
    assert free(tmp_path, "nas", "usb", "vault")


def test_a_stage_of_copies_waits_while_the_backup_before_it_has_given_everything_back(
    plan: Plan, tmp_path: Path
) -> None:
    busy = door(tmp_path, "vault")
    busy.lock()

    def release(progress: Progress) -> None:
        assert [edge.name for edge in progress.edges] == ["vault"]
        assert free(tmp_path, "nas", "usb")
        busy.unlock()

    monitor = AtWait(release)
    report = api.run_backup(plan, settings(tmp_path), monitor)
    (stage,) = report.stages
    assert (report.outcome, stage.outcome, monitor.waits) == (*[Outcome.SUCCESS] * 2, 1)
    busy.lock()
    report = api.run_backup(plan, settings(tmp_path, 0), RecordingMonitor())
    (stage,) = report.stages
    assert (report.outcome, stage.outcome, stage.exit_code) == ("success", "failed", 11)
    assert "a long backup" in stage.problems[0].text
    busy.unlock()
    assert free(tmp_path, "nas", "usb", "vault")


@pytest.mark.slow
def test_agents_that_are_refused_at_the_last_moment_give_everything_back_and_try_again(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a spare of another session is taken, which does not stand in queues."""
    hired = 0
    busy = door(tmp_path, "usb")
    hire = Crew.hire

    def hire_late(crew: Crew) -> None:
        nonlocal hired
        hired += 1
        hire(crew)
        if hired == 1:
            busy.lock()

    def release(progress: Progress) -> None:
        assert has_nothing(tmp_path, "nas")
        busy.unlock()

    monkeypatch.setattr(Crew, "hire", hire_late)
    monitor = AtWait(release)
    report = api.run_backup(plan, settings(tmp_path), monitor)
    assert (report.exit_code, monitor.waits) == (0, 1)
    assert hired == 3, "twice the chain, once the copy"
    assert free(tmp_path, "nas", "usb", "vault")


def test_a_waiting_session_ends_at_the_first_signal(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_time(monkeypatch)
    busy = door(tmp_path, "nas")
    busy.lock()
    with pytest.raises(InterruptedSessionError):
        api.run_backup(
            plan, settings(tmp_path), AtWait(lambda progress: signal.raise_signal(signal.SIGTERM))
        )
    busy.unlock()
    assert free(tmp_path, "nas", "usb")


@pytest.mark.parametrize("step", [(Crew, "hire"), (Crew, "wire"), (Room, "make")])
def test_a_session_that_has_written_nothing_ends_at_the_first_signal(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[type, str]
) -> None:
    """While its devices are opened, its actors coupled, or room is made before it."""
    give_time(monkeypatch)
    house, name = step
    begin = getattr(house, name)

    def begin_and_be_told(self: object) -> None:
        signal.raise_signal(signal.SIGINT)
        begin(self)

    monkeypatch.setattr(house, name, begin_and_be_told)
    with pytest.raises(InterruptedSessionError, match="interrupted"):
        api.run_backup(plan, settings(tmp_path), RecordingMonitor())
    assert free(tmp_path, "nas", "usb", "vault")
    assert list((tmp_path / "nas" / "segments").iterdir()) == []
