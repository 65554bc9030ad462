"""Commands and pipes as objects: a good end makes a version, and every bad one a failure."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from contextlib import AbstractContextManager
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowbackup.errors import InterruptedSessionError, SourceError
from flowbackup.model.entry import EntryKind
from flowbackup.model.record import VersionRecord
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore.content import write_content
from flowbackup.source import stream
from flowbackup.source.manifest import JOURNAL_FRAMES
from flowbackup.source.reader import read_object
from flowbackup.source.stream import Stream, StreamLimits, open_command, open_descriptor
from flowbackup.source.task import ObjectTask
from flowbackup.units import MIB
from tests.restore.memory import FRAME_BYTES, SESSION, Memory
from tests.runtime.left_behind import is_noted

LIMITS = StreamLimits(30)
STANDS = 60
"""So many times slower than the real one is a clock before the note, which may never come."""


def time_behind(note: Path) -> SimpleNamespace:
    """In the place of the module: it stands nearly still until a command has written a line into
    this file; then each look is a day later."""
    days = count(1)

    def monotonic() -> float:
        return next(days) * 86_400.0 if is_noted(note) else time.monotonic() / STANDS

    return SimpleNamespace(monotonic=monotonic, sleep=time.sleep)


class Reading:
    """Reads streams into memory."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.monitor = RecordingMonitor()
        self.journal: list[bytes] = []

    def read(self, stream: AbstractContextManager[Stream]) -> VersionRecord:
        task = ObjectTask(
            session=SESSION, object_id=b"o" * 16, client="web", name="dump", path=b"",
            frame_bytes=FRAME_BYTES, started_ns=1, clock=lambda: 7, stream=stream,
        )  # fmt: skip
        return read_object(
            task, self.memory, self.memory, self.monitor, journal=self.journal.append
        )

    def run(self, *words: str, limits: StreamLimits = LIMITS) -> VersionRecord:
        return self.read(open_command(words, limits, self.monitor, {"FLOWBACKUP_OBJECT": "dump"}))

    def content(self) -> bytes:
        (entry,) = self.memory.entries()
        assert (entry.path, entry.kind, entry.mode) == (b"", EntryKind.FILE, 0o600)
        assert entry.mtime_ns == 7
        out = io.BytesIO()
        write_content(entry, self.memory, out)
        return out.getvalue()


@pytest.fixture
def reading() -> Reading:
    return Reading()


def shell(text: str) -> tuple[str, ...]:
    return ("sh", "-c", text)


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, FRAME_BYTES, 9 * MIB + 5])
def test_what_a_command_writes_is_the_object(size: int, reading: Reading) -> None:
    code = f"import sys; sys.stdout.buffer.write((b'0123456789abcde' * {size})[:{size}])"
    record = reading.run(sys.executable, "-S", "-c", code)
    assert reading.content() == (b"0123456789abcde" * size)[:size]
    assert (record.outcome, record.entries, record.files, record.source) == ("success", 1, 1, b"")
    assert record.bytes_source == record.bytes_read == record.bytes_new == size
    assert reading.monitor.problems == []


def test_a_stream_leaves_nothing_to_go_on_with(reading: Reading) -> None:
    size = 2 * JOURNAL_FRAMES * FRAME_BYTES
    reading.run(*shell(f"head -c {size} /dev/zero"))
    assert reading.content() == bytes(size)
    assert reading.journal == []


