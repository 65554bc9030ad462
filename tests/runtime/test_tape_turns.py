"""Two sessions and one tape drive: the second cannot even see the label, and waits its turn, or is
told who has the drive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.errors import DeviceLockedError
from flowbackup.media.devices.tape import TapeDevice
from flowbackup.media.locks.door import DeviceDoor
from flowbackup.media.places.tape.virtual_drive import VirtualDrive
from flowbackup.model.device import DeviceTarget
from flowbackup.monitor import RecordingMonitor
from flowbackup.runtime.crew.entrance import Entrance
from tests.media.tape_samples import make_tape, place_of

SECOND = b"2" * 16
GRAPH = """
graph: nightly
catalog: {place}/catalog.sqlite
frame_size: 256 KiB
sync_size: 512 KiB
clients: {{web: {{objects: {{site: {{path: {place}/site}}}}}}}}
devices: {{lto: {{kind: tape, path: {place}/drive}}}}
backup_groups: {{primary: {{devices: [lto]}}}}
"""


class Busy:
    """A session that writes.  In one process all share a drive, so it is opened beside that, as
    another process has it."""

    def __init__(self, drive: Path) -> None:
        self.device = make_tape(drive)
        self.device.lock("session seven")
        self.drive = VirtualDrive(str(drive), writable=False)

    def end(self) -> None:
        self.drive.close()
        self.device.close()


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Busy]:
    first = Busy(tmp_path / "drive")
    yield first
    first.end()


def second(tmp_path: Path) -> TapeDevice:
    return TapeDevice(DeviceTarget("lto", "tape", place_of(tmp_path / "drive")))


def test_who_may_wait_gets_the_drive_when_it_is_free(tmp_path: Path, busy: Busy) -> None:
    door = DeviceDoor(second(tmp_path), "session eight")
    monitor = RecordingMonitor()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        busy.end()

    Entrance(SECOND, [door], 60, monitor, sleep=sleep).take()
    assert len(slept) == 1
    (told,) = monitor.messages
    assert told.startswith('waiting: device "lto" is in use by session seven (process ')
    door.unlock()


def test_who_does_not_wait_hears_who_has_it(tmp_path: Path, busy: Busy) -> None:
    door = DeviceDoor(second(tmp_path), "session eight")
    with pytest.raises(DeviceLockedError, match="in use by session seven") as told:
        Entrance(SECOND, [door], 0, RecordingMonitor()).take()
    assert told.value.holder.startswith("session seven (") and "--retry-lock" in told.value.remedy


def test_a_run_waits_for_the_drive_from_the_start(tmp_path: Path, busy: Busy) -> None:
    """Also what looks at devices before that does not end it."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "page").write_text("text")
    graph = tmp_path / "nightly.yaml"
    graph.write_text(GRAPH.format(place=tmp_path))

    class Ends(RecordingMonitor):
        def message(self, text: str) -> None:
            super().message(text)
            if text.startswith("waiting: "):
                busy.end()

    monitor = Ends()
    settings = api.RunSettings(wait_seconds_max=60, engine="local")
    report = api.run_backup(api.load_plan(graph), settings, monitor)
    assert (report.exit_code, report.devices[0].state) == (0, "complete"), report.problems
    assert any("in use by session seven" in text for text in monitor.messages)
