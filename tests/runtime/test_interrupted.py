"""Commands that work in their own process, told to end in the middle."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowbackup import api
from flowbackup.errors import EXIT_INTERRUPTED, DeviceError, InterruptedSessionError
from flowbackup.media import bounded
from flowbackup.media.locks.door import DeviceDoor
from flowbackup.media.open import open_device
from flowbackup.model.device import DeviceTarget
from flowbackup.model.report import Outcome
from flowbackup.monitor import Progress, SilentMonitor
from flowbackup.runtime.care import repairing, verifying
from tests.local_backup import LocalBackup
from tests.runtime.left_behind import hidden_names
from tests.runtime.repaired import FILES, held, repair, tree

QUIET = SilentMonitor()


class Telling(SilentMonitor):
    """Tells this process to end when so many progresses were reported."""

    def __init__(self, at: int = 1) -> None:
        self._left = at

    def progress(self, progress: Progress) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def kept(memory_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalBackup:
    """One version on two devices; whoever works reports each step."""
    for house in ("restore.tree", "runtime.care.repairing", "runtime.care.rebuilding"):
        monkeypatch.setattr(f"flowbackup.{house}.PROGRESS_SECONDS", 0)
    monkeypatch.setattr("flowbackup.runtime.care.verify_progress.PROGRESS_SECONDS", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(memory_path))
    kept = LocalBackup(memory_path, "nas", "usb", "vault")
    kept.run(tree(memory_path / "site"), "nas", "usb")
    return kept


def outcome(kept: LocalBackup) -> Outcome | None:
    return api.sessions(kept.catalog_path)[0].outcome


def test_a_restore_ends_behind_a_file(kept: LocalBackup, tmp_path: Path) -> None:
    request = api.RestoreRequest(catalog=kept.catalog_path)
    with pytest.raises(InterruptedSessionError, match="before all was restored"):
        api.restore("latest", str(tmp_path / "back"), request, Telling(at=4))
    files = [path for path in (tmp_path / "back").rglob("*") if path.is_file()]
    assert 0 < len(files) < FILES
    for path in files:
        assert path.read_bytes() == (kept.folder / "site" / path.name).read_bytes()
    assert hidden_names(tmp_path / "back") == []
    assert outcome(kept) is Outcome.FAILED


def test_a_drill_leaves_no_place(kept: LocalBackup) -> None:
    with pytest.raises(InterruptedSessionError):
        api.drill("latest", api.DrillRequest(catalog=kept.catalog_path), Telling(at=2))
    assert list(kept.folder.glob("flowbackup-drill-*")) == []


def test_a_verification_ends_behind_a_stretch(
    kept: LocalBackup, monkeypatch: pytest.MonkeyPatch
) -> None:
    stops: list[threading.Event] = []

    class Seen(verifying.VerifyTurn):
        def __init__(self, *parts: Any) -> None:
            super().__init__(*parts)
            stops.append(parts[-1])

    class Waiting(Telling):
        """Reads on when the word has been heard."""

        def progress(self, progress: Progress) -> None:
            super().progress(progress)
            assert stops[0].wait(60)

    monkeypatch.setattr(verifying, "VerifyTurn", Seen)
    with pytest.raises(InterruptedSessionError, match="what was read counts"):
        api.verify(["nas"], Waiting(), kept.catalog_path)
    assert outcome(kept) is Outcome.FAILED
    assert api.verify(["nas"], QUIET, kept.catalog_path).exit_code == 0


def test_a_repair_keeps_what_it_has_copied(
    kept: LocalBackup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairing, "GROUP_FRAMES", 2)
    request = api.RepairRequest(catalog=kept.catalog_path, full=True)
    report = api.repair([str(kept.place("vault"))], request, Telling(at=5))
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, EXIT_INTERRUPTED)
    (device,) = report.devices
    assert device.frames == 5 and held(kept)["vault"] is False
    assert [path.suffix for path in (kept.place("vault") / "segments").iterdir()] == [".seg"]
    again = repair(kept, "vault", full=True)
    assert again.exit_code == 0 and held(kept)["vault"] is True


@pytest.mark.parametrize("fresh", [False, True])
def test_a_rebuild_leaves_the_catalog_that_was_there(kept: LocalBackup, fresh: bool) -> None:
    before = api.objects(kept.catalog_path)
    with pytest.raises(InterruptedSessionError, match="before everything was taken over"):
        api.rebuild(
            [str(kept.place("nas"))], Telling(), kept.catalog_path, mode="slow", fresh=fresh
        )
    assert api.objects(kept.catalog_path) == before
    assert list(kept.folder.glob(".catalog*")) == []


def test_a_second_word_does_not_wait_for_the_border(kept: LocalBackup, tmp_path: Path) -> None:
    class Twice(Telling):
        def progress(self, progress: Progress) -> None:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)

    request = api.RestoreRequest(catalog=kept.catalog_path)
    with pytest.raises(KeyboardInterrupt):
        api.restore("latest", str(tmp_path / "back"), request, Twice())
    assert hidden_names(tmp_path / "back") == []
    assert outcome(kept) is Outcome.FAILED


class Hanging:
    """What the system does with who looks at a mount whose server is gone."""

    def __init__(self) -> None:
        self.end = threading.Event()

    def __call__(self, *arguments: object, **options: object) -> object:
        self.end.wait(60)
        raise DeviceError("the server is back")


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Hanging:
    hanging = Hanging()
    monkeypatch.setattr(bounded, "LOOK_SECONDS_MAX", 0.05)
    monkeypatch.setattr("flowbackup.media.devices.directory.read_label", hanging)
    return hanging


def looks(kept: LocalBackup) -> dict[str, Callable[[], object]]:
    place = str(kept.place("nas"))
    door = DeviceDoor(open_device(DeviceTarget("nas", "directory", place)), "a test")
    return {
        "door": door.look,
        "show": lambda: api.show_device("nas", kept.catalog_path),
    }


@pytest.mark.parametrize("look", ["door", "show"])
def test_a_device_that_does_not_answer_is_named(
    kept: LocalBackup, hanging: Hanging, look: str
) -> None:
    with pytest.raises(DeviceError, match=r'device "nas": .* has not answered for'):
        looks(kept)[look]()
    hanging.end.set()


def test_copies_are_told_beside_a_device_that_does_not_answer(
    kept: LocalBackup, hanging: Hanging
) -> None:
    lost = api.lost_media(kept.catalog_path)
    assert {row.info.device for row in lost} == {"nas", "usb"}
    assert all("has not answered" in row.fault for row in lost)
    hanging.end.set()
