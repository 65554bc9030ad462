"""Verification in this process: what it makes of media and catalog, without Ray."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.catalog.rows import VerifiedRow
from flowbackup.errors import UsageError
from flowbackup.media.checks.medium_verifier import StretchReport
from flowbackup.media.devices.directory import DirectoryDevice
from flowbackup.media.labels.label import init_medium
from flowbackup.media.port import StoredFrame
from flowbackup.model import stretch
from flowbackup.model.device import DeviceTarget
from flowbackup.model.freed import FreedSegment
from flowbackup.model.report import Outcome
from flowbackup.model.stretch import Stretch
from flowbackup.monitor import Progress, RecordingMonitor, SilentMonitor
from flowbackup.runtime.care import verifying
from flowbackup.runtime.care.verify_turn import Verifier
from flowbackup.testing.frames import sample_frame, sample_id

UNIT = 64 << 10
FRAME_BYTES = 30_000


@pytest.fixture(autouse=True)
def _small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "STRETCH_BYTES", UNIT)


class Place:
    """A catalog, and media in directories beside it, with frames that it knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.catalog = folder / "catalog.sqlite"
        self.sequence = 0

    def medium(self, name: str, segments: int = 1, frames: int = 8) -> list[StoredFrame]:
        location = self.folder / name
        if not location.exists():
            init_medium(str(location), name=name)
        device = DirectoryDevice(DeviceTarget(name, "directory", str(location)))
        device.lock("test")
        stored: list[StoredFrame] = []
        for _ in range(segments):
            writer = device.writer(sample_id(1), 1)
            for _ in range(frames):
                writer.append(*sample_frame(FRAME_BYTES, self.sequence))
                self.sequence += 1
            stored += writer.commit()
            writer.finish()
        with open_catalog(self.catalog) as catalog:
            catalog.add_medium(device.info())
            catalog.add_durable([(frame.header, frame.place) for frame in stored])
        device.close()
        return stored

    def flip(self, name: str, frame: StoredFrame) -> None:
        (path,) = (self.folder / name / "segments").glob(f"{frame.place.segment:08}-*")
        path.chmod(0o600)
        with path.open("r+b") as file:
            file.seek(frame.place.offset + 4096 + 100)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))

    def verify(
        self, *names: str, sample: Fraction | None = None
    ) -> tuple[Outcome, list[str], dict[str, str]]:
        """Outcome, texts of problems, states of devices."""
        monitor = RecordingMonitor()
        report = api.verify(names, monitor, self.catalog, sample=sample)
        assert list(report.problems) == monitor.problems
        states = {device.name: device.state for device in report.devices}
        return report.outcome, [problem.text for problem in report.problems], states

    def verified(self, name: str) -> VerifiedRow:
        (row,) = (row for row in api.devices(self.catalog) if row.info.device == name)
        assert row.verified is not None
        return row.verified


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_damage_is_told_remembered_and_forgotten_when_it_is_gone(place: Place) -> None:
    frames = place.medium("nas")
    assert place.verified("nas").newest_ns == 0
    assert place.verify() == (Outcome.SUCCESS, [], {"nas": "sound"})
    before = place.verified("nas")
    assert (before.frames_verified, before.frames_damaged) == (8, 0)
    place.flip("nas", frames[2])
    outcome, (text,), states = place.verify()
    assert (outcome, states) == (Outcome.FAILED, {"nas": "damaged"})
    assert f"segment 1, bytes {frames[2].place.offset} to" in text
    assert place.verified("nas").frames_damaged == 1
    assert place.verified("nas").oldest_ns > before.newest_ns
    place.flip("nas", frames[2])
    assert place.verify()[0] is Outcome.SUCCESS
    assert place.verified("nas").frames_damaged == 0


def test_samples_find_a_damage_when_its_part_comes(place: Place) -> None:
    frames = place.medium("nas", segments=3)
    parts = 5
    victim = frames[13]
    place.flip("nas", victim)
    for _ in range(2):
        outcomes = [place.verify(sample=Fraction(1, parts)) for _ in range(parts)]
        found = [texts for outcome, texts, _ in outcomes if outcome is Outcome.FAILED]
        assert found and all(f"segment {victim.place.segment}," in text for (text,) in found)
        assert len(found) < parts
        assert place.verified("nas").frames_verified == len(frames)


