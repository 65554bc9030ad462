"""The command is killed, and run again: only what is missing is read and sent."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import SessionState
from flowbackup.errors import DeviceLockedError, NotFoundError
from flowbackup.media.labels.label import LOCK_NAME
from flowbackup.media.locks.lock import MediumLock
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import Monitor, Progress, RecordingMonitor, SilentMonitor
from flowbackup.runtime.crew import crew
from flowbackup.testing.compare import differences
from tests.judge import check_media, listed, recovered
from tests.runtime.copying import QUIET, Copying
from tests.runtime.gates import Gates
from tests.runtime.killed_run import GATES, has_come, killed_run
from tests.runtime.left_behind import wait_for
from tests.runtime.test_losses import actors

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("engine")]
ENGINES = ("ray", "local")
MIB = 1 << 20
FILES = {"first": 2, "second": 24}
OBJECTS = list(FILES)


class AtTheGate(SilentMonitor):
    """Does something once, when much of the second object is safe: the device d0 takes no more of
    it until then."""

    def __init__(self, place: Place, act: Callable[[], None], patch: pytest.MonkeyPatch) -> None:
        device, frames = GATES["open object"]
        self._gates = Gates(place.path / "gates", device, frames)
        patch.setattr(crew, "MediaAgent", self._gates.agent(crew.MediaAgent))
        self._catalog = place.catalog
        self._act = act
        self.is_done = False

    def progress(self, progress: Progress) -> None:
        if not self.is_done and has_come("open object", self._catalog):
            self.is_done = True
            self._act()
            self._gates.open()


def cancel_twice() -> None:
    for _ in range(2):
        signal.raise_signal(signal.SIGINT)


def kill_client() -> None:
    (pid,) = [
        int(str(actor["Pid"]))
        for actor in actors()
        if (actor["Name"], actor["ActorClassName"], actor["State"])
        == ("losses/web", "Client", "ALIVE")
    ]
    os.kill(pid, signal.SIGKILL)


class Place:
    """Two objects and a chain of two devices, below a directory."""

    def __init__(self, path: Path, engine: str) -> None:
        self.path = path
        self.engine = engine
        self.catalog = path / "catalog.sqlite"
        self.graph = path / "graph.yaml"
        self.media = [path / "d0", path / "d1"]
        for name, files in FILES.items():
            (path / name).mkdir()
            for number in range(files):
                (path / name / f"file{number:02d}").write_bytes(os.urandom(MIB))
        objects = ", ".join(f"{name}: {{path: {path}/{name}}}" for name in OBJECTS)
        self.graph.write_text(
            "graph: losses\nframe_size: 512 KiB\nsync_size: 1 MiB\n"
            f"clients: {{web: {{objects: {{{objects}}}}}}}\n"
            f"devices: {{d0: {{path: {path}/d0}}, d1: {{path: {path}/d1}}}}\n"
            "backup_groups: {g0: {devices: [d0], buffers: 8}}\n"
            "mirror_groups: {g1: {mirrors: g0, devices: [d1], buffers: 8}}\n"
        )
        self.messages: list[str] = []

    def kill(self, moment: str, *, waits: bool = True) -> None:
        """waits: until nothing that the killed command has left running writes any more."""
        killed_run(self.graph, self.catalog, moment, self.engine)
        for medium in self.media if waits else ():
            wait_for(partial(is_free, medium))

    def run(self, resume: bool | None = None, monitor: Monitor | None = None) -> SessionReport:
        recording = RecordingMonitor()
        settings = api.RunSettings(
            catalog=self.catalog, init=True, wait_seconds_max=120, resume=resume
        )
        report = api.run_backup(api.load_plan(self.graph), settings, monitor or recording)
        self.messages = recording.messages
        assert list(Path("/dev/shm").glob(f"flowbackup-{report.session}*")) == []
        return report

    def states(self) -> list[SessionState]:
        """Of the backups, the newest first.  A repair between two of them, of what the mirror had
        not got yet when the first was killed, is there or not."""
        with open_catalog(self.catalog) as catalog:
            return [row.state for row in catalog.sessions() if row.kind == "backup"]

    def assert_whole(self) -> None:
        """Each medium alone gives back both objects, to a reader that shares no code."""
        for medium in self.media:
            target = self.path / f"from-{medium.name}"
            assert recovered([medium], target, "all").problems == ()
            for name in OBJECTS:
                assert list(differences(str(self.path / name), str(target / "web" / name))) == []
        assert check_media(self.media).problems == ()


def is_free(medium: Path) -> bool:
    """Has what the killed command left running let go of it?"""
    try:
        MediumLock(str(medium / LOCK_NAME), medium.name, "a test").close()
    except DeviceLockedError:
        return False
    return True


@pytest.fixture
def place(tmp_path: Path, engine: str) -> Place:
    return Place(tmp_path, engine)


def test_a_cancelled_run_is_gone_on_with_only_where_it_was_interrupted(place: Place) -> None:
    with pytest.raises(NotFoundError, match="no session of graph losses was interrupted"):
        place.run(resume=True)
    with pytest.MonkeyPatch.context() as patch:
        cancelled = place.run(monitor=AtTheGate(place, cancel_twice, patch))
    assert (cancelled.exit_code, [o.version for o in cancelled.objects]) == (130, [1, 0])
    report = place.run(resume=True)
    first, second = report.objects
    assert (report.exit_code, first.bytes_read, first.bytes_known) == (0, 0, 2 * MIB)
    assert 0 < second.bytes_known == 24 * MIB - second.bytes_read
    assert [o.copies_durable for o in report.objects] == [2, 2]
    place.assert_whole()
    # What has come to its end is history: the next run is one like any other.
    with pytest.raises(NotFoundError):
        place.run(resume=True)


@pytest.mark.slow
def test_what_is_safe_is_neither_read_nor_sent_again(place: Place) -> None:
    place.kill("open object")
    assert place.states() == [SessionState.INTERRUPTED]
    report = place.run()
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    first, second = report.objects
    assert (first.bytes_read, first.bytes_new, first.bytes_known) == (0, 0, 2 * MIB)
    assert second.bytes_known >= 4 * MIB
    assert second.bytes_read == 24 * MIB - second.bytes_known
    assert second.bytes_deduplicated < MIB, "of the file in whose middle it was killed"
    assert second.bytes_new == second.bytes_read - second.bytes_deduplicated
    assert [o.copies_durable for o in report.objects] == [2, 2]
    written = [device.bytes_written for device in report.devices]
    assert all(size < second.bytes_new + 2 * MIB for size in written)
    assert [text for text in place.messages if text.endswith("was interrupted")]
    assert place.states() == [SessionState.FINISHED, SessionState.INTERRUPTED]
    place.assert_whole()


@pytest.mark.slow
def test_what_was_changed_meanwhile_is_read(place: Place) -> None:
    place.kill("open object")
    for name, number in (("first", 1), ("second", 0), ("second", 23)):
        (place.path / name / f"file{number:02d}").write_bytes(os.urandom(MIB))
    (place.path / "second" / "file01").unlink()
    (place.path / "second" / "file01x").write_bytes(os.urandom(100))
    report = place.run()
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    first, second = report.objects
    assert (first.bytes_read, first.bytes_known) == (MIB, MIB)
    assert second.bytes_known >= 2 * MIB
    assert second.bytes_read == 23 * MIB + 100 - second.bytes_known
    place.assert_whole()


@pytest.mark.slow
def test_a_run_that_is_killed_again_loses_nothing_of_the_first(place: Place) -> None:
    place.kill("open object", waits=False)
    # At once.
    place.kill("begun")
    report = place.run(resume=True)
    assert report.exit_code == 0
    assert report.objects[0].bytes_read == 0
    assert report.objects[1].bytes_known >= 4 * MIB
    assert place.states().count(SessionState.INTERRUPTED) == 2
    place.assert_whole()


@pytest.mark.slow
def test_what_a_mirror_lacks_comes_from_the_other_device(place: Place) -> None:
    place.kill("open object")
    for segment in (place.media[1] / "segments").iterdir():
        segment.unlink()
    report = place.run()
    assert report.exit_code == 0, report.problems
    first, second = report.objects
    assert (first.bytes_read, first.bytes_known) == (0, 2 * MIB)
    assert second.bytes_known >= 4 * MIB
    assert second.bytes_read == 24 * MIB - second.bytes_known
    assert [o.copies_durable for o in report.objects] == [2, 2]
    assert all(d.bytes_written < second.bytes_new + 2 * MIB for d in report.devices)
    with open_catalog(place.catalog) as catalog:
        newest, repair, killed = catalog.sessions()
        assert (newest.kind, repair.kind, killed.kind) == ("backup", "repair", "backup")
        # Also the version that the killed session had made is whole again on both.
        assert catalog.below_copies(2) == []
    assert repair.bytes_read == repair.bytes_new >= 6 * MIB
    place.assert_whole()


@pytest.mark.slow
def test_a_lost_catalog_leaves_what_media_tell_by_name(place: Place) -> None:
    """Of an object that was open they have content without names: it is read again."""
    place.kill("open object")
    for file in place.path.glob("catalog.sqlite*"):
        file.unlink()
    rebuilt = api.rebuild([str(medium) for medium in place.media], SilentMonitor(), place.catalog)
    assert rebuilt.outcome is Outcome.SUCCESS, rebuilt.problems
    assert SessionState.INTERRUPTED in place.states()
    report = place.run(resume=True)
    assert report.exit_code == 0
    assert [(o.bytes_read, o.bytes_known) for o in report.objects] == [
        (0, 2 * MIB), (24 * MIB, 0),
    ]  # fmt: skip
    place.assert_whole()


@pytest.mark.slow
def test_everything_is_sent_where_it_is_asked_for(place: Place) -> None:
    place.kill("first frame")
    report = place.run(resume=False)
    assert [(o.bytes_read, o.bytes_known) for o in report.objects] == [(2 * MIB, 0), (24 * MIB, 0)]
    place.assert_whole()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_a_killed_client_aborts_the_open_object_and_the_next_run_goes_on(place: Place) -> None:
    with pytest.MonkeyPatch.context() as patch:
        report = place.run(monitor=AtTheGate(place, kill_client, patch))
    assert [(o.outcome, o.version) for o in report.objects] == [
        (Outcome.SUCCESS, 1), (Outcome.FAILED, 0),
    ]  # fmt: skip
    for medium in place.media:
        assert [version.name for version in listed([medium])] == ["web/first@1"]
        assert check_media([medium]).problems == ()
    report = place.run()
    assert report.exit_code == 0
    assert 0 < report.objects[1].bytes_known == 24 * MIB - report.objects[1].bytes_read
    place.assert_whole()


COPIES = """
backup_groups: {primary: {devices: [nas]}}
restore_groups: {readers: {devices: [nas]}}
copy_groups: {vault: {copies: readers, devices: [usb], select: {versions: session}}}
"""


@pytest.mark.slow
def test_a_killed_copy_behind_a_session_is_completed(tmp_path: Path, engine: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(24):
        (source / f"file{number:02d}").write_bytes(os.urandom(MIB))
    copying = Copying(tmp_path)
    plan = copying.plan("g", COPIES, source, nas="", usb="")
    killed_run(tmp_path / "g.yaml", copying.catalog, "copying", engine)
    with open_catalog(copying.catalog) as catalog:
        assert [row.state for row in catalog.sessions()] == [
            SessionState.INTERRUPTED, SessionState.FINISHED,
        ]  # fmt: skip
        assert [row.kind for row in catalog.unfinished.sessions()] == ["copy"]
    settings = replace(copying.settings(), wait_seconds_max=120)
    wait_for(partial(is_free, tmp_path / "usb"))
    before = {header.frame_id for header, _ in copying.frames("usb")}
    report = api.run_copy(plan, (), settings, QUIET)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0), report.problems
    copied = {header.frame_id for header in copying.foreign("usb", report)}
    assert len(before) >= 4
    assert copied == {header.frame_id for header, _ in copying.frames("nas")}
    moved = sum(
        len(p) for h, p in copying.foreign("nas", report).items() if h.frame_id not in before
    )
    assert report.bytes_read == moved
    with open_catalog(copying.catalog) as catalog:
        assert catalog.unfinished.sessions() == []
    assert recovered([tmp_path / "usb"], tmp_path / "back").problems == ()
    assert list(differences(str(source), str(tmp_path / "back"))) == []
