"""Commands and standard input as objects, on a live Ray."""

from __future__ import annotations

import io
import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowbackup import api
from flowbackup.catalog.catalog import open_catalog
from flowbackup.errors import FlowbackupError, SourceError
from flowbackup.model.report import Outcome, SessionReport
from flowbackup.monitor import RecordingMonitor, SilentMonitor
from flowbackup.plan.decided import Plan
from flowbackup.runtime.crew.resume import Resume
from tests.runtime.left_behind import is_noted, wait_for
from tests.runtime.unended import give_time
from tests.source.test_streams import assert_ended

pytestmark = pytest.mark.ray
ENGINES = ("ray", "local")
MIB = 1 << 20


@pytest.fixture
def run(tmp_path: Path, engine: str, catalog: Path) -> Run:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(b"of the tree")
    return Run(tmp_path, catalog, engine)


class Run:
    """Runs objects through a chain of two devices."""

    def __init__(self, folder: Path, catalog: Path, engine: str) -> None:
        self.engine = engine
        self.folder = folder
        self.catalog = catalog

    def plan(self, **objects: str) -> Plan:
        file = self.folder / "graph.yaml"
        written = "\n".join(f"      {name}: {{{text}}}" for name, text in objects.items())
        file.write_text(
            f"graph: g\nframe_size: 1 MiB\nsync_size: 2 MiB\nclients:\n  web:\n    objects:\n"
            f"{written}\n"
            f"devices: {{a: {{path: {self.folder}/a}}, b: {{path: {self.folder}/b}}}}\n"
            "backup_groups: {primary: {devices: [a]}}\n"
            "mirror_groups: {offsite: {mirrors: primary, devices: [b]}}\n"
        )
        return api.load_plan(file)

    def __call__(self, **objects: str) -> SessionReport:
        settings = api.RunSettings(
            catalog=self.catalog, create=True, init=True, engine=self.engine
        )  # fmt: skip
        return api.run_backup(self.plan(**objects), settings, RecordingMonitor())

    def cat(self, query: str) -> bytes:
        out = io.BytesIO()
        api.cat(query, out, self.catalog)
        return out.getvalue()


def test_a_command_that_fails_is_no_version_and_the_others_are_good(run: Run) -> None:
    report = run(
        tree=f"path: {run.folder}/tree",
        good='command: [sh, -c, "head -c 5000000 /dev/zero; echo end; echo careful >&2"]',
        half='command: [sh, -c, "head -c 3000000 /dev/zero; echo no such table >&2; exit 4"]',
        late='command: [sh, -c, "echo $FLOWBACKUP_CLIENT/$FLOWBACKUP_OBJECT"]',
    )
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, 1)
    ends = {o.name: (o.outcome, o.version, o.copies_durable) for o in report.objects}
    assert ends.pop("half")[:2] == (Outcome.FAILED, 0)
    assert set(ends.values()) == {(Outcome.SUCCESS, 1, 2)}
    texts = {problem.kind: problem.text for problem in report.problems}
    assert "half: " in texts["object_failed"]
    assert "exit code 4: no such table" in texts["object_failed"]
    assert texts["stderr"] == 'command "sh" said: careful'
    assert {row.name for row in api.objects(run.catalog)} == {"tree", "good", "late"}
    assert run.cat("good:") == bytes(5000000) + b"end\n"
    assert run.cat("late:") == b"web/late\n"


def test_a_stream_is_restored_like_a_file(run: Run, tmp_path: Path) -> None:
    assert run(dump='command: [echo, "select 1"]').exit_code == 0
    (tmp_path / "back").mkdir()
    request = api.RestoreRequest(catalog=run.catalog)
    report = api.restore("dump", str(tmp_path / "back"), request, SilentMonitor())
    assert report.outcome is Outcome.SUCCESS
    assert (tmp_path / "back" / "dump").read_bytes() == b"select 1\n"
    assert (tmp_path / "back" / "dump").stat().st_mode & 0o777 == 0o600


