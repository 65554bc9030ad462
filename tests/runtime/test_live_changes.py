"""Mirrors that come and go while a session runs, asked for over its control channel; what they
missed is completed by a repair, and judged by recover.py from their medium alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.api import RunSettings
from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import (
    EXIT_INTERRUPTED,
    DeviceError,
    DeviceLockedError,
    FlowbackupError,
    GraphError,
    NotFoundError,
    UsageError,
)
from flowbackup.media.labels.label import LOCK_NAME, QUEUE_NAME
from flowbackup.media.locks.lock import MediumLock
from flowbackup.media.locks.queue import MediumQueue
from flowbackup.model.queue import Ticket
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Monitor, Progress, RecordingMonitor, SilentMonitor
from flowbackup.plan.decided import slot_bytes
from flowbackup.runtime.cancel import Cancel
from flowbackup.runtime.crew import changes, crew
from flowbackup.testing.compare import differences
from flowbackup.testing.frames import sample_id
from tests import judge
from tests.runtime.gates import gated_agent

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("engine")]
ENGINES = ("ray", "local")
MIB = 1 << 20
FRAME_BYTES = 512 << 10
GATE_FRAMES = 10


class Terminal(SilentMonitor):
    """Another terminal: when the primary has come to its gate, it does things to the session, one
    after the other, and then opens the gate."""

    def __init__(self, gate: Path, *actions: Callable[[], object]) -> None:
        self._gate = gate
        self._actions = actions
        self._pool = ThreadPoolExecutor(1)
        self._answers: Future[list[object]] | None = None
        self.snapshots: list[Progress] = []

    def progress(self, progress: Progress) -> None:
        self.snapshots.append(progress)
        if self._answers is None and progress.bytes_read >= GATE_FRAMES * FRAME_BYTES:
            self._answers = self._pool.submit(self._act)

    def results(self) -> list[object]:
        self._pool.shutdown()
        assert self._answers is not None, "the primary never came to its gate"
        return self._answers.result()

    def _act(self) -> list[object]:
        try:
            return [action() for action in self._actions]
        finally:
            self._gate.touch()


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The device "nas" takes so many frames and waits until this file is there."""
    opened = tmp_path / "gate"
    monkeypatch.setattr(crew, "MediaAgent", gated_agent(opened, GATE_FRAMES, "nas"))
    return opened


