"""Copies from device to device on a live Ray: one read, any number of copies, identical frames."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from shutil import rmtree

import pytest
import ray

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import SessionState
from flowbackup.errors import InterruptedSessionError
from flowbackup.flow.restarts import Restarts
from flowbackup.model.report import Outcome
from flowbackup.runtime.crew import changes, crew, succession
from flowbackup.runtime.crew.crew import Crew
from flowbackup.testing.compare import differences
from flowbackup.units import MIB
from tests import judge
from tests.local_backup import damage
from tests.runtime.copying import QUIET, Copying, Once
from tests.runtime.gates import gated_reader
from tests.runtime.unended import give_time

pytestmark = pytest.mark.ray
ENGINES = ("ray", "local")

ONE_TO_ONE = """
backup_groups: {primary: {devices: [nas]}}
restore_groups: {readers: {devices: [nas]}}
copy_groups: {vault: {copies: readers, devices: [usb], after: command, select: {versions: all}}}
"""


@pytest.fixture
def copying(tmp_path: Path, engine: str) -> Copying:
    return Copying(tmp_path, engine)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    place.mkdir()
    for number in range(6):
        (place / f"file{number}").write_bytes(os.urandom(2 * MIB + number))
    return place


def restored(copying: Copying, tree: Path, *devices: str) -> None:
    """recover.py gives the tree back from each of these alone."""
    for device in devices:
        target = copying.folder / f"back-{device}"
        assert judge.recovered([copying.place(device)], target).problems == ()
        assert list(differences(str(tree), str(target))) == []


def test_a_copy_has_the_same_frames_when_the_source_is_gone(copying: Copying, tree: Path) -> None:
    plan = copying.plan("g", ONE_TO_ONE, tree, nas="", usb="")
    first = copying.run(plan)
    assert first.stages == ()
    kept = copying.folder / "kept"
    tree.rename(kept)
    report = copying.copy(plan)
    assert (report.outcome, report.exit_code, report.problems) == (Outcome.SUCCESS, 0, ())
    original = dict(copying.frames("nas"))
    copied = copying.foreign("usb", report)
    assert set(copied) == set(original)
    assert copied == copying.foreign("nas", report)
    assert report.bytes_read == sum(map(len, copied.values()))
    with open_catalog(copying.catalog) as catalog:
        version = catalog.resolve("latest")
        assert catalog.copies_durable(version) == 2
        assert {row.medium.device: row.complete for row in catalog.copies_of(version)} == {
            "nas": True, "usb": True,
        }  # fmt: skip
    copying.hide("nas")
    restored(copying, kept, "usb")
    target = copying.folder / "restored"
    request = api.RestoreRequest(catalog=copying.catalog)
    assert api.restore("latest", str(target), request, QUIET).outcome is Outcome.SUCCESS
    assert list(differences(str(kept), str(target))) == []


@pytest.mark.slow
def test_what_is_copied_already_is_not_copied_again(copying: Copying, tree: Path) -> None:
    plan = copying.plan("g", ONE_TO_ONE, tree, nas="", usb="")
    copying.run(plan)
    copying.copy(plan)
    before = copying.frames("usb")
    report = copying.copy(plan)
    assert (report.outcome, report.bytes_read, report.bytes_new) == (Outcome.SUCCESS, 0, 0)
    assert copying.frames("usb") == before
    assert [item.copies_durable for item in report.objects] == [1]


MIRROR_AND_COPIES = """
backup_groups: {primary: {devices: [nas]}}
mirror_groups: {offsite: {mirrors: primary, devices: [usb]}, twin: {mirrors: b, devices: [tape]}}
restore_groups: {readers: {devices: [nas]}}
copy_groups:
  a: {copies: readers, devices: [disk1], select: {versions: session}}
  b: {copies: readers, devices: [disk2], select: {versions: session}}
  c: {copies: readers, devices: [disk3], select: {versions: session}, on_failure: optional}
"""


@pytest.mark.slow
def test_one_command_mirrors_and_copies_and_reads_each_frame_once(
    copying: Copying, tree: Path
) -> None:
    devices = dict.fromkeys(("nas", "usb", "tape", "disk1", "disk2", "disk3"), "")
    report = copying.run(copying.plan("g", MIRROR_AND_COPIES, tree, **devices))
    (copies,) = report.stages
    assert (report.outcome, copies.outcome, copies.problems) == (*[Outcome.SUCCESS] * 2, ())
    assert copies.bytes_read == sum(header.payload_bytes for header, _ in copying.frames("nas"))
    with open_catalog(copying.catalog) as catalog:
        assert catalog.copies_durable(catalog.resolve("latest")) == 6
        assert [row.kind for row in catalog.sessions()] == ["copy", "backup"]
        (session, _) = catalog.sessions()
        assert [d.name for d in session.devices if d.role == "restore"] == ["nas"]
    copying.hide("nas", "usb")
    restored(copying, tree, "tape", "disk1", "disk2", "disk3")


@pytest.mark.slow
def test_a_slow_mirror_of_a_copy_is_left_behind(
    copying: Copying, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "LAG_SECONDS_MAX", 0.0)
    body = """
backup_groups: {primary: {devices: [nas]}}
mirror_groups: {twin: {mirrors: b, devices: [tape], when_slow: detach, lag_max: 3 MiB}}
restore_groups: {readers: {devices: [nas]}}
copy_groups: {b: {copies: readers, devices: [disk], select: {versions: session}}}
"""
    slow = ", rate_limit: 500 kB/s"
    report = copying.run(copying.plan("g", body, tree, nas="", disk="", tape=slow))
    (copies,) = report.stages
    assert (copies.outcome, copies.exit_code) == (Outcome.INCOMPLETE, 4), copies.problems
    assert {d.name: d.state for d in copies.devices} == {
        "nas": "complete", "disk": "complete", "tape": "detached",
    }  # fmt: skip
    assert [(p.kind, p.device) for p in copies.problems] == [("detached", "tape")]
    restored(copying, tree, "disk")
    assert judge.check_media([copying.place("tape")]).exit_code == 0


def test_a_frame_that_is_damaged_at_one_reader_is_read_by_another(
    copying: Copying, tree: Path
) -> None:
    body = """
backup_groups: {primary: {devices: [nas]}}
mirror_groups: {offsite: {mirrors: primary, devices: [usb]}}
restore_groups: {readers: {devices: [nas, usb]}}
copy_groups: {vault: {copies: readers, devices: [disk], after: command}}
"""
    plan = copying.plan("g", body, tree, nas="", usb="", disk="")
    copying.run(plan)
    frames = copying.frames("nas")
    for _, place in frames[:4]:
        damage(copying.place("nas"), place)
    report = copying.copy(plan)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0)
    healed = [problem for problem in report.problems if problem.kind == "healed"]
    # Two readers share the reading, so about half of the four were tried on the bad one.
    assert healed and {problem.device for problem in healed} == {"nas"}
    shares = {d.name: d.frames for d in report.devices if d.role == "restore"}
    assert sum(shares.values()) == len({header for header, _ in frames})
    assert min(shares.values()) >= sum(shares.values()) // 2 - len(healed) - 1
    restored(copying, tree, "disk")


@pytest.mark.slow
def test_a_frame_that_nobody_can_read_is_named_and_the_rest_goes_on(
    copying: Copying, tree: Path
) -> None:
    plan = copying.plan("g", ONE_TO_ONE, tree, nas="", usb="")
    copying.run(plan)
    bad, place = copying.frames("nas")[0]
    damage(copying.place("nas"), place)
    for file in [path for path in tree.rglob("*") if path.is_file()]:
        # Else the next version would refer to the frame that is damaged.
        file.write_bytes(os.urandom(file.stat().st_size))
    copying.run(plan)
    report = copying.copy(plan)
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, 1)
    (problem,) = report.problems
    assert problem.kind == "lost" and str(bad.frame_id) in problem.text
    assert "web/site@1" in problem.text and "file" in problem.text
    assert [(item.version, item.outcome) for item in report.objects] == [
        (1, Outcome.FAILED), (2, Outcome.SUCCESS),
    ]  # fmt: skip
    restored(copying, tree, "usb")


STRIPED = """
backup_groups: {{primary: {{devices: [disk1, disk2]}}}}
restore_groups: {{readers: {{devices: [disk1, disk2]}}}}
copy_groups: {{vault: {{copies: readers, devices: [tape], assign: {assign}, after: command,
  select: {{versions: all}}}}}}