def test_an_archive_of_what_was_backed_up(run: Run) -> None:
    run(tree=f"path: {run.folder}/tree", dump='command: [echo, "select 1"]')
    names: dict[str, list[str]] = {}
    for query in ("tree", "tree:file", "dump"):
        out = io.BytesIO()
        request = api.RestoreRequest(catalog=run.catalog)
        report = api.export_tar(query, out, request, SilentMonitor())
        assert (report.kind, report.outcome, report.files) == ("export", Outcome.SUCCESS, 1)
        with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
            names[query] = tar.getnames()
    assert names == {"tree": [".", "./file"], "tree:file": ["file"], "dump": ["dump"]}
    assert api.sessions(run.catalog)[0].kind == "export"


def test_a_session_that_is_ended_at_once_ends_its_command(run: Run, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    plan = run.plan(slow=_endless(note))
    report = _cancelled(run, plan, note)
    assert (report.outcome, report.exit_code) == (Outcome.FAILED, 130)
    assert_ended(int(note.read_text()))


def test_a_run_behind_an_interrupted_one_reads_its_streams_anew(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_time(monkeypatch)
    note, times = tmp_path / "pid", tmp_path / "times"
    counts = f'command: [sh, -c, "echo once >> {times}; cat {times}"]'
    plan = run.plan(counts=counts, slow=_endless(note))
    report = _cancelled(run, plan, note, is_safe)
    assert [o.outcome for o in report.objects] == [Outcome.SUCCESS, Outcome.FAILED]
    with open_catalog(run.catalog) as catalog:
        assert Resume(catalog, plan).sessions == ()
    assert run(counts=counts, slow="command: [echo, quick]").exit_code == 0
    assert run.cat("counts:") == b"once\n" * 2


def _endless(note: Path) -> str:
    """A command that does not hear the wish that it ends, and notes what it has started."""
    return f"command: [sh, -c, \"trap '' TERM; sleep 300 & echo $! > {note}; sleep 300\"]"


def is_safe(monitor: RecordingMonitor) -> bool:
    """Is all of the first object on both devices, as seen twice?"""
    seen = [[(e.bytes_durable, e.bytes_moved) for e in p.edges] for p in monitor.snapshots[-2:]]
    return len(seen) == 2 and all(0 < safe == moved for each in seen for safe, moved in each)


def _cancelled(
    run: Run, plan: Plan, note: Path, is_ready: Callable[[RecordingMonitor], bool] = bool
) -> SessionReport:
    """When the endless command has been begun."""
    monitor = RecordingMonitor()

    def cancel() -> None:
        wait_for(lambda: is_noted(note))
        before = len(monitor.snapshots)
        wait_for(lambda: len(monitor.snapshots) > before + 1 and is_ready(monitor))
        api.change_session("latest", "cancel", run.catalog, now=True)

    asked = threading.Thread(target=cancel)
    asked.start()
    settings = api.RunSettings(catalog=run.catalog, create=True, init=True)
    report = api.run_backup(plan, settings, monitor)
    asked.join()
    return report


def test_a_program_that_is_not_there_is_told_before_a_session_begins(run: Run) -> None:
    with pytest.raises(FlowbackupError, match="there is no program /no/such/program"):
        run(dump="command: [/no/such/program]")
    assert api.sessions(run.catalog) == []


def test_standard_input(run: Run) -> None:
    data = os.urandom(3 * MIB)
    with standard_input() as writing:
        writer = threading.Thread(target=_write, args=(writing, data))
        writer.start()
        assert run(dump="stdin: true").exit_code == 0
        writer.join()
    assert run.cat("dump:") == data


def test_a_terminal_is_no_input(run: Run) -> None:
    leader, terminal = os.openpty()
    try:
        with standard_input(terminal), pytest.raises(SourceError, match="is a terminal"):
            run(dump="stdin: true")
    finally:
        os.close(leader)


@contextmanager
def standard_input(reading: int = -1) -> Iterator[int]:
    """Another standard input for this process; gives the writing end of a pipe, if it is one."""
    writing = -1
    if reading < 0:
        reading, writing = os.pipe()
    kept = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)
    try:
        yield writing
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def _write(descriptor: int, data: bytes) -> None:
    with os.fdopen(descriptor, "wb") as pipe:
        pipe.write(data)
