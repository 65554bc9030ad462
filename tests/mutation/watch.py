"""What is watched inside a run of pytest: what a test calls, and whether it takes too long."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

import pytest

SECONDS_MIN = 20.0
SLOWER_MAX = 10.0
"""A test may take so many seconds, and so many times what it took before: then it hangs."""


@dataclass(frozen=True, slots=True)
class Ran:
    """The processor time that a test took, its children's too, and the functions that it called:
    "path:qualified name".  Not the clock's time, which depends on what else the machine does."""

    seconds: float
    functions: frozenset[str]


def _worked_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Calls:
    """Writes down the functions that each test calls in the house, in all threads of the process.

    Only calls are seen, so this costs little.  What a fixture of a whole module calls counts for
    the first test of the module.
    """

    def __init__(self, root: Path, house: str) -> None:
        self.tests: dict[str, Ran] = {}
        self._root = f"{root}/"
        self._house = f"{root}/{house}/"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        called: set[str] = set()

        def note(frame: FrameType, event: str, argument: object) -> None:
            code = frame.f_code
            if code.co_filename.startswith(self._house):
                path = code.co_filename.removeprefix(self._root)
                called.add(f"{path}:{code.co_qualname}")

        begin = _worked_seconds()
        threading.settrace(note)
        sys.settrace(note)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
            self.tests[item.nodeid] = Ran(_worked_seconds() - begin, frozenset(called))


class Chosen:
    """Runs these tests only, in this order, and ends the process when one hangs."""

    def __init__(self, tests: Sequence[str], seconds: dict[str, float], log: IO[str]) -> None:
        self.failed = ""
        self._places = {test: place for place, test in enumerate(tests)}
        self._seconds = seconds
        self._log = log

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self._places]
        items.sort(key=lambda item: self._places[item.nodeid])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        seconds = max(SECONDS_MIN, SLOWER_MAX * self._seconds.get(item.nodeid, 0.0))
        faulthandler.dump_traceback_later(seconds, exit=True, file=self._log)
        try:
            return (yield)
        finally:
            faulthandler.cancel_dump_traceback_later()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid
