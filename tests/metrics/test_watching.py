"""The numbers of whole runs, by the command line and on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowbackup.api import RunSettings, quick_plan, watching
from flowbackup.cli.main import run
from flowbackup.cli.output import Output
from flowbackup.monitor import EdgeState, Progress, RecordingMonitor, SilentMonitor
from tests.cli import samples
from tests.metrics.test_textfile import parsed


class Numbers:
    """The file of one graph, after each run."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.file = place / "g.prom"
        (place / "source").mkdir()
        (place / "source" / "file").write_bytes(b"text")

    def backup(self, *more: str) -> int:
        words = (
            "backup",
            str(self.place / "source"),
            "--to",
            str(self.place / "nas"),
            "--name",
            "g",
        )
        return run((*words, "--metrics", str(self.file), "-q", *more), Output())

    def of(self, name: str, **labels: str) -> float:
        key = tuple(sorted((*labels.items(), ("graph", "g"))))
        return parsed(self.file.read_text())[f"flowbackup_{name}", key]


@pytest.fixture
def numbers(tmp_path: Path) -> Numbers:
    return Numbers(tmp_path)


def test_a_good_run_and_a_bad_one_behind_it(numbers: Numbers) -> None:
    assert numbers.backup() == 0
    assert numbers.of("last_outcome", outcome="success") == 1
    assert numbers.of("running") == 0 and numbers.of("last_files") == 1
    assert numbers.of("versions_below_copies") == 0
    assert numbers.of(
        "device_complete", agent="primary.nas", device="nas", role="backup", level="0"
    )
    good = numbers.of("last_success_timestamp_seconds")
    assert 0 <= numbers.of("last_end_timestamp_seconds") - good < 60
    (numbers.place / "source" / "file").unlink()
    (numbers.place / "source").rmdir()
    assert numbers.backup() == 1
    assert numbers.of("last_exit_code") == 1
    assert numbers.of("last_outcome", outcome="failed") == 1
    assert numbers.of("last_success_timestamp_seconds") == good


def test_a_mirror_more_is_asked_for_and_missing_in_the_versions_before(numbers: Numbers) -> None:
    assert numbers.backup() == 0
    assert numbers.backup("--mirror", str(numbers.place / "usb")) == 0
    assert numbers.of("versions_below_copies") == 1


def test_what_is_known_of_earlier_runs_is_there_while_the_next_one_runs(
    numbers: Numbers, tmp_path: Path
) -> None:
    catalog = tmp_path / "c"
    assert numbers.backup("--catalog", str(catalog)) == 0
    good = numbers.of("last_success_timestamp_seconds")
    plan = quick_plan([str(tmp_path / "source")], str(tmp_path / "nas"), name="g")
    settings = RunSettings(catalog=catalog)
    with watching(replace(plan, copies=2), settings, SilentMonitor(), numbers.file) as watched:
        assert numbers.of("running") == 1
        assert numbers.of("last_success_timestamp_seconds") == good > 0
        watched.ended(samples.report())
    assert numbers.of("versions_below_copies") == 1


def test_the_environment_names_the_file(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWBACKUP_METRICS", str(numbers.place / "other.prom"))
    words = ("backup", str(numbers.place / "source"), "--to", str(numbers.place / "nas"), "-q")
    assert run(words, Output()) == 0
    assert 'graph="backup"' in (numbers.place / "other.prom").read_text()


def test_a_directory_that_is_not_there_is_told_before_anything_runs(
    numbers: Numbers, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers.file = numbers.place / "nowhere" / "g.prom"
    assert numbers.backup() == 2
    assert "nowhere" in capsys.readouterr().err and not (numbers.place / "nas").exists()


def test_numbers_come_while_it_runs_and_what_cannot_be_written_is_told_once(
    numbers: Numbers, tmp_path: Path
) -> None:
    plan = quick_plan([str(tmp_path / "source")], str(tmp_path / "nas"), name="g")
    settings, monitor = RunSettings(catalog=tmp_path / "c"), RecordingMonitor()
    now = [0.0]
    edge = EdgeState("a -> b", 0, 7, 5, 1, 8)
    with watching(plan, settings, monitor, numbers.file, lambda: now[0]) as watched:
        watched.progress(Progress("backup", edges=(edge,)))
        assert numbers.of("running") == 1 and numbers.of("edge_moved_bytes", edge="a -> b") == 7
        numbers.file.unlink()
        watched.progress(Progress("backup", edges=(edge,)))
        assert not numbers.file.exists(), "not with every snapshot"
        now[0] = 6.0
        watched.progress(Progress("backup", edges=(edge,)))
        assert numbers.file.exists()
        numbers.file.unlink()
        numbers.file.mkdir()
        for now[0] in (20.0, 40.0):
            watched.progress(Progress("backup", edges=(edge,)))
        watched.ended(samples.report())
    assert len(monitor.snapshots) == 5
    assert [text for text in monitor.messages if "metrics were not written" in text] != []
    assert len(monitor.messages) == 1


def test_nothing_is_looked_at_where_nobody_wants_numbers(tmp_path: Path) -> None:
    plan = quick_plan([str(tmp_path / "source")], str(tmp_path / "nas"))
    catalog = tmp_path / "broken"
    catalog.write_text("no catalog")
    monitor = RecordingMonitor()
    with watching(plan, RunSettings(catalog=catalog), monitor) as watched:
        watched.progress(Progress("backup"))
        watched.ended(samples.report())
    assert monitor.messages == []
