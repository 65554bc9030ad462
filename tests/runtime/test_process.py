"""Ending a process of this machine for sure, and no other one."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from flowbackup.process import end_process, identify


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "1000"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("stopped", [False, True])
def test_a_process_is_ended_be_it_stopped_or_not(
    child: subprocess.Popen[bytes], stopped: bool
) -> None:
    who = identify(child.pid)
    if stopped:
        os.kill(child.pid, signal.SIGSTOP)
    assert end_process(who, 30)
    assert who.is_dead() and child.wait() == -signal.SIGKILL
    assert end_process(who, 0), "one that is gone is ended"


def test_who_has_got_the_number_of_a_dead_process_is_left_alone(
    child: subprocess.Popen[bytes],
) -> None:
    who = identify(child.pid)
    assert end_process(replace(who, start_ticks=who.start_ticks - 1), 0)
    assert not end_process(replace(who, host="elsewhere"), 0)
    assert child.poll() is None
