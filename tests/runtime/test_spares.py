"""A spare device goes on where one of its group has failed: within an object, from memory."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import DeviceError
from flowbackup.media.port import FrameWriter
from flowbackup.model.frame import FrameDescriptor
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Monitor, Progress, SilentMonitor
from flowbackup.runtime.actors.media_agent import MediaAgent
from flowbackup.runtime.crew import crew
from flowbackup.runtime.edges.wiring import Told
from flowbackup.testing.compare import differences
from tests.runtime.gates import Gates

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("live_ray")]
MIB = 1 << 20
FRAMES_TAKEN = 11


@pytest.fixture
def source(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    place.mkdir()
    for number in range(10):
        (place / f"file{number}").write_bytes(os.urandom(MIB + number))
    return place


@pytest.fixture(params=[False, True], ids=["fails", "dies"])
def dies(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Devices whose name begins with "bad" take some frames and then no more: they refuse, or their
    process dies and cannot be started again."""
    dies = bool(request.param)

    class Failing(MediaAgent):
        def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
            target = self._settings.target
            if target.name.startswith("bad") and writer.statistics().frames >= FRAMES_TAKEN:
                if dies:
                    os._exit(1)
                raise DeviceError("it burns", device=target.name, errno=errno.EIO)
            super()._append(writer, frame)

        def take_over(self, *_: object) -> tuple[object, Told]:  # type: ignore[override]
            raise DeviceError("it is worn out", device=self._settings.target.name)

    monkeypatch.setattr(crew, "MediaAgent", Failing)
    return dies


def kinds(report: SessionReport) -> list[str]:
    return [problem.kind for problem in report.problems]


class WhenOneFailed(SilentMonitor):
    """Opens a gate when the session knows of a failed device."""

    def __init__(self, gates: Gates) -> None:
        self._gates = gates

    def progress(self, progress: Progress) -> None:
        states = {edge.state for edge in progress.edges}
        if self._gates.is_reached and states - {"starting", "running"}:
            self._gates.open()


def run(
    tmp_path: Path, source: Path, groups: str, monitor: Monitor | None = None
) -> SessionReport:  # fmt: skip
    names = ("bad", "spare1", "bad2", "spare2", "mirror")
    devices = ", ".join(f"{name}: {{path: {tmp_path}/{name}}}" for name in names)
    graph = tmp_path / "spares.yaml"
    graph.write_text(
        f"""
        graph: spares
        frame_size: 256 KiB
        sync_size: 512 KiB
        clients: {{web: {{objects: {{site: {{path: {source}}}}}}}}}
        devices: {{{devices}}}
        {groups}
        """
    )
    settings = RunSettings(catalog=tmp_path / "catalog.sqlite", init=True)
    return api.run_backup(api.load_plan(graph), settings, monitor or SilentMonitor())


def restored_equal(tmp_path: Path, source: Path) -> bool:
    target = tmp_path / "restored"
    request = api.RestoreRequest(catalog=tmp_path / "catalog.sqlite")
    api.restore("site", str(target), request, SilentMonitor())
    return list(differences(str(source), str(target))) == []


def test_an_object_goes_on_on_the_spare_and_is_restored_across_both(
    tmp_path: Path, source: Path, dies: bool
) -> None:
    groups = "backup_groups: {primary: {devices: [bad], reserve: [spare1]}}"
    report = run(tmp_path, source, groups)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert [(d.name, d.state) for d in report.devices] == [
        ("bad", "replaced"), ("spare1", "complete"),
    ]  # fmt: skip
    assert kinds(report) == [*(["restart_failed"] if dies else []), "device_replaced"]
    # The source was read once: what the failed device had not made durable came from memory.
    assert report.bytes_read == sum(path.stat().st_size for path in source.iterdir())
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        (version,) = catalog.versions()
        held = {row.medium.device: row for row in catalog.copies_of(version)}
        assert all(0 < row.frames_held < row.frames_needed for row in held.values())
        assert sum(row.frames_held for row in held.values()) == len(catalog.frames_of(version))
        assert catalog.copies_durable(version) == 1
    assert restored_equal(tmp_path, source)


