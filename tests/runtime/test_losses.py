"""Processes that die or stop in the middle: bounded, told, and what was finished stays."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import ray

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import DeviceLockedError
from flowbackup.flow.restarts import Restarts
from flowbackup.media.open import open_device
from flowbackup.model.device import DeviceTarget
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Monitor, Progress, SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.crew import crew, succession, watch
from flowbackup.testing.compare import differences
from tests.runtime.gates import Gates
from tests.runtime.left_behind import wait_for

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("live_ray")]
MIB = 1 << 20
FRAMES = 24
"""Of the second object, with most of it to come, when the first has been whole for long."""
ROUNDS = 2
"""In which the session hears what has happened until then."""


def tree(place: Path, files: int) -> Path:
    place.mkdir()
    for number in range(files):
        (place / f"file{number:02d}").write_bytes(os.urandom(MIB))
    return place


@pytest.fixture
def plan_of(tmp_path: Path) -> Callable[..., Plan]:
    """A small object, then a large one, to a chain of devices of this many levels."""
    first, second = tree(tmp_path / "first", 2), tree(tmp_path / "second", 24)

    def plan(levels: int) -> Plan:
        devices = "\n".join(f"  d{n}: {{path: {tmp_path}/d{n}}}" for n in range(levels))
        mirrors = "\n".join(
            f"  g{n}: {{mirrors: g{n - 1}, devices: [d{n}], buffers: 8}}" for n in range(1, levels)
        )
        (tmp_path / "graph.yaml").write_text(
            "graph: losses\nframe_size: 512 KiB\nsync_size: 1 MiB\n"
            f"clients: {{web: {{objects: {{first: {{path: {first}}}, "
            f"second: {{path: {second}}}}}}}}}\n"
            f"devices:\n{devices}\nbackup_groups: {{g0: {{devices: [d0], buffers: 8}}}}\n"
            + (f"mirror_groups:\n{mirrors}\n" if mirrors else "")
        )
        return api.load_plan(tmp_path / "graph.yaml")

    return plan


def run(tmp_path: Path, plan: Plan, monitor: Monitor) -> SessionReport:
    settings = RunSettings(catalog=tmp_path / "catalog.sqlite", init=True)
    report = api.run_backup(plan, settings, monitor)
    assert list(Path("/dev/shm").glob(f"flowbackup-{report.session}*")) == []
    # Ray hears of their ends a moment later.
    wait_for(lambda: not alive())
    return report


def actors() -> list[dict[str, object]]:
    return list(ray._private.state.actors().values())


def alive() -> list[object]:
    return [a["Name"] for a in actors() if a["State"] == "ALIVE" and "losses" in str(a["Name"])]


class Signal(SilentMonitor):
    """Sends one actor a signal, once the device d0 stands at its gate and the session has heard
    of all before."""

    def __init__(self, gates: Gates, kind: str, name: str, number: int) -> None:
        self._gates = gates
        self._who = (f"losses/{name}", kind, "ALIVE")
        self._number = number
        self._rounds_left = ROUNDS
        self.sent = 0

    def progress(self, progress: Progress) -> None:
        if self.sent or not self._gates.is_reached or not self._is_heard():
            return
        for actor in actors():
            if (actor["Name"], actor["ActorClassName"], actor["State"]) == self._who:
                os.kill(int(str(actor["Pid"])), self._number)
                self.sent += 1
        self._gates.open()

    def _is_heard(self) -> bool:
        self._rounds_left -= 1
        return self._rounds_left < 0


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gates:
    made = Gates(tmp_path / "gates", "d0", FRAMES)
    monkeypatch.setattr(crew, "MediaAgent", made.agent(crew.MediaAgent))
    return made


def comes_back(tmp_path: Path, name: str) -> bool:
    target = tmp_path / f"restored-{name}"
    request = api.RestoreRequest(catalog=tmp_path / "catalog.sqlite")
    api.restore(name, str(target), request, SilentMonitor())
    return list(differences(str(tmp_path / name), str(target))) == []


@pytest.fixture
def _without_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(succession, "Restarts", lambda: Restarts(0))


@pytest.mark.usefixtures("_without_restarts")
def test_a_mirror_buffer_that_is_lost_costs_its_copy_and_what_is_behind_it_is_fed_around_it(
    tmp_path: Path, plan_of: Callable[..., Plan], gates: Gates
) -> None:
    monitor = Signal(gates, "Buffer", "g1.d1", signal.SIGKILL)
    report = run(tmp_path, plan_of(3), monitor)
    assert monitor.sent == 1
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4), report.problems
    assert [d.state for d in report.devices] == ["complete", "failed", "complete"]
    assert [(p.kind, p.device) for p in report.problems] == [
        ("device_failed", "d1"), ("adopted", "d2"),
    ]  # fmt: skip
    assert report.objects[1].copies_durable == 2
    (tmp_path / "d0").rename(tmp_path / "away")
    assert comes_back(tmp_path, "second")


@pytest.mark.usefixtures("_without_restarts")
def test_a_head_buffer_that_is_lost_fails_what_was_under_way_and_keeps_what_was_finished(
    tmp_path: Path, plan_of: Callable[..., Plan], gates: Gates
) -> None:
    monitor = Signal(gates, "Buffer", "g0.d0", signal.SIGKILL)
    report = run(tmp_path, plan_of(2), monitor)
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, 1)
    assert [o.outcome for o in report.objects] == [Outcome.SUCCESS, Outcome.FAILED]
    assert [o.version for o in report.objects] == [1, 0]
    assert any("g0.d0" in p.text for p in report.problems)
    assert comes_back(tmp_path, "first")


def test_a_killed_client_loses_the_object_under_way_alone(
    tmp_path: Path, plan_of: Callable[..., Plan], gates: Gates
) -> None:
    report = run(tmp_path, plan_of(2), Signal(gates, "Client", "web", signal.SIGKILL))
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, 1)
    assert [(o.name, o.outcome) for o in report.objects] == [
        ("first", Outcome.SUCCESS), ("second", Outcome.FAILED),
    ]  # fmt: skip
    assert [d.state for d in report.devices] == ["complete", "complete"]
    assert report.objects[0].copies_durable == 2
    assert comes_back(tmp_path, "first")
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        assert [version.record.name for version in catalog.versions()] == ["first"]


def test_a_device_that_takes_nothing_any_more_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At one byte a second the first frame of the mirror takes days.  The other one takes all in
    less than the limit, also where it gets no processor for some seconds."""
    monkeypatch.setattr(watch, "STALL_SECONDS_MAX", 10.0)
    source = tree(tmp_path / "source", 4)
    graph = tmp_path / "graph.yaml"
    graph.write_text(
        f"""
        graph: losses
        frame_size: 512 KiB
        sync_size: 1 MiB
        clients: {{web: {{objects: {{source: {{path: {source}}}}}}}}}
        devices:
          good: {{path: {tmp_path}/good}}
          stuck: {{kind: "null", rate_limit: 1}}
        backup_groups: {{primary: {{devices: [good]}}}}
        mirror_groups: {{second: {{mirrors: primary, devices: [stuck]}}}}
        """
    )
    report = run(tmp_path, api.load_plan(graph), SilentMonitor())
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4), report.problems
    assert [(p.device, "taken nothing" in p.text) for p in report.problems] == [("stuck", True)]


def test_of_two_sessions_the_second_is_refused_and_writes_nothing(
    tmp_path: Path, plan_of: Callable[..., Plan]
) -> None:
    plan = plan_of(2)
    for name in ("d0", "d1"):
        api.init_device(str(tmp_path / name))
    device = open_device(DeviceTarget("d1", "directory", str(tmp_path / "d1")))
    device.lock('session 0192 of graph "other"')
    try:
        with pytest.raises(DeviceLockedError, match="other") as caught:
            run(tmp_path, plan, SilentMonitor())
    finally:
        device.close()
    assert caught.value.exit_code == 11 and "other" in caught.value.holder
    assert [list((tmp_path / name / "segments").iterdir()) for name in ("d0", "d1")] == [[], []]
    assert run(tmp_path, plan, SilentMonitor()).exit_code == 0
