"""Behind the second signal a command is over, whatever it hangs in, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flowbackup.errors import EXIT_INTERRUPTED
from flowbackup.leaving import END_SECONDS
from flowbackup.process import descendants, identify
from tests.runtime.left_behind import members, wait_for

HANGING = """
import fcntl, os, signal, subprocess, sys
from functools import partial
from pathlib import Path
from flowbackup import leaving
from flowbackup.leaving import end_behind_second_signal, taken_away, undoing

# How long those that it has killed take to die, and its last word to be said, is no matter here.
leaving.DIE_SECONDS_MAX = leaving.TELL_SECONDS_MAX = 30.0

def hang(ready):
    # A lock that another process has: no handler of Python ends such a wait, it only goes on.
    file = open(sys.argv[1])
    ready.touch()
    fcntl.flock(file, fcntl.LOCK_EX)

place, left = Path(sys.argv[2]), Path(sys.argv[3])
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, frame: None)
end_behind_second_signal(130, partial(os.write, 1, b"ended"))
child = subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, start_new_session=True)
with taken_away(partial(os.unlink, left)):
"""


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Somebody else has the lock of this file."""
    holder = subprocess.Popen(
        ["flock", str(path), "sh", "-c", "echo; read line"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None and holder.stdin is not None
    holder.stdout.readline()
    try:
        yield holder
    finally:
        holder.communicate(b"\n")


class Hanging:
    """A process that hangs in the system where `code` says, until `go_on`."""

    def __init__(self, folder: Path, holder: subprocess.Popen[bytes]) -> None:
        self.left = folder / "left"
        self._holder = holder
        self._lock, self._ready = folder / "lock", folder / "ready"

    def start(self, code: str) -> subprocess.Popen[bytes]:
        self.left.touch()
        places = map(str, (self._lock, self._ready, self.left))
        process = subprocess.Popen(
            [sys.executable, "-c", HANGING + code, *places],
            stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        wait_for(self._ready.exists)
        return process

    def go_on(self) -> None:
        assert self._holder.stdin is not None
        self._holder.stdin.write(b"\n")
        self._holder.stdin.flush()


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Hanging]:
    (tmp_path / "lock").touch()
    with held(tmp_path / "lock") as holder:
        yield Hanging(tmp_path, holder)


def tell(process: subprocess.Popen[bytes], *numbers: int) -> None:
    """One after the other: two of one kind that nobody has heard yet are one."""
    status = Path(f"/proc/{process.pid}/status")
    for number in numbers:
        os.kill(process.pid, number)
        wait_for(lambda: "ShdPnd:\t0000000000000000" in status.read_text())


@pytest.mark.parametrize("numbers", [(signal.SIGINT,) * 2, (signal.SIGTERM, signal.SIGINT)])
def test_a_process_that_hangs_is_ended_with_its_children(
    hanging: Hanging, numbers: tuple[int, int]
) -> None:
    process = hanging.start("    hang(place)")
    (child,) = descendants(process.pid)
    tell(process, *numbers)
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (EXIT_INTERRUPTED, b"ended")
    assert not hanging.left.exists()
    assert identify(child).is_dead()
    assert members(process.pid) == []


def test_one_signal_ends_nothing_that_hangs(hanging: Hanging) -> None:
    process = hanging.start("    hang(place)")
    tell(process, signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2 * END_SECONDS)
    assert hanging.left.exists()
    tell(process, signal.SIGTERM)
    assert process.communicate(timeout=60) == (b"ended", None)


def test_who_takes_unfinished_files_away_gets_time_for_it(hanging: Hanging) -> None:
    process = hanging.start(
        "    with undoing():\n        hang(place)\n        os.write(1, b'undone ')\n"
        "    while True:\n        signal.pause()"
    )
    tell(process, signal.SIGTERM, signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2 * END_SECONDS)
    hanging.go_on()
    assert process.communicate(timeout=60) == (b"undone ended", None)
