"""Repairs in the process of the test, and what they left."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from flowbackup import api
from flowbackup.catalog.rows import VersionRow
from flowbackup.model.device import DeviceTarget, FramePlace
from flowbackup.model.ids import FrameId
from flowbackup.model.report import SessionReport
from flowbackup.monitor import RecordingMonitor
from flowbackup.testing.compare import differences
from tests import judge
from tests.local_backup import LocalBackup

FILES = 16


def tree(place: Path) -> Path:
    place.mkdir()
    for number in range(FILES):
        (place / f"file{number:02d}").write_bytes(os.urandom(60_000))
    return place


def repair(kept: LocalBackup, *devices: str, **options: object) -> SessionReport:
    request = api.RepairRequest(catalog=kept.catalog_path, **options)  # type: ignore[arg-type]
    return api.repair(devices, request, RecordingMonitor())


def moved(report: SessionReport) -> dict[str, int]:
    return {device.name: device.frames for device in report.devices}


def states(report: SessionReport) -> dict[str, str]:
    return {device.name: device.state for device in report.devices}


def frames_of(kept: LocalBackup, version: VersionRow) -> list[FrameId]:
    with kept.catalog() as catalog:
        return [row.frame for row in catalog.frames_of(version)]


def place_on(kept: LocalBackup, frame: FrameId, device: str) -> FramePlace:
    with kept.catalog() as catalog:
        return next(place for info, place in catalog.places(frame) if info.device == device)


def held(kept: LocalBackup) -> dict[str, bool]:
    """Whether each medium holds the newest version completely."""
    with kept.catalog() as catalog:
        rows = catalog.copies_of(catalog.resolve("latest"))
    return {row.medium.device: row.complete for row in rows}


def judged(kept: LocalBackup, device: str, source: Path) -> None:
    """recover.py restores the newest version from this medium alone, equal to the source."""
    target = kept.folder / f"judged-{device}"
    done = judge.recovered_here([kept.place(device)], target)
    assert (done.exit_code, done.problems) == (0, ())
    assert list(differences(str(source), str(target))) == []
    shutil.rmtree(target)


def content_of(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((place / "segments").iterdir())}


def target(kept: LocalBackup, name: str) -> DeviceTarget:
    return DeviceTarget(name, "directory", str(kept.place(name)))