def test_new_segments_are_reached_by_the_samples_too(place: Place) -> None:
    place.medium("nas", segments=2)
    for _ in range(3):
        place.verify(sample=Fraction(1, 3))
    assert place.verified("nas").oldest_ns
    victim = place.medium("nas")[5]
    place.flip("nas", victim)
    assert place.verified("nas").oldest_ns == 0
    outcomes = [place.verify(sample=Fraction(1, 3))[0] for _ in range(3)]
    assert outcomes.count(Outcome.FAILED) == 1


def test_the_label_and_the_texts_are_checked_by_every_sample(place: Place) -> None:
    place.medium("nas", segments=3)
    (place.folder / "nas" / "README.txt").write_text("something else")
    for _ in range(4):
        outcome, (text,), _ = place.verify(sample=Fraction(1, 30))
        assert outcome is Outcome.FAILED
        assert "README.txt: is not what was written" in text


@pytest.mark.parametrize("sample", [None, Fraction(1, 30)])
def test_a_missing_segment_is_told_by_every_run(place: Place, sample: Fraction | None) -> None:
    place.medium("nas", segments=3)
    (path,) = (place.folder / "nas" / "segments").glob("00000002-*")
    path.rename(place.folder / "away")
    for _ in range(2):
        outcome, (text,), _ = place.verify(sample=sample)
        assert outcome is Outcome.FAILED
        assert "segment 2, offset 8192: the file is missing" in text
        assert place.verified("nas").frames_damaged == 8
    (place.folder / "away").rename(path)
    assert place.verify()[0] is Outcome.SUCCESS
    assert place.verified("nas").frames_damaged == 0


def test_a_frame_that_was_lost_without_a_trace_is_missed(place: Place) -> None:
    """A segment in the place of another one: sound in itself, and not what was written."""
    frames = place.medium("nas")
    segments = place.folder / "nas" / "segments"
    (path,) = segments.iterdir()
    kept = path.read_bytes()
    path.unlink()
    other = Place(place.folder / "other")
    other.sequence = 100
    other.folder.mkdir()
    label = (place.folder / "nas" / "flowbackup.label").read_bytes()
    init_medium(str(other.folder / "nas"), name="nas")
    (other.folder / "nas" / "flowbackup.label").write_bytes(label)
    other.medium("nas")
    path.write_bytes((other.folder / "nas" / "segments" / path.name).read_bytes())
    outcome, texts, _ = place.verify()
    assert outcome is Outcome.FAILED
    assert len(texts) == len(frames)
    assert "the frame that was written here is not here any more" in texts[0]
    path.write_bytes(kept)
    assert place.verify()[0] is Outcome.SUCCESS


def test_another_medium_in_the_place_is_not_verified_for_the_first(place: Place) -> None:
    place.medium("nas")
    (place.folder / "nas").rename(place.folder / "away")
    init_medium(str(place.folder / "nas"), name="nas")
    outcome, (text,), states = place.verify()
    assert (outcome, states) == (Outcome.FAILED, {"nas": "failed"})
    assert "expected" in text
    assert place.verified("nas").frames_damaged == 0


def test_a_medium_that_is_away_does_not_keep_the_others_waiting(place: Place) -> None:
    place.medium("nas")
    place.medium("usb")
    (place.folder / "nas").rename(place.folder / "away")
    outcome, (text,), states = place.verify()
    assert (outcome, states) == (Outcome.FAILED, {"nas": "failed", "usb": "sound"})
    assert "does not exist" in text


def far(place: Place, name: str) -> None:
    """Says that the device is on another node."""
    labels = (("flowbackup.io/node", "storage2"),)
    with open_catalog(place.catalog) as catalog:
        (info,) = (info for info in catalog.media() if info.device == name)
        catalog.add_medium(replace(info, node="storage2", node_labels=labels))


