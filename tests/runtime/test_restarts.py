"""Processes of a station that die or stop: they are replaced, and nothing is read again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import ray

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.media.port import FrameWriter, WriterStatistics
from flowbackup.model.frame import FrameDescriptor, FrameHeader
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Progress, SilentMonitor
from flowbackup.runtime.actors.media_agent import MediaAgent
from flowbackup.runtime.crew import crew
from flowbackup.testing.compare import differences
from tests.runtime.gates import Gates

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("live_ray")]
MIB = 1 << 20
FILES = 16


class Signals(SilentMonitor):
    """Sends actors signals at once, each time when the first one's device stands at its next gate;
    those that are in their place by then."""

    def __init__(
        self, folder: Path, kind: str, names: str, *numbers: int, frames: Sequence[int] = (7, 17),
        graph: str = "restarts",
    ) -> None:  # fmt: skip
        """folder: of the gates.  frames: before each of them; an odd number leaves one without a
        commit."""
        self._who = {
            (f"{graph}/{name}", each) for name in names.split() for each in kind.split()
        }  # fmt: skip
        self._left = list(numbers)
        device = names.split()[0].partition(".")[2]
        self.gates = Gates(folder / "gates", device, *frames[: len(numbers)])
        self.pids: list[int] = []

    @property
    def is_done(self) -> bool:
        return not self._left

    def progress(self, progress: Progress) -> None:
        if not self._left or not self.gates.is_reached:
            return
        found = [
            actor["Pid"]
            for actor in ray._private.state.actors().values()
            if actor["State"] == "ALIVE" and actor["Pid"] not in self.pids
            and (_agent_of(actor), actor["ActorClassName"].rpartition(".")[2]) in self._who
        ]  # fmt: skip
        if len(found) == len(self._who):
            number = self._left.pop(0)
            for pid in found:
                os.kill(pid, number)
            self.pids += found
            self.gates.open()


def _agent_of(actor: dict[str, Any]) -> str:
    """Its name, without the number of its self."""
    return str(actor["Name"]).partition(" self ")[0]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    place.mkdir()
    for number in range(FILES):
        (place / f"file{number:02d}").write_bytes(os.urandom(MIB))
    return place


@pytest.fixture
def run(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., SessionReport]:
    """Backs the source up to these groups, of devices d0 to d3, and sends signals on the way: kind
    and names of actors, and the signals."""

    def backup(groups: str, kind: str, names: str, *numbers: int) -> SessionReport:
        monitor = Signals(tmp_path, kind, names, *numbers)
        monkeypatch.setattr(crew, "MediaAgent", monitor.gates.agent(crew.MediaAgent))
        devices = ", ".join(f"d{n}: {{path: {tmp_path}/d{n}}}" for n in range(4))
        (tmp_path / "graph.yaml").write_text(
            "graph: restarts\nframe_size: 512 KiB\nsync_size: 1 MiB\n"
            f"clients: {{web: {{objects: {{source: {{path: {source}}}}}}}}}\n"
            f"devices: {{{devices}}}\n{groups}"
        )
        settings = RunSettings(catalog=tmp_path / "catalog.sqlite", init=True)
        report = api.run_backup(api.load_plan(tmp_path / "graph.yaml"), settings, monitor)
        assert monitor.is_done
        assert report.bytes_read == FILES * MIB
        assert list(Path("/dev/shm").glob(f"flowbackup-{report.session}*")) == []
        assert not any(Path(f"/proc/{pid}/exe").exists() for pid in monitor.pids)
        return report

    return backup


def chain(levels: int) -> str:
    mirrors = "".join(
        f"\n  g{n}: {{mirrors: g{n - 1}, devices: [d{n}], buffers: 8}}" for n in range(1, levels)
    )
    head = "backup_groups: {g0: {devices: [d0], buffers: 8}}\n"
    return head + (f"mirror_groups:{mirrors}\n" if mirrors else "")


def each_copy_is_whole(tmp_path: Path, source: Path, report: SessionReport) -> None:
    """All media are sound, nothing lies twice on one of them, and each alone gives all back."""
    catalog = tmp_path / "catalog.sqlite"
    verified = api.verify([], SilentMonitor(), catalog)
    assert verified.outcome is Outcome.SUCCESS, verified.problems
    assert len({device.frames for device in report.devices}) == 1
    for device in report.devices:
        alone = tmp_path / f"alone-{device.name}.sqlite"
        place = str(tmp_path / device.name)
        api.rebuild([place], SilentMonitor(), alone)
        target = tmp_path / f"restored-{device.name}"
        api.restore("source", str(target), api.RestoreRequest(catalog=alone), SilentMonitor())
        assert list(differences(str(source), str(target))) == []


MIDDLE, ENDS = "g1.d1", [pytest.param(name, marks=pytest.mark.slow) for name in ("g0.d0", "g2.d2")]


@pytest.mark.parametrize("victim", [MIDDLE, *ENDS])
def test_a_killed_media_agent_goes_on_behind_its_last_commit(
    run: Callable[..., SessionReport], tmp_path: Path, source: Path, victim: str
) -> None:
    report = run(chain(3), "MediaAgent", victim, signal.SIGKILL)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert [device.state for device in report.devices] == ["complete"] * 3
    (problem,) = report.problems
    assert (problem.kind, problem.device) == ("restarted", victim[-2:])
    each_copy_is_whole(tmp_path, source, report)


@pytest.mark.parametrize("victim", [MIDDLE, *ENDS])
def test_a_killed_buffer_goes_on_with_what_was_not_released(
    run: Callable[..., SessionReport], tmp_path: Path, source: Path, victim: str
) -> None:
    report = run(chain(3), "Buffer", victim, signal.SIGKILL)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert [device.state for device in report.devices] == ["complete"] * 3
    (problem,) = report.problems
    assert (problem.kind, problem.device) == ("restarted", victim[-2:])
    each_copy_is_whole(tmp_path, source, report)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Buffer", "Buffer MediaAgent"])
def test_neighbours_that_die_at_once_and_again_all_go_on(
    run: Callable[..., SessionReport], tmp_path: Path, source: Path, kind: str
) -> None:
    report = run(chain(3), kind, "g0.d0 g1.d1 g2.d2", signal.SIGKILL, signal.SIGKILL)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert [problem.kind for problem in report.problems] == ["restarted"] * 6
    each_copy_is_whole(tmp_path, source, report)


FORKED = """
backup_groups: {g0: {devices: [d0], buffers: 8}}
mirror_groups:
  g1: {mirrors: g0, devices: [d1], buffers: 8}
  g2: {mirrors: g0, devices: [d2], buffers: 4}
  g3: {mirrors: g2, devices: [d3], buffers: 4}
