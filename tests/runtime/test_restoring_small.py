"""Restores of many small files: two processes make them, and the report is that of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.model.frame import FrameKind
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore.second import hand_over
from flowbackup.restore.second.process import SecondProcess
from flowbackup.testing.compare import differences
from tests.local_backup import LocalBackup, damage

FILES = 600
DIRECTORIES = 3


@pytest.fixture
def source(memory_path: Path) -> Path:
    place = memory_path / "site"
    for number in range(FILES):
        folder = place / f"d{number % DIRECTORIES}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}").write_bytes(number.to_bytes(2, "big") * (number * 7 % 2000))
    return place


@pytest.fixture
def kept(memory_path: Path, source: Path) -> LocalBackup:
    """On one device every frame is damaged: whoever shares the reading with it meets that."""
    kept = LocalBackup(memory_path, "nas", "usb")
    version = kept.run(source, "nas", "usb")
    with kept.catalog() as catalog:
        rows = [r for r in catalog.frames_of(version) if r.header]
        for row in rows:
            if row.header and row.header.kind == FrameKind.DATA:
                places = {info.device: place for info, place in catalog.places(row.frame)}
                damage(kept.place("nas"), places["nas"])
    return kept


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[SecondProcess]:
    """A second process for more than 100 files, and the ones that were started."""
    found: list[SecondProcess] = []
    start = SecondProcess.__init__

    def watched(self: SecondProcess) -> None:
        start(self)
        found.append(self)

    monkeypatch.setattr(SecondProcess, "__init__", watched)
    monkeypatch.setattr(hand_over, "_is_of_use", lambda: True)
    monkeypatch.setattr(hand_over, "FILES_EXPECTED_MIN", 100)
    return found


def restored(kept: LocalBackup, query: str, target: Path) -> tuple[SessionReport, list[str]]:
    monitor = RecordingMonitor()
    request = api.RestoreRequest(catalog=kept.catalog_path, explain=True)
    report = api.restore(query, str(target), request, monitor)
    return report, sorted(problem.kind for problem in monitor.problems)


def test_copies_are_healed_and_explained_as_by_one_process(
    kept: LocalBackup, source: Path, started: list[SecondProcess], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    two, told = restored(kept, "latest", tmp_path / "two")
    assert len(started) == 1
    assert list(differences(source, tmp_path / "two")) == []
    assert two.outcome is Outcome.SUCCESS
    assert two.explanation is not None
    assert (two.files, set(told)) == (FILES, {"healed"})
    assert len(two.explanation.detours) == len(told)
    monkeypatch.setattr(hand_over, "FILES_EXPECTED_MIN", FILES)
    one, _ = restored(kept, "latest", tmp_path / "one")
    assert len(started) == 1
    assert (one.files, one.bytes_source) == (two.files, two.bytes_source)


def test_a_part_of_a_version_is_not_taken_for_the_whole(
    kept: LocalBackup, started: list[SecondProcess], tmp_path: Path
) -> None:
    report, _ = restored(kept, "latest:d1", tmp_path / "part")
    assert (report.files, started) == (FILES // DIRECTORIES, [])
