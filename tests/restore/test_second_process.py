"""Small files made by a second process: the same tree and words, whatever becomes of it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flowbackup.model.entry import Entry, EntryKind
from flowbackup.monitor import RecordingMonitor
from flowbackup.restore import RestoreSettings, RestoreStatistics, restore_tree
from flowbackup.restore.directories import OPEN_LEVELS, Level
from flowbackup.restore.metadata import MetadataWriter, Owners
from flowbackup.restore.second import hand_over, process
from flowbackup.restore.second.batch import FILES_MAX
from flowbackup.restore.second.hand_over import HandOver
from flowbackup.restore.second.process import PARTS, GoneError, SecondProcess
from flowbackup.testing.compare import differences
from tests.restore import half_maker
from tests.restore.memory import Memory, read

ALONE = 3
QUICK = RestoreSettings(sync=False)
ROOT = Entry(b"", EntryKind.DIRECTORY, 0o755, os.getuid(), os.getgid())
WAIT_SECONDS_MAX = 60


@dataclass
class Seen:
    """Every second process, and the files that were handed over."""

    processes: list[SecondProcess] = field(default_factory=list)
    paths: list[bytes] = field(default_factory=list)

    def ended(self) -> list[int | None]:
        return [each._process.returncode for each in self.processes]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """A second process is used from the first files on, and watched."""
    found = Seen()
    start, takes = SecondProcess.__init__, HandOver.takes

    def started(self: SecondProcess) -> None:
        start(self)
        found.processes.append(self)

    def taken(self: HandOver, entry: Entry, name: bytes, level: Level) -> bool:
        took = takes(self, entry, name, level)
        found.paths += [entry.path] * took
        return took

    monkeypatch.setattr(SecondProcess, "__init__", started)
    monkeypatch.setattr(HandOver, "takes", taken)
    monkeypatch.setattr(hand_over, "FILES_ALONE", ALONE)
    monkeypatch.setattr(hand_over, "_is_of_use", lambda: True)
    # One that has just been started on a busy machine may not have come to its first line yet.
    monkeypatch.setattr(process, "END_SECONDS_MAX", float(WAIT_SECONDS_MAX))
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Files of all kinds and sizes, in more directories than one batch has."""
    place = tmp_path / "a"
    for number in range(400):
        folder = place / f"d{number // 20}" / f"e{number // 5 % 4}"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"f{number}\n"
        file.write_bytes(bytes([number % 251]) * (number * 37 % 9000))
        file.chmod(0o600 + number % 0o200)
        os.utime(file, ns=(0, number * 10**9 + number))
    (place / "d0.top").write_bytes(b"not in a directory of ours")
    (place / "d3" / "large").write_bytes(bytes(300_000))
    (place / "d3" / "away").symlink_to("nowhere")
    (place / "d1" / "link").write_bytes(b"under two names")
    os.link(place / "d1" / "link", place / "d4" / "again")
    if os.geteuid() == 0:
        os.chown(place / "d5" / "e0" / "f100\n", 1234, 5678)
        (place / "d5" / "e0" / "f100\n").chmod(0o4755)
    for number in range(20):
        (place / f"d{number}").chmod(0o500 + number)
        os.utime(place / f"d{number}", ns=(0, number))
    return place


def restored(memory: Memory, place: Path) -> tuple[RestoreStatistics, RecordingMonitor]:
    monitor = RecordingMonitor()
    done = restore_tree(memory.entries(), memory, bytes(place), QUICK, monitor)
    return done, monitor