@pytest.fixture(autouse=True)
def _own_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small object, then a large one."""
    place = tmp_path_factory.mktemp("sources")
    for name, files in (("first", 2), ("second", 14)):
        (place / name).mkdir()
        for number in range(files):
            (place / name / f"file{number:02d}").write_bytes(os.urandom(MIB))
    return place


@pytest.fixture
def run(tmp_path: Path, sources: Path) -> Callable[..., SessionReport]:
    def run(monitor: Monitor, mirrors: str = "", **options: str) -> SessionReport:
        names = ("nas", "usb", "vault")
        devices = "\n".join(
            f"  {name}: {{path: {tmp_path}/{name}{options.get(name, '')}}}" for name in names
        )
        (tmp_path / "graph.yaml").write_text(
            f"graph: live\nframe_size: {FRAME_BYTES}\nsync_size: 1 MiB\n"
            f"clients: {{web: {{objects: {{first: {{path: {sources}/first}}, "
            f"second: {{path: {sources}/second}}}}}}}}\n"
            f"devices:\n{devices}\nbackup_groups: {{primary: {{devices: [nas], buffers: 8}}}}\n"
            + (f"mirror_groups:\n{mirrors}\n" if mirrors else "")
        )
        settings = RunSettings(catalog=tmp_path / "catalog.sqlite", init=True)
        report = api.run_backup(api.load_plan(tmp_path / "graph.yaml"), settings, monitor)
        assert list(Path("/dev/shm").glob(f"flowbackup-{report.session}*")) == []
        # Beside it is the Ray of the tests noted, where this one was the first to need it.
        assert list((tmp_path / "flowbackup").glob("*.sock")) == [], "it is gone"
        return report

    return run


def states(report: SessionReport) -> dict[str, str]:
    return {device.name: device.state for device in report.devices}


def frames_held(tmp_path: Path, device: str) -> tuple[int, int]:
    """Of all versions, on this device, and in all."""
    with open_catalog(tmp_path / "catalog.sqlite") as catalog:
        rows = [row for v in catalog.versions() for row in catalog.copies_of(v)]
        needed = sum(len(catalog.frames_of(version)) for version in catalog.versions())
    return sum(row.frames_held for row in rows if row.medium.device == device), needed


def repair_moves_the_rest(tmp_path: Path, sources: Path, device: str, records: int) -> None:
    """Exactly what is missing, and records of the session; then the medium alone restores all."""
    held, needed = frames_held(tmp_path, device)
    assert 0 < held < needed
    request = api.RepairRequest(catalog=tmp_path / "catalog.sqlite")
    report = api.repair((device,), request, SilentMonitor())
    assert report.exit_code == 0, report.problems
    assert [d.frames for d in report.devices] == [needed - held + records]
    assert judge.check_media([tmp_path / device]).exit_code == 0
    for name in ("first", "second"):
        target = tmp_path / f"judged-{device}-{name}"
        (version,) = [v for v in judge.listed([tmp_path / device]) if f"/{name}@" in v.name]
        done = judge.recovered([tmp_path / device], target, version.object_id)
        assert (done.exit_code, done.problems) == (0, ())
        assert list(differences(str(sources / name), str(target))) == []


def test_mirrors_are_attached_in_the_middle_and_completed_by_a_repair(
    tmp_path: Path, sources: Path, gate: Path, run: Callable[..., SessionReport]
) -> None:
    catalog = tmp_path / "catalog.sqlite"
    api.init_device(str(tmp_path / "taken"))
    (tmp_path / "empty").mkdir()

    def attach(place: str, **options: object) -> str:
        return api.change_session("latest", "attach", catalog, device=place, **options)

    def refused() -> list[type]:
        """What cannot be attached harms nobody."""
        kinds: list[type] = []
        lock = MediumLock(str(tmp_path / "taken" / LOCK_NAME), "taken", "a test")
        for place in ("taken", "empty", "nas"):
            with pytest.raises(FlowbackupError) as caught:
                attach(str(tmp_path / place))
            kinds.append(caught.type)
        lock.close()
        # Nobody holds it now, but somebody waits for it.
        queue = MediumQueue(str(tmp_path / "taken" / QUEUE_NAME), "taken")
        queue.enter(Ticket(1, sample_id(7)), "session 7")
        with pytest.raises(DeviceLockedError, match="kept for session 7"):
            attach(str(tmp_path / "taken"))
        queue.leave()
        return kinds

    terminal = Terminal(
        gate, refused, lambda: attach(str(tmp_path / "late")),
        lambda: attach("usb", from_="late"), lambda: api.status("latest", catalog),
    )  # fmt: skip
    report = run(terminal)
    kinds, late, behind, told = terminal.results()
    assert kinds == [DeviceLockedError, DeviceError, GraphError]
    assert (late, behind) == ("attached.late", "attached-2.usb")
    (status,) = told  # type: ignore[misc]
    assert status["session"] == report.session
    assert {a["agent"]: (a["state"], a["level"]) for a in status["agents"]} == {
        "primary.nas": ("running", 0), "attached.late": ("lagging", 1),
        "attached-2.usb": ("lagging", 2),
    }  # fmt: skip
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert states(report) == {"nas": "complete", "late": "lagging", "usb": "lagging"}
    assert [o.copies_durable for o in report.objects] == [1, 1]
    assert report.bytes_read == sum(f.stat().st_size for f in sources.rglob("*") if f.is_file())
    repair_moves_the_rest(tmp_path, sources, "late", records=0)
    repair_moves_the_rest(tmp_path, sources, "usb", records=0)


def test_a_mirror_is_detached_in_the_middle_and_what_stands_behind_it_goes_on(
    tmp_path: Path, sources: Path, gate: Path, run: Callable[..., SessionReport]
) -> None:
    catalog = tmp_path / "catalog.sqlite"
    mirrors = (
        "  offsite: {mirrors: primary, devices: [usb], buffers: 8}\n"
        "  far: {mirrors: offsite, devices: [vault], buffers: 8, on_failure: optional}"
    )

    def again() -> str:
        with pytest.raises(UsageError, match=r"offsite\.usb is detached") as caught:
            api.change_session("latest", "detach", catalog, device="usb")
        return str(caught.value)

    def head() -> str:
        with pytest.raises(UsageError, match=r"primary\.nas begins the chain") as caught:
            api.change_session("latest", "detach", catalog, device="nas")
        return str(caught.value)

    def is_free() -> None:
        """Its medium may be taken away: sealed, and locked by nobody."""
        MediumLock(str(tmp_path / "usb" / LOCK_NAME), "usb", "a test").close()
        assert [f.suffix for f in (tmp_path / "usb" / "segments").iterdir()] == [".seg"]

    terminal = Terminal(
        gate, head, lambda: api.change_session("latest", "detach", catalog, device="usb"), is_free,
        again,
    )  # fmt: skip
    report = run(terminal, mirrors)
    told = terminal.results()
    assert told[1] == "offsite.usb"
    assert "mirrors that can be detached: far.vault" in str(told[3])
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4), report.problems
    assert states(report) == {"nas": "complete", "usb": "detached", "vault": "complete"}
    assert [(p.kind, p.device) for p in report.problems] == [("detached", "usb")]
    assert report.objects[1].copies_durable == 2
    repair_moves_the_rest(tmp_path, sources, "usb", records=1)


def test_a_coupling_is_limited_in_the_middle_and_freed_again(
    tmp_path: Path, gate: Path, run: Callable[..., SessionReport]
) -> None:
    """With a byte a second it would last for months."""
    catalog = tmp_path / "catalog.sqlite"
    mirrors = "  offsite: {mirrors: primary, devices: [usb], buffers: 8}"

    def limit(coupling: str, rate: object) -> str:
        return api.change_session("latest", "limit", catalog, edge=coupling, rate=rate)

    def refused() -> list[str]:
        texts = []
        for coupling, rate in (("vault", 1), ("web", 1), ("usb", -1)):
            with pytest.raises(FlowbackupError) as caught:
                limit(coupling, rate)
            texts.append(str(caught.value))
        return texts

    to_usb = "primary.nas -> offsite.usb"
    terminal = Terminal(
        gate, refused, lambda: limit(to_usb, 1), lambda: limit("nas", 1), lambda: limit("nas", 0),
        lambda: limit("offsite.usb", 0),
    )  # fmt: skip
    report = run(terminal, mirrors)
    texts, *limited = terminal.results()
    assert f'name one of: "web -> primary.nas", "{to_usb}"' in texts[0]  # type: ignore[index]
    assert limited == [to_usb, "web -> primary.nas", "web -> primary.nas", to_usb]
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems


@pytest.mark.slow
def test_the_last_of_a_chain_is_detached_and_nobody_waits_for_it(
    tmp_path: Path, sources: Path, gate: Path, run: Callable[..., SessionReport]
) -> None:
    catalog = tmp_path / "catalog.sqlite"
    terminal = Terminal(
        gate, lambda: api.change_session("latest", "detach", catalog, device="offsite.usb")
    )
    mirrors = "  offsite: {mirrors: primary, devices: [usb], buffers: 8, on_failure: optional}"
    report = run(terminal, mirrors)
    terminal.results()
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert states(report) == {"nas": "complete", "usb": "detached"}
    repair_moves_the_rest(tmp_path, sources, "usb", records=1)


def test_a_slow_mirror_that_may_be_left_behind_is(
    tmp_path: Path, sources: Path, run: Callable[..., SessionReport],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(changes, "LAG_SECONDS_MAX", 0.0)
    monitor = RecordingMonitor()
    mirrors = "  offsite: {mirrors: primary, devices: [usb], buffers: 8, when_slow: detach}"
    report = run(monitor, mirrors, usb=", rate_limit: 500 kB/s")
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4), report.problems
    assert states(report) == {"nas": "complete", "usb": "detached"}
    (problem,) = report.problems
    assert problem.kind == "detached" and "behind primary.nas" in problem.text
    assert "usb is too slow: the session goes on without it" in monitor.messages
    repair_moves_the_rest(tmp_path, sources, "usb", records=1)


class Behind(RecordingMonitor):
    """Opens the gate of a mirror when everything has waited for it in so many snapshots."""

    def __init__(self, gate: Path, snapshots: int = 3) -> None:
        super().__init__()
        self._gate = gate
        self._left = snapshots

    def progress(self, progress: Progress) -> None:
        super().progress(progress)
        moved = [edge.bytes_moved for edge in progress.edges if edge.name == "web -> primary.nas"]
        self._left -= bool(moved) and moved[0] > 4 * FRAME_BYTES
        if self._left <= 0:
            self._gate.touch()


@pytest.mark.slow
def test_a_slow_mirror_that_must_not_be_left_behind_slows_the_session_down(
    tmp_path: Path, run: Callable[..., SessionReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By counts: what is read is never more than memory ahead of what the mirror has released."""
    gate = tmp_path / "gate"
    monkeypatch.setattr(crew, "MediaAgent", gated_agent(gate, 0, "usb"))
    monitor = Behind(gate)
    mirrors = "  offsite: {mirrors: primary, devices: [usb], buffers: 8}"
    report = run(monitor, mirrors)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    assert states(report) == {"nas": "complete", "usb": "complete"}
    edges = [{edge.name: edge for edge in p.edges} for p in monitor.snapshots if p.edges]
    moved = [e["web -> primary.nas"].bytes_moved for e in edges]
    durable = [e["primary.nas -> offsite.usb"].bytes_durable for e in edges]
    # One snapshot asks the two one after the other: what moved before it is what can be compared.
    ahead = [before - now for before, now in zip(moved, durable[1:], strict=False)]
    assert max(ahead) > 4 * FRAME_BYTES, "it was the mirror that everything waited for"
    assert max(ahead) <= 8 * slot_bytes(FRAME_BYTES)


@pytest.mark.slow
def test_a_session_is_cancelled_from_another_terminal(
    tmp_path: Path, gate: Path, run: Callable[..., SessionReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    # How much time objects have then is no matter of this test.
    monkeypatch.setattr(Cancel, "latest", lambda cancel, part, otherwise: otherwise)
    catalog = tmp_path / "catalog.sqlite"
    terminal = Terminal(
        gate, lambda: api.change_session("latest", "cancel", catalog, now=False),
    )  # fmt: skip
    report = run(terminal)
    assert terminal.results() == [""]
    assert report.exit_code == EXIT_INTERRUPTED
    assert [o.copies_durable for o in report.objects] == [1, 1], "ended behind what was under way"


def test_who_does_not_run_cannot_be_changed(
    tmp_path: Path, run: Callable[..., SessionReport]
) -> None:
    catalog = tmp_path / "catalog.sqlite"
    report = run(RecordingMonitor())
    assert api.status(catalog=catalog) == []
    with pytest.raises(NotFoundError, match="no session runs"):
        api.change_session("latest", "detach", catalog, device="usb")
    with pytest.raises(UsageError, match=f"{report.session} does not run any more: finished"):
        api.status(report.session[:18], catalog)