"""


@pytest.mark.slow
def test_versions_on_two_media_come_together_on_one_each_in_one_piece(
    copying: Copying, tree: Path
) -> None:
    plan = copying.plan("g", STRIPED.format(assign="object"), tree, disk1="", disk2="", tape="")
    for number in range(3):
        (tree / f"file{number}").write_bytes(os.urandom(3 * MIB))
        copying.run(plan)
    assert all(len(copying.frames(device)) > 3 for device in ("disk1", "disk2"))
    report = copying.copy(plan)
    assert (report.outcome, report.problems) == (Outcome.SUCCESS, ())
    shares = [device.frames for device in report.devices if device.role == "restore"]
    assert all(shares)
    order = [h.object_id for h, _ in copying.frames("tape") if h.object_id != bytes(16)]
    pieces = [name for name, before in zip(order, [b"", *order], strict=False) if name != before]
    assert len(pieces) == len(set(order)) == 3
    rmtree(copying.place("disk1"))
    copying.hide("disk2")
    restored(copying, tree, "tape")


FRAMES_BEFORE = 3
"""What is read before an actor is killed, of more than a dozen; the rest is read afterwards."""


def kill(name: str, gate: Path) -> None:
    """The process of the actor of this name that lives now; then it goes on."""
    try:
        (actor,) = (
            a for a in ray._private.state.actors().values()
            if (a["State"], a["Name"]) == ("ALIVE", name) and a["ActorClassName"] != "Buffer"
        )  # fmt: skip
        os.kill(actor["Pid"], signal.SIGKILL)
    finally:
        gate.touch()


THREE = """
backup_groups: {primary: {devices: [nas]}}
restore_groups: {readers: {devices: [nas]}}
copy_groups:
  a: {copies: readers, devices: [disk1], after: command}
  b: {copies: readers, devices: [disk2], after: command}
  c: {copies: readers, devices: [disk3], after: command}
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_one_of_three_copies_is_killed_and_the_others_complete(
    copying: Copying, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that cannot be restarted."""
    monkeypatch.setattr(succession, "Restarts", lambda: Restarts(0))
    disks = dict.fromkeys(("disk1", "disk2", "disk3"), "")
    plan = copying.plan("g", THREE, tree, nas="", **disks)
    copying.run(plan)
    gate = copying.folder / "gate"
    monkeypatch.setattr(crew, "Reader", gated_reader(gate, FRAMES_BEFORE, "nas"))
    monitor = Once("copy", lambda: kill("g/b.disk2", gate))
    report = copying.copy(plan, monitor=monitor)
    assert monitor.is_done
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 4)
    states = {device.name: device.state for device in report.devices}
    assert states == {
        "nas": "complete", "disk1": "complete", "disk2": "relay-only", "disk3": "complete",
    }  # fmt: skip
    assert {problem.device for problem in report.problems} == {"disk2"}
    assert [(item.copies_durable, item.copies_required) for item in report.objects] == [(2, 3)]
    assert report.bytes_read == sum(header.payload_bytes for header, _ in copying.frames("nas"))
    again = copying.copy(plan)
    assert (again.outcome, again.bytes_read > 0) == (Outcome.SUCCESS, True)
    copying.hide("nas")
    restored(copying, tree, "disk1", "disk2", "disk3")


TWO_READERS = """
backup_groups: {primary: {devices: [nas]}}
mirror_groups: {offsite: {mirrors: primary, devices: [usb]}}
restore_groups: {readers: {devices: [nas, usb]}}
copy_groups: {vault: {copies: readers, devices: [disk], after: command}}
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_a_killed_reader_leaves_its_frames_to_the_other(
    copying: Copying, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = copying.plan("g", TWO_READERS, tree, nas="", usb="", disk="")
    copying.run(plan)
    gate = copying.folder / "gate"
    monkeypatch.setattr(crew, "Reader", gated_reader(gate, FRAMES_BEFORE, "nas"))
    monitor = Once("copy", lambda: kill("g/readers.nas", gate))
    report = copying.copy(plan, monitor=monitor)
    assert monitor.is_done
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0)
    assert [problem.kind for problem in report.problems] == ["client_lost"]
    assert "restore agent readers.nas" in report.problems[0].text
    copying.hide("nas", "usb")
    restored(copying, tree, "disk")


def test_a_word_while_actors_are_coupled_leaves_no_session_that_runs_for_ever(
    copying: Copying, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_time(monkeypatch)
    plan = copying.plan("g", ONE_TO_ONE, tree, nas="", usb="")
    assert copying.run(plan).exit_code == 0
    couple = Crew.wire

    def told(crew: Crew) -> None:
        signal.raise_signal(signal.SIGINT)
        couple(crew)

    monkeypatch.setattr(Crew, "wire", told)
    with pytest.raises(InterruptedSessionError, match="before anything was written"):
        copying.run(plan)
    assert copying.copy(plan).outcome is Outcome.FAILED
    with open_catalog(copying.catalog) as catalog:
        assert [row.state for row in catalog.sessions()] == [SessionState.FINISHED]