def left_open(place: Path) -> list[str]:
    """What a restore below that place has not closed."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return [to for to in found if to.startswith((str(place), "/memfd:flowbackup"))]


def test_the_tree_is_the_same_and_so_are_the_counts(
    tmp_path: Path, source: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory, _ = read(str(source))
    done, monitor = restored(memory, tmp_path / "b")
    assert left_open(tmp_path) == []
    assert list(differences(source, tmp_path / "b")) == []
    assert (monitor.problems, monitor.messages) == ([], [])
    assert len(seen.paths) >= PARTS * FILES_MAX * 3 // 4
    assert all(b"/" in path for path in seen.paths), "others reach into a target that was there"
    assert seen.ended() == [0]
    monkeypatch.setattr(hand_over, "FILES_ALONE", 10**6)
    alone, _ = restored(memory, tmp_path / "c")
    assert done == alone
    assert len(seen.processes) == 1


def test_where_the_target_gives_its_group_no_file_is_handed_over(
    tmp_path: Path, source: Path, seen: Seen
) -> None:
    if os.geteuid():
        pytest.skip("needs root, to give a directory a group")
    memory, _ = read(str(source))
    (tmp_path / "b").mkdir()
    os.chown(tmp_path / "b", -1, 4321)
    (tmp_path / "b").chmod(0o2755)
    restored(memory, tmp_path / "b")
    assert seen.paths == []
    assert list(differences(source, tmp_path / "b")) == []


def test_what_may_not_be_given_to_its_owner_is_not_handed_over(
    tmp_path: Path, source: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MetadataWriter(Owners(numeric=True)).may_own(os.geteuid(), os.getegid())
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    writer = MetadataWriter(Owners(numeric=True))
    assert not writer.may_own(0, 0) and not writer.may_own(1234, os.getegid() + 1)
    monkeypatch.setattr(os, "geteuid", os.getuid)
    monkeypatch.setattr(MetadataWriter, "may_own", lambda *_: False)
    memory, _ = read(str(source))
    restored(memory, tmp_path / "b")
    assert seen.paths == []


def test_a_small_restore_starts_no_process(
    tmp_path: Path, source: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(hand_over, "SecondProcess", None)
    memory, _ = read(str(source))
    done, _ = restored(memory, tmp_path / "b")
    assert done.files > 400


@pytest.mark.parametrize(("expected", "processes"), [(20, 0), (21, 1)])
def test_where_many_files_are_expected_it_starts_at_once(
    tmp_path: Path, source: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch,
    expected: int, processes: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(hand_over, "FILES_ALONE", 10**6)
    monkeypatch.setattr(hand_over, "FILES_EXPECTED_MIN", 20)
    memory, _ = read(str(source))
    target = bytes(tmp_path / "b")
    done = restore_tree(memory.entries(), memory, target, QUICK, files_expected=expected)
    assert len(seen.processes) == processes
    assert (done.problems, done.files) == (0, 403)
    assert list(differences(source, tmp_path / "b")) == []


def killed(of: SecondProcess) -> None:
    of._process.kill()


def stopped(of: SecondProcess) -> None:
    os.kill(of._process.pid, signal.SIGSTOP)


@pytest.mark.parametrize(
    ("harm", "word"), [(killed, "signal 9"), (stopped, "did not answer")], ids=["killed", "stopped"]
)
@pytest.mark.parametrize("batch", range(PARTS))
def test_a_lost_process_costs_nothing_but_time(
    tmp_path: Path, source: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch,
    harm: Callable[[SecondProcess], None], word: str, batch: int,
) -> None:  # fmt: skip
    send, sent = SecondProcess.send, iter(range(1000))

    def harmed(self: SecondProcess, message: bytes, directories: list[int]) -> None:
        if next(sent) == batch:
            harm(self)
        send(self, message, directories)

    monkeypatch.setattr(SecondProcess, "send", harmed)
    if harm is stopped:
        monkeypatch.setattr(process, "ANSWER_SECONDS_MAX", 0.2)
    memory, _ = read(str(source))
    done, monitor = restored(memory, tmp_path / "b")
    assert left_open(tmp_path) == []
    assert list(differences(source, tmp_path / "b")) == []
    assert (monitor.problems, done.problems) == ([], 0)
    (text,) = monitor.messages
    assert word in text
    assert seen.ended() == [-signal.SIGKILL]


@pytest.mark.parametrize(
    ("program", "word"),
    [
        ("flowbackup.no_such_program", "exit code 1: "),
        (half_maker.__name__, f"exit code {half_maker.EXIT_CODE}"),
    ],
)
def test_a_process_that_fails_leaves_nothing_wrong(
    tmp_path: Path, source: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch,
    program: str, word: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(process, "PROGRAM", program)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    memory, _ = read(str(source))
    _, monitor = restored(memory, tmp_path / "b")
    assert list(differences(source, tmp_path / "b")) == []
    assert monitor.problems == []
    (text,) = monitor.messages
    assert word in text


def test_a_process_that_cannot_be_started_is_told(
    tmp_path: Path, source: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    memory, _ = read(str(source))
    _, monitor = restored(memory, tmp_path / "b")
    assert left_open(tmp_path) == []
    assert list(differences(source, tmp_path / "b")) == []
    (text,) = monitor.messages
    assert "No such file" in text


def test_what_cannot_be_made_is_told_as_by_one_process(
    tmp_path: Path, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    entries = [ROOT, ROOT._replace(path=b"d")]
    for number in range(40):
        good = memory.put(bytes([number]) * 100)
        name = b"d/f%02d" % number
        size = 100
        if number == 20:
            good = (good[0]._replace(digest=bytes(32)),)
        if number == 30:
            name, size = b"d/" + b"n" * 300, 100
        entry = Entry(name, EntryKind.FILE, 0o644, os.getuid(), os.getgid(), size=size)
        entries += [entry._replace(chunks=good)] * (2 if number == 10 else 1)

    def told(place: Path) -> tuple[RestoreStatistics, list[str]]:
        monitor = RecordingMonitor()
        done = restore_tree(entries, memory, bytes(place), QUICK, monitor)
        return done, sorted(map(str, monitor.problems))

    two = told(tmp_path / "two")
    assert {b"d/f10", b"d/f20", b"d/" + b"n" * 300} <= set(seen.paths)
    monkeypatch.setattr(hand_over, "FILES_ALONE", 10**6)
    assert two == told(tmp_path / "one")
    assert two[0].problems == 3
    assert not (tmp_path / "two" / "d" / "f20").exists()


def test_what_is_interrupted_leaves_whole_files_and_no_process(
    tmp_path: Path, source: Path, seen: Seen
) -> None:
    memory, _ = read(str(source))

    def interrupted(entries: Iterable[Entry]) -> Iterator[Entry]:
        for number, entry in enumerate(entries):
            if number == 350:
                raise KeyboardInterrupt
            yield entry

    with pytest.raises(KeyboardInterrupt):
        restore_tree(interrupted(memory.entries()), memory, bytes(tmp_path / "b"), QUICK)
    assert left_open(tmp_path) == []
    assert len(seen.paths) > FILES_MAX
    assert seen.ended() == [0]
    for file in (tmp_path / "b").rglob("f*"):
        same = source / file.relative_to(tmp_path / "b")
        assert (file.read_bytes(), file.stat().st_mode) == (same.read_bytes(), same.stat().st_mode)


def test_deeper_than_directories_may_be_open(tmp_path: Path, seen: Seen) -> None:
    place = tmp_path / "a"
    for depth in range(OPEN_LEVELS + 20):
        place /= "d"
        place.mkdir(parents=True)
        for number in range(3):
            (place / f"a{number}").write_bytes(b"%d %d" % (depth, number))
            (place / f"z{number}").write_bytes(b"%d %d behind" % (depth, number))
    memory, _ = read(str(tmp_path / "a"))
    _, monitor = restored(memory, tmp_path / "b")
    assert (monitor.problems, monitor.messages) == ([], [])
    assert list(differences(tmp_path / "a", tmp_path / "b")) == []
    assert sum(b"/z" in path for path in seen.paths) > OPEN_LEVELS


def test_it_ends_when_the_first_process_is_killed() -> None:
    text = (
        "from flowbackup.restore.second.process import SecondProcess; import sys;"
        "print(SecondProcess()._process.pid, flush=True); sys.stdin.read()"
    )
    first = subprocess.Popen(
        (sys.executable, "-c", text), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdout is not None and first.stdin is not None
    with first.stdout, first.stdin:
        second = os.pidfd_open(int(first.stdout.readline()))
        first.kill()
        first.wait()
    poll = select.poll()
    poll.register(second, select.POLLIN)
    assert poll.poll(WAIT_SECONDS_MAX * 1000), "it goes on alone"
    os.close(second)


def test_what_is_asked_of_a_process_that_ended_is_an_error() -> None:
    second = SecondProcess()
    assert second.answer_nowait() is None
    assert os.getpgid(second._process.pid) != os.getpgrp(), "a terminal would end it, too"
    second._process.kill()
    with pytest.raises(GoneError, match="signal 9"):
        second.wait_answer()
    with pytest.raises(GoneError, match="signal 9"):
        second.send(b"x", ())
    second.close()
    second.close()
