"""A command that is told to end by the page while it does not listen."""

from __future__ import annotations

import subprocess
import sys
from itertools import count
from pathlib import Path

from flowbackup.process import identify
from flowbackup.ui.jobs import Jobs
from flowbackup.ui.keeper import PROCESS, write_value
from tests.ui.test_jobs import written

HEARS_LATE = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
print("deaf", flush=True)
for line in sys.stdin:
    print(signal.sigtimedwait({signal.SIGINT}, 0) is not None, flush=True)
"""


def test_a_command_that_is_slow_to_hear_is_told_twice_to_end_now(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HEARS_LATE]
    heard: list[bytes] = []
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as command:
        asking, answers = command.stdin, command.stdout
        assert asking is not None and answers is not None

        def hear(seconds: float = 0) -> None:
            asking.write(b"\n")
            asking.flush()
            heard.append(answers.readline())

        assert answers.readline() == b"deaf\n"
        looks = count()
        jobs = Jobs(tmp_path, pause=hear, clock=lambda: next(looks) / 10)
        job = written(jobs, tmp_path, 1, identify().as_dict())
        write_value(jobs.folder(job) / PROCESS, identify(command.pid).as_dict())
        jobs.end(job, now=True)
        hear()
        command.kill()
    assert heard == [b"True\n", b"True\n"]