def test_a_very_long_stream_stands_in_several_parts(
    reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowbackup.source.reader._PAGE_WEIGHT_MAX", 300)
    reading.run(*shell("head -c 5300000 /dev/zero"))
    assert reading.content() == bytes(5300000)


def test_a_command_knows_what_it_is_run_for_and_reads_nothing(reading: Reading) -> None:
    reading.run(*shell("cat; pwd; echo $FLOWBACKUP_OBJECT"))
    assert reading.content() == b"/\ndump\n"


def test_what_a_good_command_says_is_told_and_spoils_nothing(reading: Reading) -> None:
    record = reading.run(*shell("echo careful >&2; echo data"))
    (problem,) = reading.monitor.problems
    assert (problem.kind, problem.text) == ("stderr", 'command "sh" said: careful')
    assert (record.outcome, record.problems) == ("success", 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("echo half; echo no such database >&2; exit 3", "exit code 3: no such database"),
        ("echo half; kill -9 $$", "was killed by signal 9"),
        ("exit 1", "ended with exit code 1$"),
        ("head -c 9000 /dev/zero | tr '\\0' x >&2; echo end >&2; exit 2", "xend$"),
    ],
)
def test_a_command_that_fails_makes_no_version(text: str, told: str, reading: Reading) -> None:
    with pytest.raises(SourceError, match=told) as caught:
        reading.run(*shell(text))
    assert len(str(caught.value)) < 2200
    assert reading.memory.pages == []


def test_a_command_that_is_not_there(reading: Reading) -> None:
    with pytest.raises(SourceError, match="no shell reads it"):
        reading.run("/no/such/program")


@pytest.mark.parametrize("text", ["sleep 60", "echo x; sleep 60", "exec >&-; sleep 60"])
def test_a_command_that_gives_nothing_is_ended_with_all_that_it_started(
    text: str, reading: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = tmp_path / "pid"
    monkeypatch.setattr(stream, "time", time_behind(note))
    with pytest.raises(SourceError, match=r"for 2\.0 s \(raise silence_max"):
        reading.run(*shell(f"sleep 60 & echo $! > {note}; {text}"), limits=StreamLimits(2))
    assert_ended(int(note.read_text()))


def test_what_a_command_leaves_behind_is_ended_with_it(reading: Reading, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    reading.run(*shell(f"sleep 60 >/dev/null 2>&1 & echo $! > {note}; echo data"))
    assert reading.content() == b"data\n"
    assert_ended(int(note.read_text()))


def test_a_session_that_is_ended_ends_its_command(reading: Reading, tmp_path: Path) -> None:
    note = tmp_path / "pid"
    limits = StreamLimits(60, partial(is_noted, note))
    words = shell(f"trap '' TERM; sleep 60 & echo $! > {note}; echo x; sleep 60")
    with pytest.raises(InterruptedSessionError):
        reading.run(*words, limits=limits)
    assert_ended(int(note.read_text()))


def assert_ended(process: int) -> None:
    """A child of a killed one is reaped by init, which may take a moment."""
    latest = time.monotonic() + 60
    while time.monotonic() < latest:
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"process {process} lives on")


# Standard input of another process


def test_a_pipe_of_another_process(reading: Reading) -> None:
    with subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        data = os.urandom(3 * MIB)
        writer = threading.Thread(target=_write, args=(process.stdin, data))
        writer.start()
        reading.read(open_descriptor(f"/proc/{process.pid}/fd/0", LIMITS))
        writer.join()
        process.kill()
    assert reading.content() == data


def _write(pipe: io.BufferedWriter, data: bytes) -> None:
    with pipe:
        pipe.write(data)


def test_a_pipe_whose_writer_has_gone_already(reading: Reading) -> None:
    with subprocess.Popen(["sleep", "60"], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b"all of it")
        process.stdin.close()
        reading.read(open_descriptor(f"/proc/{process.pid}/fd/0", LIMITS))
        process.kill()
    assert reading.content() == b"all of it"


def test_a_file_is_read_from_where_the_process_stands(reading: Reading, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"head\nrest\n")
    with path.open("rb", buffering=0) as file:
        file.read(5)
        reading.read(open_descriptor(f"/proc/{os.getpid()}/fd/{file.fileno()}", LIMITS))
    assert reading.content() == b"rest\n"


def test_a_closed_input_is_named(reading: Reading) -> None:
    with pytest.raises(SourceError, match="standard input cannot be read"):
        reading.read(open_descriptor(f"/proc/{os.getpid()}/fd/9999", LIMITS))