"""


@pytest.mark.slow
@pytest.mark.parametrize("victims", ["g0.d0", "g0.d0 g2.d2"])
def test_a_killed_buffer_that_feeds_several_goes_on(
    run: Callable[..., SessionReport], tmp_path: Path, source: Path, victims: str
) -> None:
    report = run(FORKED, "Buffer", victims, signal.SIGKILL)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert {problem.kind for problem in report.problems} == {"restarted"}
    each_copy_is_whole(tmp_path, source, report)


@pytest.mark.slow
def test_of_two_chains_one_waits_for_its_head(
    run: Callable[..., SessionReport], tmp_path: Path, source: Path
) -> None:
    report = run(
        "backup_groups: {g0: {devices: [d0, d1], buffers: 8}}", "Buffer", "g0.d0", signal.SIGKILL
    )
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert [problem.kind for problem in report.problems] == ["restarted"]
    target, catalog = tmp_path / "restored", tmp_path / "catalog.sqlite"
    api.restore("source", str(target), api.RestoreRequest(catalog=catalog), SilentMonitor())
    assert list(differences(str(source), str(target))) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Buffer", "MediaAgent"])
def test_a_copy_group_gets_from_the_restore_agent_what_was_not_released(
    run: Callable[..., SessionReport], tmp_path: Path, source: Path, kind: str
) -> None:
    report = run(
        "backup_groups: {g0: {devices: [d0], buffers: 8}}\n"
        "restore_groups: {library: {devices: [d0]}}\n"
        "copy_groups: {c: {devices: [d1], copies: library, buffers: 8}}",
        kind, "c.d1", signal.SIGKILL,
    )  # fmt: skip
    (stage,) = report.stages
    assert (stage.outcome, stage.exit_code) == (Outcome.SUCCESS, 0), stage.problems
    assert [problem.kind for problem in stage.problems] == ["restarted"]
    alone = tmp_path / "alone.sqlite"
    api.rebuild([str(tmp_path / "d1")], SilentMonitor(), alone)
    target = tmp_path / "restored"
    api.restore("source", str(target), api.RestoreRequest(catalog=alone), SilentMonitor())
    assert list(differences(str(source), str(target))) == []


@pytest.mark.slow
def test_a_stopped_media_agent_is_ended_before_another_one_writes(
    run: Callable[..., SessionReport], tmp_path: Path, source: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """No frame is given to anybody while the old process could be continued."""

    class Looking(MediaAgent):
        def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
            if self._settings.epoch:
                stopped = [p for p in Path("/proc").glob("[0-9]*") if _is_stopped_actor(p)]
                assert stopped == [], stopped
            super()._append(writer, frame)

    monkeypatch.setattr(crew, "MediaAgent", Looking)
    report = run(chain(2), "Looking", "g0.d0", signal.SIGSTOP)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    (problem,) = report.problems
    assert "did not answer in time" in problem.text and problem.kind == "restarted"
    each_copy_is_whole(tmp_path, source, report)


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["g0.d0", "g1.d1"])
def test_a_stopped_buffer_is_ended_with_its_media_agent_and_both_begin_anew(
    run: Callable[..., SessionReport], tmp_path: Path, source: Path, victim: str
) -> None:
    report = run(chain(2), "Buffer", victim, signal.SIGSTOP)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    (problem,) = report.problems
    assert "did not answer in time" in problem.text and problem.kind == "restarted"
    each_copy_is_whole(tmp_path, source, report)


def _is_stopped_actor(place: Path) -> bool:
    try:
        name, _, rest = (place / "stat").read_text().rpartition(")")
    except OSError:
        return False
    return "ray::" in name and rest.split()[0] == "T"


def test_what_dies_again_and_again_is_given_up_and_the_rest_is_complete(
    run: Callable[..., SessionReport], tmp_path: Path, source: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class Sickly(MediaAgent):
        def _append(self, writer: FrameWriter, frame: FrameDescriptor) -> None:
            if self._settings.target.name == "d0" and writer.statistics().frames >= 2:
                os._exit(1)
            super()._append(writer, frame)

    monkeypatch.setattr(crew, "MediaAgent", Sickly)
    report = run(chain(2), "MediaAgent", "g0.d0")
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4), report.problems
    assert [device.state for device in report.devices] == ["relay-only", "complete"]
    kinds = [problem.kind for problem in report.problems]
    assert kinds == ["restarted"] * 3 + ["device_failed"]


def test_a_media_agent_that_dies_while_it_seals_is_replaced_for_that(
    run: Callable[..., SessionReport], tmp_path: Path, source: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class Sealing(MediaAgent):
        def finish(self, header: FrameHeader, payload: bytes) -> WriterStatistics:
            if not self._settings.epoch:
                os._exit(1)
            return super().finish(header, payload)

    monkeypatch.setattr(crew, "MediaAgent", Sealing)
    report = run(chain(1), "MediaAgent", "g0.d0")
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert [problem.kind for problem in report.problems] == ["restarted"]
    each_copy_is_whole(tmp_path, source, report)