@pytest.mark.usefixtures("dies")
def test_a_spare_that_fails_is_followed_by_the_next(tmp_path: Path, source: Path) -> None:
    # What is beyond `max` is a spare, too, and comes before the reserve.
    groups = "backup_groups: {primary: {devices: [bad, bad2], max: 1, reserve: [spare2, spare1]}}"
    report = run(tmp_path, source, groups)
    assert report.outcome is Outcome.SUCCESS, report.problems
    assert [(d.name, d.state) for d in report.devices] == [
        ("bad", "replaced"), ("bad2", "replaced"), ("spare2", "complete"),
    ]  # fmt: skip
    assert restored_equal(tmp_path, source)


def test_without_a_spare_that_works_the_mirror_goes_on_alone(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(MediaAgent):
        def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
            if self._settings.target.name.startswith("bad"):
                raise DeviceError("it burns", device=self._settings.target.name, errno=errno.EIO)
            super()._append(writer, frame)

    monkeypatch.setattr(crew, "MediaAgent", Failing)
    report = run(
        tmp_path, source,
        "backup_groups: {primary: {devices: [bad], reserve: [bad2]}}\n"
        "        mirror_groups: {offsite: {mirrors: primary, devices: [mirror]}}",
    )  # fmt: skip
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4), report.problems
    assert [(d.name, d.state) for d in report.devices] == [
        ("bad", "replaced"), ("bad2", "relay-only"), ("mirror", "complete"),
    ]  # fmt: skip
    assert restored_equal(tmp_path, source)


def test_a_group_below_its_minimum_fails_the_session(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(MediaAgent):
        def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
            if self._settings.target.name == "bad":
                raise DeviceError("it burns", device="bad", errno=errno.EIO)
            super()._append(writer, frame)

    gates = Gates(tmp_path / "gates", "mirror", 3)
    monkeypatch.setattr(crew, "MediaAgent", gates.agent(Failing))
    report = run(
        tmp_path, source,
        "backup_groups: {primary: {devices: [mirror]}}\n"
        "        mirror_groups: {two: {devices: [bad, spare1], min: 2}}\n"
        "        couplings: [primary -> two]",
        WhenOneFailed(gates),
    )  # fmt: skip
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, 1)
    (problem,) = [p for p in report.problems if p.kind == "group_failed"]
    assert problem.text == 'group "two" has 1 device left, min: 2'


def test_a_copy_group_below_its_minimum_fails_and_the_other_copies_go_on(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(MediaAgent):
        def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
            if self._settings.target.name == "bad":
                raise DeviceError("it burns", device="bad", errno=errno.EIO)
            super()._append(writer, frame)

    gates = Gates(tmp_path / "gates", "spare1", 3)
    monkeypatch.setattr(crew, "MediaAgent", gates.agent(Failing))
    report = run(
        tmp_path, source,
        "backup_groups: {primary: {devices: [mirror]}}\n"
        "        restore_groups: {library: {devices: [mirror]}}\n"
        "        copy_groups:\n"
        "          two: {devices: [bad, spare1], min: 2, copies: library}\n"
        "          one: {devices: [spare2], copies: library}",
        WhenOneFailed(gates),
    )  # fmt: skip
    (stage,) = report.stages
    assert (report.outcome, stage.outcome, stage.exit_code) == (
        Outcome.SUCCESS, Outcome.INCOMPLETE, 4,
    ), stage.problems  # fmt: skip
    (problem,) = [p for p in stage.problems if p.kind == "group_failed"]
    assert problem.text == 'group "two" has 1 device left, min: 2'
    states = {device.name: device.state for device in stage.devices}
    assert (states["spare1"], states["spare2"]) == ("failed", "complete")
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        held = {c.medium.device: c for c in catalog.copies_of(catalog.resolve("latest"))}
    assert held["spare2"].frames_held == held["mirror"].frames_held
