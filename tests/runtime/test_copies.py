"""Frames from any mix of copies: which is chosen, what is healed, what is told and remembered."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.rows import VersionRow
from flowbackup.errors import DamageError, DeviceError
from flowbackup.flow import choice
from flowbackup.flow.read_ahead import FRAMES_FIRST
from flowbackup.frame.seal import open_frame
from flowbackup.media.open import open_device
from flowbackup.media.port import Device
from flowbackup.model.device import DeviceTarget, FramePlace
from flowbackup.model.frame import FrameHeader, FrameKind
from flowbackup.model.ids import FrameId
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore.tree import restore_tree
from flowbackup.runtime.reading.copies import copy_reader
from flowbackup.runtime.reading.known_media import KnownMedia
from flowbackup.testing.compare import differences
from tests.local_backup import LocalBackup, damage

FILES = 24


@pytest.fixture
def source(memory_path: Path) -> Path:
    place = memory_path / "site"
    place.mkdir()
    for number in range(FILES):
        (place / f"file{number:02d}").write_bytes(os.urandom(60_000))
    return place


@pytest.fixture
def kept(memory_path: Path) -> LocalBackup:
    return LocalBackup(memory_path, "nas", "usb")


@pytest.fixture
def version(kept: LocalBackup, source: Path) -> VersionRow:
    return kept.run(source, "nas", "usb")


def data_frames(kept: LocalBackup, version: VersionRow) -> list[FrameId]:
    with kept.catalog() as catalog:
        rows = catalog.frames_of(version)
        return [row.frame for row in rows if row.header and row.header.kind == FrameKind.DATA]


def copy_on(kept: LocalBackup, frame: FrameId, device: str) -> FramePlace:
    with kept.catalog() as catalog:
        places = [(i.device, place) for i, place in catalog.places(frame)]
    return next(place for name, place in places if name == device)


def restore(
    kept: LocalBackup, monitor: RecordingMonitor, *, dry_run: bool = False
) -> SessionReport:
    request = api.RestoreRequest(catalog=kept.catalog_path, explain=True, dry_run=dry_run)
    return api.restore("latest", str(kept.folder / "back"), request, monitor)


def given(report: SessionReport) -> dict[str, int]:
    """Frames that each device gave."""
    assert report.explanation is not None
    return {use.device: use.frames for use in report.explanation.media}


def test_equal_copies_share_the_reading(
    kept: LocalBackup, version: VersionRow, source: Path
) -> None:
    monitor = RecordingMonitor()
    foreseen = given(restore(kept, monitor, dry_run=True))
    assert not (kept.folder / "back").exists()
    report = restore(kept, monitor)
    assert (report.outcome, report.exit_code, monitor.problems) == (Outcome.SUCCESS, 0, [])
    assert list(differences(str(source), str(kept.folder / "back"))) == []
    frames = len(data_frames(kept, version))
    assert sum(foreseen.values()) == frames and abs(foreseen["nas"] - foreseen["usb"]) <= 1
    # What was foreseen is what was read, each frame once and nothing else.
    assert given(report) == foreseen
    assert report.bytes_read == sum(payload_bytes(kept, version))


def payload_bytes(kept: LocalBackup, version: VersionRow) -> list[int]:
    """Of each data frame."""
    with kept.catalog() as catalog:
        return [catalog.header(frame).payload_bytes for frame in data_frames(kept, version)]


def test_frames_of_a_striped_group_come_from_the_device_that_has_them(
    kept: LocalBackup, source: Path
) -> None:
    version = kept.run(source, "nas", "usb", striped=True)
    monitor = RecordingMonitor()
    report = restore(kept, monitor)
    assert (report.outcome, report.exit_code, monitor.problems) == (Outcome.SUCCESS, 0, [])
    assert list(differences(str(source), str(kept.folder / "back"))) == []
    frames = len(data_frames(kept, version))
    assert given(report) == {"nas": frames - frames // 2, "usb": frames // 2}
    assert report.bytes_read == sum(payload_bytes(kept, version))
    assert report.explanation is not None
    assert {r for u in report.explanation.media for r, _ in u.reasons} == {choice.ONLY}


class InStep:
    """Opens devices whose n-th read ends when all of the others have begun their n-th, too."""

    def __init__(self, reads: dict[str, int]) -> None:
        """reads: of each device, as many as there will be."""
        self.reads, self.begun = reads, dict.fromkeys(reads, 0)
        self.changed = threading.Condition()

    def __call__(self, target: DeviceTarget) -> Device:
        device = open_device(target)
        reader = device.reader()

        class Reader:
            def read(_, header: FrameHeader | None, place: FramePlace) -> object:
                self.wait_for_others(target.name)
                return reader.read(header, place)

        device.reader = lambda **_: Reader()  # type: ignore[assignment,return-value]
        return device

    def wait_for_others(self, name: str) -> None:
        with self.changed:
            self.begun[name] += 1
            number = self.begun[name]
            self.changed.notify_all()
            assert self.changed.wait_for(
                lambda: all(self.begun[n] >= min(number, m) for n, m in self.reads.items()), 60
            ), f"{name} reads alone: {self.begun}"


def test_devices_of_a_striped_group_are_read_at_once(kept: LocalBackup, source: Path) -> None:
    """Row 8: no read of one device ends before the other one reads, too."""
    version = kept.run(source, "nas", "usb", striped=True)
    frames = len(data_frames(kept, version))
    in_step = InStep({"nas": frames - frames // 2, "usb": frames // 2})
    target = kept.folder / "back"
    monitor = RecordingMonitor()
    with (
        kept.catalog() as catalog,
        copy_reader(catalog, monitor, KnownMedia(catalog, in_step)) as reader,
    ):
        entries = catalog.entries(version)
        restore_tree(entries, reader, bytes(target), monitor=monitor, foresight=reader)
    assert (in_step.begun, monitor.problems) == (in_step.reads, [])
    assert list(differences(str(source), str(target))) == []


def test_what_is_left_out_is_not_read(kept: LocalBackup, version: VersionRow) -> None:
    request = api.RestoreRequest(catalog=kept.catalog_path, include=("file07",), explain=True)
    report = api.restore("latest", str(kept.folder / "back"), request, RecordingMonitor())
    with kept.catalog() as catalog:
        needed = {chunk.frame for chunk in catalog.entry(version, b"file07").chunks}
    assert report.outcome is Outcome.SUCCESS
    assert sum(given(report).values()) == len(needed) < len(data_frames(kept, version))


def test_files_that_are_there_are_not_read(kept: LocalBackup, version: VersionRow) -> None:
    restore(kept, RecordingMonitor())
    (kept.folder / "back" / "file20").unlink()
    request = api.RestoreRequest(catalog=kept.catalog_path, overwrite="changed", explain=True)
    report = api.restore("latest", str(kept.folder / "back"), request, RecordingMonitor())
    assert report.outcome is Outcome.SUCCESS
    with kept.catalog() as catalog:
        needed = {chunk.frame for chunk in catalog.entry(version, b"file20").chunks}
    # And what was foreseen for the files behind it, of which little is begun.
    assert len(needed) <= sum(given(report).values()) <= len(needed) + FRAMES_FIRST


def test_a_segment_of_each_copy_is_damaged_and_the_restore_reports_both(
    kept: LocalBackup, version: VersionRow, source: Path
) -> None:
    """Row 37: no copy alone would do."""
    frames = data_frames(kept, version)
    segments = {"nas": copy_on(kept, frames[0], "nas"), "usb": copy_on(kept, frames[-1], "usb")}
    assert segments["nas"].segment != segments["usb"].segment
    for device, first in segments.items():
        hit = [p for f in frames if (p := copy_on(kept, f, device)).segment == first.segment]
        assert len(hit) >= 2, "equal copies take turns, so one of two is a first choice"
        for place in hit:
            damage(kept.place(device), place)
    monitor = RecordingMonitor()
    report = restore(kept, monitor)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0)
    assert {(problem.kind, problem.device) for problem in monitor.problems} == {
        ("healed", "nas"), ("healed", "usb"),
    }  # fmt: skip
    for device, first in segments.items():
        texts = [problem.text for problem in monitor.problems if problem.device == device]
        assert all(f'device "{device}", segment {first.segment}, offset' in text for text in texts)
    assert list(differences(str(source), str(kept.folder / "back"))) == []
    for away in ("nas", "usb"):
        report, _ = restored_without(kept, away)
        assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 3)


def restored_without(kept: LocalBackup, device: str) -> tuple[SessionReport, RecordingMonitor]:
    away = kept.place(device).with_suffix(".away")
    kept.place(device).rename(away)
    try:
        monitor = RecordingMonitor()
        request = api.RestoreRequest(catalog=kept.catalog_path, explain=True)
        target = kept.folder / f"without-{device}"
        return api.restore("latest", str(target), request, monitor), monitor
    finally:
        away.rename(kept.place(device))


def test_healing_names_place_and_frame_and_the_catalog_remembers(
    kept: LocalBackup, version: VersionRow
) -> None:
    frames = data_frames(kept, version)
    places = [(frame, copy_on(kept, frame, "nas")) for frame in frames[:4]]
    for _, place in places:
        damage(kept.place("nas"), place)
    monitor = RecordingMonitor()
    report = restore(kept, monitor)
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0)
    assert report.problems == tuple(monitor.problems)
    assert report.explanation is not None
    healed = {detour.frame for detour in report.explanation.detours}
    # Of four frames in a row, equal copies have given two each.
    assert len(healed) == len(monitor.problems) == 2
    for problem in monitor.problems:
        assert (problem.kind, problem.device) == ("healed", "nas")
        frame, place = next((f, p) for f, p in places if str(f) in problem.text)
        assert f"segment {place.segment}, offset {place.offset}" in problem.text
        assert 'device "usb", segment' in problem.text and str(frame) in healed
    with kept.catalog() as catalog:
        marked = [
            str(frame)
            for frame, place in places
            if any(c.damaged and c.place == place for c in catalog.copies_of_frame(frame))
        ]
    assert set(marked) == healed
    # The next restore knows, and reports nothing.
    again = RecordingMonitor()
    (kept.folder / "back").rename(kept.folder / "first")
    second = restore(kept, again)
    assert second.explanation is not None and second.explanation.detours == ()
    assert again.problems == []


def test_an_absent_device_is_told_once_and_the_other_gives_all(
    kept: LocalBackup, version: VersionRow
) -> None:
    """Row 36: an unreachable copy."""
    report, monitor = restored_without(kept, "nas")
    assert (report.outcome, report.exit_code) == (Outcome.SUCCESS, 0)
    (problem,) = monitor.problems
    assert (problem.kind, problem.device) == ("unreachable", "nas")
    assert "does not exist" in problem.text
    assert given(report)["nas"] == 0 and given(report)["usb"] >= len(data_frames(kept, version))
    assert report.explanation is not None
    nas = next(use for use in report.explanation.media if use.device == "nas")
    assert "does not exist" in nas.fault


def test_another_medium_in_its_place_is_not_read(kept: LocalBackup, version: VersionRow) -> None:
    kept.place("nas").rename(kept.folder / "away")
    LocalBackup(kept.folder, "nas")
    monitor = RecordingMonitor()
    assert restore(kept, monitor).outcome is Outcome.SUCCESS
    (problem,) = monitor.problems
    assert problem.kind == "unreachable" and "connect the right medium" in problem.text


def test_a_medium_that_vanishes_in_the_middle_is_asked_no_more(
    kept: LocalBackup, version: VersionRow
) -> None:
    frames = data_frames(kept, version)
    monitor = RecordingMonitor()
    with kept.catalog() as catalog, copy_reader(catalog, monitor) as reader:
        reader.read(frames[0])
        reader.read(frames[1])
        kept.place("nas").rename(kept.folder / "away")
        for frame in frames[2:]:
            reader.read(frame)
        gone = [p for p in monitor.problems if p.kind == "unreachable"]
        assert len(gone) == 1 and "nas" in gone[0].text
        # Nothing is damaged: it is only away.
        assert not any(c.damaged for f in frames for c in catalog.copies_of_frame(f))


def test_a_segment_that_is_gone_is_a_damage(kept: LocalBackup, version: VersionRow) -> None:
    # Equal copies take turns: of two frames in a row one is a first choice.
    frames = data_frames(kept, version)[:2]
    places = [copy_on(kept, frame, "nas") for frame in frames]
    assert places[0].segment == places[1].segment
    (segment,) = (kept.place("nas") / "segments").glob(f"{places[0].segment:08d}-*")
    segment.unlink()
    monitor = RecordingMonitor()
    assert restore(kept, monitor).outcome is Outcome.SUCCESS
    assert {problem.kind for problem in monitor.problems} == {"healed"}
    with kept.catalog() as catalog:
        assert any(c.damaged for frame in frames for c in catalog.copies_of_frame(frame))


def test_what_no_copy_holds_is_told_with_every_copy(kept: LocalBackup, version: VersionRow) -> None:
    frames = data_frames(kept, version)
    for device in ("nas", "usb"):
        damage(kept.place(device), copy_on(kept, frames[0], device))
    with kept.catalog() as catalog, copy_reader(catalog, RecordingMonitor()) as reader:
        with pytest.raises(DamageError, match=r"every copy: .*nas.*usb|every copy: .*usb.*nas"):
            reader.read(frames[0])
        kept.place("usb").rename(kept.folder / "away")
    with kept.catalog() as catalog, copy_reader(catalog, RecordingMonitor()) as reader:
        with pytest.raises(DeviceError, match="within reach") as caught:
            reader.read(frames[0])
        assert not isinstance(caught.value, DamageError)


def test_a_verified_copy_is_preferred_and_a_busy_one_avoided(
    kept: LocalBackup, version: VersionRow
) -> None:
    api.verify(["usb"], RecordingMonitor(), kept.catalog_path)
    report = restore(kept, RecordingMonitor(), dry_run=True)
    assert given(report).get("nas", 0) == 0
    assert report.explanation is not None
    usb = next(use for use in report.explanation.media if use.device == "usb")
    assert dict(usb.reasons).keys() == {"verified lately"} and usb.verified_ns
    (kept.place("usb") / "flowbackup.lock").unlink(missing_ok=True)
    holder = lock_holder(kept.place("usb"))
    try:
        report = restore(kept, RecordingMonitor(), dry_run=True)
    finally:
        holder()
    assert given(report).get("usb", 0) == 0
    assert report.explanation is not None
    busy = next(use for use in report.explanation.media if use.device == "usb")
    assert "a long backup" in busy.holder


def lock_holder(place: Path) -> Callable[[], None]:
    """Locks a medium; returns how to end that."""
    from flowbackup.media.open import open_device
    from flowbackup.model.device import DeviceTarget

    device = open_device(DeviceTarget("usb", "directory", str(place)))
    device.lock("a long backup")
    return device.close


def test_threads_may_share_a_reader(kept: LocalBackup, version: VersionRow) -> None:
    frames = data_frames(kept, version)
    damage(kept.place("nas"), copy_on(kept, frames[0], "nas"))
    monitor = RecordingMonitor()
    with kept.catalog() as catalog, copy_reader(catalog, monitor) as reader:
        expected = {frame: bytes(open_frame(*reader.read(frame)).content) for frame in frames}
        barrier = threading.Barrier(4)

        def read(order: int) -> bool:
            barrier.wait()
            mine = frames[order:] + frames[:order]
            return all(reader.payload(frame).data == expected[frame] for frame in mine * 3)

        with ThreadPoolExecutor(4) as threads:
            assert all(threads.map(read, range(4)))


def test_a_dry_run_tells_what_cannot_be_had(kept: LocalBackup, version: VersionRow) -> None:
    for device in ("nas", "usb"):
        kept.place(device).rename(kept.folder / f"{device}-away")
    monitor = RecordingMonitor()
    report = restore(kept, monitor, dry_run=True)
    assert (report.outcome, report.exit_code) == (Outcome.INCOMPLETE, 3)
    assert {problem.kind for problem in monitor.problems} == {"unreachable", "damaged"}