def test_a_disk_that_was_replaced_is_meant_by_its_name_and_place(place: Place) -> None:
    """The lost one is asked for only where all that the catalog knows is."""
    place.medium("usb")
    (place.folder / "usb").rename(place.folder / "broken")
    place.medium("usb")
    for named in ("usb", str(place.folder / "usb")):
        assert place.verify(named)[2] == {"usb": "sound"}
    outcome, problems, _ = place.verify()
    assert outcome is Outcome.FAILED and len(problems) == 1


def test_a_medium_of_another_node_needs_an_address(place: Place) -> None:
    place.medium("nas")
    place.medium("usb")
    far(place, "usb")
    with pytest.raises(UsageError, match='"usb" is on node storage2') as raised:
        place.verify()
    assert "--address" in raised.value.remedy
    assert place.verify("nas")[2] == {"nas": "sound"}
    # The same path here is another place.
    with pytest.raises(UsageError, match="no medium of device"):
        place.verify(str(place.folder / "usb"))


class Meeting:
    """A Verifier that goes on only when all others have come."""

    def __init__(self, verifier: Verifier, barrier: threading.Barrier) -> None:
        self.survey = verifier.survey
        self.freed = verifier.freed
        self._read = verifier.read
        self._barrier = barrier

    def read(self, stretches: Sequence[Stretch]) -> Iterator[StretchReport]:
        self._barrier.wait()
        yield from self._read(stretches)


def test_media_on_different_disks_are_read_at_the_same_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("nas", "usb", "vault")
    for name in names:
        place.medium(name)
    barrier = threading.Barrier(len(names), timeout=60)
    near = verifying.open_near
    monkeypatch.setattr(verifying, "_disk", lambda info: info.medium)
    monkeypatch.setattr(verifying, "open_near", lambda info: Meeting(near(info), barrier))
    monitor = RecordingMonitor()
    report = api.verify([], monitor, place.catalog)
    assert report.outcome is Outcome.SUCCESS
    assert {device.name for device in report.devices} == set(names)
    assert {edge.name for edge in monitor.snapshots[0].edges} == set(names)


def test_what_was_read_before_an_interruption_counts(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.medium("nas", segments=3)
    monkeypatch.setattr("flowbackup.runtime.care.verify_progress.PROGRESS_SECONDS", 0)
    seen: list[int] = []

    class Interrupting(SilentMonitor):
        def progress(self, progress: Progress) -> None:
            seen.append(progress.bytes_read)
            if len(seen) == 4:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.verify([], Interrupting(), place.catalog)
    assert 0 < place.verified("nas").frames_verified < 24
    assert api.sessions(place.catalog)[0].outcome is Outcome.FAILED
    before = place.verified("nas").frames_verified
    place.verify(sample=Fraction(1, 4))
    assert place.verified("nas").frames_verified > before


def test_verify_does_not_need_ray(place: Place) -> None:
    place.medium("nas")
    program = (
        "import sys; from flowbackup.cli.main import run; from flowbackup.cli.output import Output;"
        "assert run(['verify', '--sample', '1/2', '-q'], Output()) == 0;"
        "assert 'ray' not in sys.modules and 'pyarrow' not in sys.modules"
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "FLOWBACKUP_CATALOG": str(place.catalog), "PYTHONPATH": root}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr


class Counting:
    """A Verifier that notes which segments it was asked of whether they were freed."""

    def __init__(self, verifier: Verifier, asked: list[tuple[int, int]]) -> None:
        self.survey = verifier.survey
        self.read = verifier.read
        self._freed = verifier.freed
        self._asked = asked

    def freed(self, segments: Sequence[tuple[int, int]]) -> tuple[FreedSegment, ...]:
        self._asked += segments
        return self._freed(segments)


def test_a_segment_that_is_all_damaged_is_looked_for_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not for each of its stretches: a sparse file may have thousands of them."""
    frames = place.medium("nas", segments=2, frames=12)
    for frame in frames[:12]:
        place.flip("nas", frame)
    asked: list[tuple[int, int]] = []
    near = verifying.open_near
    monkeypatch.setattr(verifying, "open_near", lambda info: Counting(near(info), asked))
    outcome, problems, _ = place.verify("nas")
    assert outcome is Outcome.FAILED and len(problems) == 12
    assert asked == [(1, 1), (2, 1)], "each once, and the second for its last stretch, the index"
